import RedrafterCore

extension TokenizerDefinition {
    /// What no file may say of its tokens: the same text twice, spellings too long to look for.
    ///
    /// Tokens that text becomes are compared by their bytes, added tokens by their spelling; unused tokens may repeat.
    func checkTokens(_ vocabulary: Vocabulary, field: String) throws(TokenizerError) {
        guard tokens.count <= 1 << 30 else {
            throw .invalid(file: file, field: field, expected: "at most 2^30 tokens", got: "\(tokens.count)")
        }
        if let (token, earlier) = vocabulary.repetition { throw repeated(token, earlier, field) }
        var seen: [ArraySlice<UInt8>: Int] = [:]
        for id in tokens.indices where isLookedFor(id) {
            let spelling = tokens[id]
            if let earlier = seen.updateValue(id, forKey: spelling), !spelling.isEmpty {
                throw repeated(id, earlier, field)
            }
            guard spelling.count <= Self.longestAddedToken else {
                throw .invalid(
                    file: file, field: "\(field)[\(id)]",
                    expected: "an added token of at most \(Self.longestAddedToken) bytes",
                    got: "\(spelling.count) bytes")
            }
        }
    }

    /// Tokens without text are never found, and mean nothing when a model gives one.
    mutating func warnEmptyTokens() {
        let empty = tokens.indices.filter { tokens.length($0) == 0 && kinds[$0] != .unused }
        guard let first = empty.first else { return }
        warnings.append(
            empty.count == 1
                ? "token \(first) has no text"
                : "\(empty.count) tokens have no text, token \(first) the first")
    }

    /// Whether a model with so many rows can be the tokenizer's: a few tokens may lie behind them.
    func fits(rows: Int) -> Bool { tokens.count - rows <= max(64, rows / 8) }

    /// Leaves out the tokens for which the embedding has no row: a model can neither read nor give them.
    /// - Throws: `.invalid` where they are so many that the tokenizer must be another model's, or where texts begin or end
    ///   with one.
    mutating func limit(toRows rows: Int, field: String) throws(TokenizerError) {
        guard tokens.count > rows else { return }
        let excess = tokens.count - rows
        let needed = prefix + suffix
        guard fits(rows: rows), !needed.contains(where: { Int($0) >= rows }) else {
            throw .invalid(
                file: file, field: field, expected: "at most \(rows) tokens, the rows of the embedding",
                got: "\(tokens.count)")
        }
        let name = String(decoding: tokens[rows].prefix(64), as: UTF8.self)
        let what = excess == 1 ? "1 token of the tokenizer has" : "\(excess) tokens of the tokenizer have"
        warnings.append(
            "\(what) no row in the embedding and cannot be used, \"\(TerminalText.escaped(name))\" the first; text never "
                + "becomes such a token")
        var kept = ByteStrings()
        kept.reserve(count: rows, bytes: tokens.storage.count)
        for id in 0..<rows { kept.append(tokens[id]) }
        tokens = kept
        kinds.removeLast(excess)
        if !scores.isEmpty { scores.removeLast(excess) }
        merges.removeAll { Int($0.left) >= rows || Int($0.right) >= rows || Int($0.result) >= rows }
        matching = matching.filter { Int($0.key) < rows }
        endOfGeneration = endOfGeneration.filter { Int($0) < rows }
        func inside(_ id: Int32?) -> Int32? { id.flatMap { Int($0) < rows ? $0 : nil } }
        bos = inside(bos)
        eos = inside(eos)
        unknown = inside(unknown)
        padding = inside(padding)
    }

    /// The token is found in text by its spelling as a whole.
    func isLookedFor(_ id: Int) -> Bool {
        kinds[id] == .control || kinds[id] == .userDefined || kinds[id] == .unknown
    }

    private func repeated(_ token: Int, _ earlier: Int, _ field: String) -> TokenizerError {
        .invalid(
            file: file, field: "\(field)[\(token)]", expected: "text of its own",
            got: "\"\(String(decoding: tokens[token].prefix(64), as: UTF8.self))\", as token \(earlier) has")
    }
}
