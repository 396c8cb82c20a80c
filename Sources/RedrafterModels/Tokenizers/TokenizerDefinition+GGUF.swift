import RedrafterCore
import RedrafterFormats

extension TokenizerDefinition {
    /// Reads the tokenizer in a GGUF file's metadata.
    /// - Parameters:
    ///   - gguf: the file of a model.
    ///   - vocabularySize: rows of the embedding, where the model is known; there may be more rows than
    ///     tokens.
    public init(_ gguf: GGUFFile, vocabularySize: Int? = nil) throws(TokenizerError) {
        let reader = Reader(gguf: gguf)
        guard let kind = try reader.string("tokenizer.ggml.model") else {
            throw reader.invalid("tokenizer.ggml.model", expected: "a tokenizer", got: "none")
        }
        guard
            let strings = try wrapping(
                TokenizerError.format, try gguf.metadata.stringArray("tokenizer.ggml.tokens")),
            !strings.isEmpty
        else {
            throw reader.invalid("tokenizer.ggml.tokens", expected: "at least one token", got: "none")
        }
        let rows = vocabularySize ?? strings.count
        guard strings.count <= rows else {
            throw reader.invalid(
                "tokenizer.ggml.tokens", expected: "at most \(rows) tokens, the rows of the embedding",
                got: "\(strings.count)")
        }
        var kinds = try reader.kinds(count: strings.count)
        let model: Model
        switch kind {
        case "gpt2": model = .byteLevelBPE(try reader.preTokenizer())
        case "llama": model = .sentencePieceBPE
        default:
            throw .unsupported(
                file: gguf.path, what: "tokenizer.ggml.model \"\(kind)\"", supported: "gpt2, llama")
        }
        var tokens = ByteStrings()
        tokens.reserve(count: strings.count, bytes: 8 * strings.count)
        for id in kinds.indices { kinds[id] = Self.append(strings[id], kinds[id], model, to: &tokens) }
        let isSentencePiece = model == .sentencePieceBPE
        self.init(
            file: gguf.path, model: model, tokens: tokens, kinds: kinds,
            scores: isSentencePiece ? try reader.scores(count: strings.count) : [], merges: [])
        let vocabulary = makeVocabulary()
        try checkTokens(vocabulary, field: "tokenizer.ggml.tokens")
        merges = isSentencePiece ? mergesFromScores(vocabulary) : try reader.merges(vocabulary)
        prefersWholeWords = model == .byteLevelBPE(.llama3)
        normalizesToNFC = model == .byteLevelBPE(.qwen2)
        replacesMissingByUnknown = isSentencePiece
        bos = try reader.token("bos_token_id", below: strings.count)
        eos = try reader.token("eos_token_id", below: strings.count)
        unknown = try reader.token("unknown_token_id", below: strings.count)
        padding = try reader.token("padding_token_id", below: strings.count)
        for key in ["eot_token_id", "eom_token_id"] {
            if let token = try reader.token(key, below: strings.count) { endOfGeneration.insert(token) }
        }
        let addsBOSByDefault = isSentencePiece || model == .byteLevelBPE(.llama3)
        addsBOS = try reader.bool("tokenizer.ggml.add_bos_token") ?? (addsBOSByDefault && bos != nil)
        addsEOS = try reader.bool("tokenizer.ggml.add_eos_token") ?? false
        let addsSpacePrefix = try reader.bool("tokenizer.ggml.add_space_prefix") ?? isSentencePiece
        spacePrefix = isSentencePiece && addsSpacePrefix ? .everyPiece : .never
        droppedBlanks = self.addsSpacePrefix ? .one : .none
        (chatTemplate, namedChatTemplates) = try ChatTemplateFiles.templates(gguf)
        guard !addsBOS || bos != nil else {
            throw reader.invalid(
                "tokenizer.ggml.add_bos_token", expected: "a bos_token_id beside it", got: "none")
        }
        guard !addsEOS || eos != nil else {
            throw reader.invalid(
                "tokenizer.ggml.add_eos_token", expected: "an eos_token_id beside it", got: "none")
        }
    }

    private struct Reader {
        let gguf: GGUFFile

        func invalid(_ field: String, expected: String, got: String) -> TokenizerError {
            .invalid(file: gguf.path, field: field, expected: expected, got: got)
        }

        func string(_ key: String) throws(TokenizerError) -> String? {
            try wrapping(TokenizerError.format, try gguf.metadata.string(key))
        }

        func bool(_ key: String) throws(TokenizerError) -> Bool? {
            try wrapping(TokenizerError.format, try gguf.metadata.bool(key))
        }

        func token(_ name: String, below count: Int) throws(TokenizerError) -> Int32? {
            let key = "tokenizer.ggml." + name
            guard let value = try wrapping(TokenizerError.format, try gguf.metadata.integer(key)) else {
                return nil
            }
            guard value >= 0, value < count else {
                throw invalid(key, expected: "a token id below \(count)", got: "\(value)")
            }
            return Int32(value)
        }

        func kinds(count: Int) throws(TokenizerError) -> [Kind] {
            let key = "tokenizer.ggml.token_type"
            guard let values = try wrapping(TokenizerError.format, try gguf.metadata.integerArray(key))
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
            guard let scores = try wrapping(TokenizerError.format, try gguf.metadata.floatArray(key))
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

        func merges(_ vocabulary: Vocabulary) throws(TokenizerError) -> [Merge] {
            let key = "tokenizer.ggml.merges"
            guard let lines = try wrapping(TokenizerError.format, try gguf.metadata.stringArray(key))
            else {
                throw invalid(key, expected: "merges", got: "none")
            }
            var merges = MergeReader(file: gguf.path, field: key, vocabulary: vocabulary, count: lines.count)
            for line in lines { try merges.append(line) }
            return merges.merges
        }
    }
}
