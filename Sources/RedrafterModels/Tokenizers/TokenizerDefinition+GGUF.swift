import RedrafterCore
import RedrafterFormats

extension TokenizerDefinition {
    /// Reads the tokenizer in a GGUF file's metadata.
    /// - Parameter vocabularySize: rows of the embedding, where the model is known; there may be more rows than tokens.
    public init(_ gguf: GGUFFile, vocabularySize: Int? = nil) throws(TokenizerError) {
        let reader = Reader(gguf: gguf)
        guard let kind = try reader.string("tokenizer.ggml.model") else {
            throw reader.invalid("tokenizer.ggml.model", expected: "a tokenizer", got: "none")
        }
        guard
            let strings = try reader.read({ (metadata) throws(FormatError) in
                try metadata.stringArray("tokenizer.ggml.tokens")
            }), !strings.isEmpty
        else {
            throw reader.invalid("tokenizer.ggml.tokens", expected: "at least one token", got: "none")
        }
        let rows = vocabularySize ?? strings.count
        guard strings.count <= rows else {
            throw reader.invalid(
                "tokenizer.ggml.tokens", expected: "at most \(rows) tokens, the rows of the embedding",
                got: "\(strings.count)")
        }
        let kinds = try reader.kinds(count: strings.count)
        let model: Model
        switch kind {
        case "gpt2": model = .byteLevelBPE(try reader.preTokenizer())
        case "llama": model = .sentencePieceBPE
        default:
            throw .unsupported(
                file: gguf.path, what: "tokenizer.ggml.model \"\(kind)\"", supported: "gpt2, llama")
        }
        let tokens = strings.enumerated().map { id, bytes in Self.bytes(of: bytes, kinds[id], model) }
        let isSentencePiece = model == .sentencePieceBPE
        let scores = isSentencePiece ? try reader.scores(count: strings.count) : []
        self.init(
            file: gguf.path, model: model, tokens: tokens, kinds: kinds, scores: scores,
            merges: isSentencePiece
                ? Self.mergesFromScores(tokens, kinds, scores)
                : try reader.merges(tokens: tokens, kinds: kinds))
        prefersWholeWords = model == .byteLevelBPE(.llama3)
        bos = try reader.token("bos_token_id", below: strings.count)
        eos = try reader.token("eos_token_id", below: strings.count)
        unknown = try reader.token("unknown_token_id", below: strings.count)
        padding = try reader.token("padding_token_id", below: strings.count)
        for key in ["eot_token_id", "eom_token_id"] {
            if let token = try reader.token(key, below: strings.count) { endOfGeneration.insert(token) }
        }
        addsBOS = try reader.bool("tokenizer.ggml.add_bos_token") ?? isSentencePiece
        addsEOS = try reader.bool("tokenizer.ggml.add_eos_token") ?? false
        addsSpacePrefix = try reader.bool("tokenizer.ggml.add_space_prefix") ?? isSentencePiece
        chatTemplate = try reader.string("tokenizer.chat_template")
        guard !addsBOS || bos != nil else {
            throw reader.invalid(
                "tokenizer.ggml.add_bos_token", expected: "a bos_token_id beside it", got: "none")
        }
    }

    /// The bytes a token stands for: byte-level spellings and `<0x0A>` decoded, others as they are.
    static func bytes(of spelling: some Collection<UInt8>, _ kind: Kind, _ model: Model) -> [UInt8] {
        if kind == .control || kind == .userDefined || kind == .unknown { return Array(spelling) }
        if case .byteLevelBPE = model { return ByteLevelAlphabet.decode(spelling) ?? Array(spelling) }
        let text = Array(spelling)
        if kind == .byte, text.count == 6, text.starts(with: "<0x".utf8),
            let byte = UInt8(String(decoding: text[3..<5], as: UTF8.self), radix: 16)
        {
            return [byte]
        }
        return text
    }

    /// SentencePiece files without merges: any two pieces that make a third merge, the best score first.
    static func mergesFromScores(_ tokens: [[UInt8]], _ kinds: [Kind], _ scores: [Float]) -> [Merge] {
        let vocabulary = Vocabulary(tokens) { kinds[$0] == .normal || kinds[$0] == .userDefined }
        let order = tokens.indices.filter { kinds[$0] == .normal && tokens[$0].count > 1 }
            .sorted { (-scores[$0], $0) < (-scores[$1], $1) }
        var merges = [Merge]()
        for id in order {
            tokens[id].withUnsafeBufferPointer { bytes in
                for cut in 1..<bytes.count where bytes[cut] & 0xC0 != 0x80 {
                    guard let left = vocabulary.id(of: UnsafeBufferPointer(rebasing: bytes[..<cut])),
                        let right = vocabulary.id(of: UnsafeBufferPointer(rebasing: bytes[cut...]))
                    else { continue }
                    merges.append(Merge(left: left, right: right, result: Int32(id)))
                }
            }
        }
        return merges
    }

