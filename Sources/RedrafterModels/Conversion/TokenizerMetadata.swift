import RedrafterCore
import RedrafterFormats

/// A tokenizer under the keys of llama.cpp.
struct TokenizerMetadata {
    let definition: TokenizerDefinition
    /// Rows of the embedding; llama.cpp wants a token for each.
    let rows: Int

    /// Reads the tokenizer beside a checkpoint. Special tokens that its own files leave open are those of `config.json`.
    /// - Throws: `ModelError.mismatch` when the embedding has no row for some token, `.tokenizer`.
    init(directory: String, configuration: JSONValue, rows: Int, modelPath: String) throws(ModelError) {
        var definition: TokenizerDefinition
        do { definition = try TokenizerDefinition(directory: directory) } catch { throw .tokenizer(error) }
        func token(_ key: String) -> Int32? {
            let value = configuration[key]
            guard let id = value?.integer ?? value?.array?.first?.integer,
                definition.tokens.indices.contains(id)
            else { return nil }
            return Int32(truncatingIfNeeded: id)
        }
        definition.bos = definition.bos ?? token("bos_token_id")
        definition.eos = definition.eos ?? token("eos_token_id")
        guard definition.tokens.count <= rows else {
            throw .mismatch(
                file: definition.file, what: "tokens", got: "\(definition.tokens.count)", other: modelPath,
                expected: "an embedding of \(rows) rows")
        }
        self.definition = definition
        self.rows = rows
    }

    /// What the tokenizer does and a GGUF file has no key for.
    var warnings: [String] {
        var result = [String]()
        let special = definition.matching.filter { !$0.value.isEmpty }.keys.sorted()
        if !special.isEmpty {
            let names = special.prefix(3).map {
                TerminalText.escaped(String(decoding: definition.tokens[Int($0)], as: UTF8.self), limit: 64)
            }
            result.append(
                "\(special.count) added tokens are looked for in a way that a GGUF file cannot say (blanks around them, "
                    + "whole words, normalized text): \(names.joined(separator: ", "))")
        }
        // With the pre-tokenizer of Qwen 2 it is understood.
        if definition.normalizesToNFC, definition.model != .byteLevelBPE(.qwen2) {
            result.append("that text is brought to Unicode's NFC is something a GGUF file cannot say")
        }
        return result
    }

    /// Writes everything the definition says.
    func set(on writer: GGUFWriter) throws(FormatError) {
        let prefix = "tokenizer.ggml."
        let padding = definition.tokens.count..<rows
        switch definition.model {
        case .byteLevelBPE(let preTokenizer):
            try writer.set(prefix + "model", .string("gpt2"))
            try writer.set(prefix + "pre", .string(preTokenizer.rawValue))
        case .sentencePieceBPE:
            try writer.set(prefix + "model", .string("llama"))
            try writer.set(prefix + "pre", .string("default"))
            try writer.set(prefix + "add_space_prefix", .bool(definition.addsSpacePrefix))
            try writer.set(prefix + "scores", .floats(scores + padding.map { _ in Self.lowestScore }))
        }
        try writer.set(
            prefix + "tokens",
            .strings(definition.tokens.indices.map(spelling) + padding.map { ByteSlice("[PAD\($0)]") }))
        let unused = TokenizerDefinition.Kind.unused
        try writer.set(
            prefix + "token_type",
            .integers(.int32, definition.kinds.map(\.rawValue) + padding.map { _ in unused.rawValue }))
        if case .byteLevelBPE = definition.model {
            try writer.set(
                prefix + "merges",
                .strings(
                    definition.merges.map { merge in
                        var line = spelling(Int(merge.left)).array
                        line.append(UInt8(ascii: " "))
                        return ByteSlice(line + spelling(Int(merge.right)).array)
                    }))
        }
        let ids: [(String, Int32?)] = [
            ("bos", definition.bos), ("eos", definition.eos), ("unknown", definition.unknown),
            ("padding", definition.padding),
        ]
        for (name, id) in ids {
            if let id { try writer.set("\(prefix)\(name)_token_id", .uint32(UInt32(clamping: id))) }
        }
        try writer.set(prefix + "add_bos_token", .bool(definition.addsBOS))
        try writer.set(prefix + "add_eos_token", .bool(definition.addsEOS))
        try ChatTemplateFiles.set(definition, on: writer)
    }

    /// The token as files spell it: bytes as characters of the byte-level alphabet, single bytes as `<0x0A>`.
    private func spelling(_ id: Int) -> ByteSlice {
        let bytes = definition.tokens[id]
        switch (definition.model, definition.kinds[id]) {
        case (.byteLevelBPE, .normal), (.byteLevelBPE, .unused), (.byteLevelBPE, .byte):
            return ByteSlice(ByteLevelAlphabet.encode(bytes))
        case (.sentencePieceBPE, .byte):
            guard bytes.count == 1, let byte = bytes.first else { return ByteSlice(bytes) }
            let digits = String(byte, radix: 16, uppercase: true)
            return ByteSlice("<0x" + (byte < 16 ? "0" : "") + digits + ">")
        default: return ByteSlice(bytes)
        }
    }

    private static let lowestScore: Float = -1e6

    /// Scores as SentencePiece gives them: what is merged first has the highest. Where a file has merges only, a piece
    /// takes the rank of the first merge that makes it, and pieces no merge makes come last.
    private var scores: [Float] {
        guard definition.scores.isEmpty else { return definition.scores }
        var scores = [Float?](repeating: nil, count: definition.tokens.count)
        var rank = 0
        for merge in definition.merges where scores[Int(merge.result)] == nil {
            scores[Int(merge.result)] = -Float(rank)
            rank += 1
        }
        return scores.enumerated().map { id, score in
            guard definition.kinds[id] == .normal else { return 0 }
            if let score { return score }
            rank += 1
            return -Float(rank)
        }
    }
}
