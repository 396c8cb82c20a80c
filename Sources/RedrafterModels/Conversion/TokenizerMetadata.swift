import RedrafterCore
import RedrafterFormats

/// A tokenizer under the keys of llama.cpp.
struct TokenizerMetadata {
    let definition: TokenizerDefinition
    /// Rows of the embedding; llama.cpp wants a token for each.
    let rows: Int
    /// nil: SentencePiece.
    private let pre: GGUFPreTokenizer?
    /// Tokens that are spelled like what stands for ids without one.
    private let paddingNames: Set<ByteSlice>

    /// Reads the tokenizer beside a checkpoint.
    /// - Throws: `ModelError.mismatch` when the embedding has no row for many tokens; `.tokenizer`, also for one that a GGUF
    ///   file cannot describe.
    init(directory: String, rows: Int, modelPath: String) throws(ModelError) {
        var definition = try wrapping(ModelError.tokenizer, try TokenizerDefinition(directory: directory))
        guard definition.fits(rows: rows) else {
            throw .mismatch(
                file: definition.file, what: "tokens", got: "\(definition.tokens.count)", other: modelPath,
                expected: "an embedding of \(rows) rows")
        }
        do {
            try definition.limit(toRows: rows, field: "model.vocab")
            try self.init(definition, rows: rows)
        } catch {
            throw .tokenizer(error)
        }
    }

    init(_ definition: TokenizerDefinition, rows: Int) throws(TokenizerError) {
        self.definition = definition
        self.rows = rows
        paddingNames = Set(
            definition.tokens.lazy.filter { $0.starts(with: "[PAD".utf8) }.map { ByteSlice($0) })
        pre = GGUFPreTokenizer.matching(definition)
        guard pre != nil || Self.isSentencePiece(definition) else {
            throw .unsupported(
                file: definition.file,
                what: "a GGUF file of a tokenizer with this normalizer and pre_tokenizer",
                supported: "the folder itself, and in GGUF files the tokenizers of "
                    + GGUFPreTokenizer.all.compactMap(\.names.first).joined(separator: ", ")
                    + " and SentencePiece")
        }
        guard definition.prefix.count <= 1, definition.suffix.count <= 1 else {
            throw .unsupported(
                file: definition.file, what: "a GGUF file with several tokens before or behind texts",
                supported: "one")
        }
    }

    /// Blanks for spaces, before or while the text is cut.
    private static func isSentencePiece(_ definition: TokenizerDefinition) -> Bool {
        guard definition.model == .characterBPE, definition.wholeWords == .none else { return false }
        let replacement = Normalizer.replace(TextPattern(literal: [UInt8(ascii: " ")]), with: Blank.bytes)
        switch (definition.normalizers, definition.preTokenizers.first, definition.preTokenizers.count) {
        case ([replacement], nil, _), ([.prepend(Blank.bytes), replacement], nil, _): return true
        case ([], .blanks(Blank.bytes, _, _), 1): return true
        default: return false
        }
    }

    private var addsSpacePrefix: Bool {
        if case .blanks(_, let prefix, _) = definition.preTokenizers.first { return prefix != .never }
        return definition.normalizers.count == 2
    }

    /// What the tokenizer does and a GGUF file has no key for.
    var warnings: [String] {
        var result = definition.warnings
        let special = definition.matching.filter { !$0.value.isEmpty }.keys.sorted()
        if !special.isEmpty {
            let names = special.prefix(3).map {
                TerminalText.escaped(String(decoding: definition.tokens[Int($0)], as: UTF8.self), limit: 64)
            }
            result.append(
                "\(special.count) added tokens are looked for in a way that a GGUF file cannot say (blanks around them, "
                    + "whole words, normalized text): \(names.joined(separator: ", "))")
        }
        if pre == nil, case .blanks(_, .first, _) = definition.preTokenizers.first {
            result.append(
                "from a GGUF file, text right behind a special token begins with a blank of its own; here it does not"
            )
        }
        // With the pre-tokenizer of Qwen 2 it is understood.
        if definition.normalizers == [.form(.composed)], pre?.normalizesToNFC == false {
            result.append("that text is brought to Unicode's NFC is something a GGUF file cannot say")
        }
        return result
    }

    /// Writes everything the definition says.
    func set(on writer: GGUFWriter) throws(FormatError) {
        let prefix = "tokenizer.ggml."
        let padding = definition.tokens.count..<rows
        if let pre {
            try writer.set(prefix + "model", .string(pre.names[0] == "gemma4" ? "gemma4" : "gpt2"))
            try writer.set(prefix + "pre", .string(pre.names[0]))
        } else {
            try writer.set(prefix + "model", .string("llama"))
            try writer.set(prefix + "pre", .string("default"))
            try writer.set(prefix + "add_space_prefix", .bool(addsSpacePrefix))
            try writer.set(prefix + "scores", .floats(scores + padding.map { _ in Self.lowestScore }))
        }
        try writer.set(
            prefix + "tokens",
            .strings(definition.tokens.indices.map(spelling) + padding.map(fillerName)))
        let unused = TokenizerDefinition.Kind.unused
        try writer.set(
            prefix + "token_type",
            .integers(.int32, definition.kinds.map(\.rawValue) + padding.map { _ in unused.rawValue }))
        if pre != nil {
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
        try setEndOfGeneration(writer)
        try writer.set(prefix + "add_bos_token", .bool(definition.addsBOS))
        try writer.set(prefix + "add_eos_token", .bool(definition.addsEOS))
        try ChatTemplateFiles.set(definition, on: writer)
    }

    /// Every token that ends an answer: two under keys that llama.cpp knows, and all of them under one of our own where
    /// there are more.
    private func setEndOfGeneration(_ writer: GGUFWriter) throws(FormatError) {
        let others = definition.endOfGeneration.filter { $0 != definition.eos }.sorted()
        for (key, id) in zip(["eot", "eom"], others) {
            try writer.set("tokenizer.ggml.\(key)_token_id", .uint32(UInt32(clamping: id)))
        }
        guard others.count > 2 else { return }
        try writer.set(
            TokenizerDefinition.endOfGenerationKey,
            .integers(.int32, definition.endOfGeneration.sorted().map(Int.init)))
    }

    /// A spelling for an id without token that no token has.
    private func fillerName(_ id: Int) -> ByteSlice {
        var name = ByteSlice("[PAD\(id)]")
        while paddingNames.contains(name) { name = ByteSlice(name.array + [UInt8(ascii: "_")]) }
        return name
    }

    /// The token as files spell it: bytes as characters of the byte-level alphabet, single bytes as `<0x0A>`.
    private func spelling(_ id: Int) -> ByteSlice {
        let bytes = definition.tokens[id]
        switch (definition.model, definition.kinds[id]) {
        case (_, .unused) where bytes.isEmpty: return fillerName(id)
        case (.byteLevelBPE, .normal), (.byteLevelBPE, .unused), (.byteLevelBPE, .byte):
            return ByteSlice(ByteLevelAlphabet.encode(bytes))
        case (.characterBPE, .byte):
            guard bytes.count == 1, let byte = bytes.first else { return ByteSlice(bytes) }
            return ByteSlice(TokenizerDefinition.byteSpelling(byte))
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