    private struct Reader {
        let gguf: GGUFFile

        func invalid(_ field: String, expected: String, got: String) -> TokenizerError {
            .invalid(file: gguf.path, field: field, expected: expected, got: got)
        }

        func read<Value>(_ body: (GGUFMetadata) throws(FormatError) -> Value) throws(TokenizerError) -> Value
        {
            do { return try body(gguf.metadata) } catch { throw .format(error) }
        }

        func string(_ key: String) throws(TokenizerError) -> String? {
            try read { (metadata) throws(FormatError) in try metadata.string(key) }
        }

        func bool(_ key: String) throws(TokenizerError) -> Bool? {
            try read { (metadata) throws(FormatError) in try metadata.bool(key) }
        }

        func token(_ name: String, below count: Int) throws(TokenizerError) -> Int32? {
            let key = "tokenizer.ggml." + name
            guard let value = try read({ (metadata) throws(FormatError) in try metadata.integer(key) }) else {
                return nil
            }
            guard value >= 0, value < count else {
                throw invalid(key, expected: "a token id below \(count)", got: "\(value)")
            }
            return Int32(value)
        }

        func kinds(count: Int) throws(TokenizerError) -> [Kind] {
            let key = "tokenizer.ggml.token_type"
            guard let values = try read({ (metadata) throws(FormatError) in try metadata.integerArray(key) })
            else {
                return [Kind](repeating: .normal, count: count)
            }
            guard values.count == count else {
                throw invalid(key, expected: "\(count) entries", got: "\(values.count)")
            }
            var kinds = [Kind]()
            kinds.reserveCapacity(count)
            for value in values {
                guard let kind = Kind(rawValue: value) else {
                    throw invalid(key, expected: "token types from 1 to 6", got: "\(value)")
                }
                kinds.append(kind)
            }
            return kinds
        }

        func scores(count: Int) throws(TokenizerError) -> [Float] {
            let key = "tokenizer.ggml.scores"
            guard let scores = try read({ (metadata) throws(FormatError) in try metadata.floatArray(key) })
            else {
                throw invalid(key, expected: "\(count) scores", got: "none")
            }
            guard scores.count == count else {
                throw invalid(key, expected: "\(count) scores", got: "\(scores.count)")
            }
            guard !scores.contains(where: \.isNaN) else {
                throw invalid(key, expected: "numbers", got: "NaN")
            }
            return scores
        }

        func preTokenizer() throws(TokenizerError) -> PreTokenizer {
            let name = try string("tokenizer.ggml.pre")
            switch name {
            case "gpt-2", "gpt2", "phi-2": return .gpt2
            case "smollm": return .smollm
            case "llama-bpe", "llama3", "llama-v3", "smaug-bpe": return .llama3
            case "qwen2", "deepseek-r1-qwen": return .qwen2
            default:
                throw .unsupported(
                    file: gguf.path, what: "tokenizer.ggml.pre \"\(name ?? "missing")\"",
                    supported: "gpt-2, smollm, llama-bpe, qwen2")
            }
        }

        func merges(tokens: [[UInt8]], kinds: [Kind]) throws(TokenizerError) -> [Merge] {
            let key = "tokenizer.ggml.merges"
            guard let lines = try read({ (metadata) throws(FormatError) in try metadata.stringArray(key) })
            else {
                throw invalid(key, expected: "merges", got: "none")
            }
            let vocabulary = Vocabulary(tokens) { kinds[$0] == .normal || kinds[$0] == .userDefined }
            var merges = [Merge]()
            merges.reserveCapacity(lines.count)
            for (rank, line) in lines.enumerated() {
                let parts = line.split(separator: UInt8(ascii: " "), omittingEmptySubsequences: false)
                guard parts.count == 2, !parts[0].isEmpty, !parts[1].isEmpty else {
                    throw invalid(
                        "\(key)[\(rank)]", expected: "two pieces with one space between",
                        got: "\"\(String(decoding: line.prefix(64), as: UTF8.self))\"")
                }
                let left = ByteLevelAlphabet.decode(parts[0]) ?? Array(parts[0])
                let right = ByteLevelAlphabet.decode(parts[1]) ?? Array(parts[1])
                guard let leftID = vocabulary.id(of: left), let rightID = vocabulary.id(of: right),
                    let result = vocabulary.id(of: left + right)
                else {
                    throw invalid(
                        "\(key)[\(rank)]", expected: "pieces that are tokens and make a token",
                        got: "\"\(String(decoding: line.prefix(64), as: UTF8.self))\"")
                }
                merges.append(Merge(left: leftID, right: rightID, result: result))
            }
            return merges
        }
    }
}
