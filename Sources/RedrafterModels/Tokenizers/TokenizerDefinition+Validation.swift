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
