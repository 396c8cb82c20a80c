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
        let plan = try reader.plan(kind)
        var kinds = try reader.kinds(count: strings.count)
        var tokens = ByteStrings()
        tokens.reserve(count: strings.count, bytes: 8 * strings.count)
        for id in kinds.indices { kinds[id] = Self.append(strings[id], kinds[id], plan.model, to: &tokens) }
        let scores = try reader.scores(count: strings.count, isRequired: plan.pre == nil)
        self.init(
            file: gguf.path, model: plan.model, tokens: tokens, kinds: kinds,
            scores: plan.pre == nil ? scores : [], merges: [])
        try reader.checkSpellings(strings, kinds)
        let vocabulary = makeVocabulary()
        try checkTokens(vocabulary, field: "tokenizer.ggml.tokens")
        if let pre = plan.pre {
            merges = try reader.merges(vocabulary, isByteLevel: plan.model == .byteLevelBPE)
            wholeWords = pre.wholeWords
            preTokenizers = try reader.steps(pre)
            if pre.normalizesToNFC { normalizers = [.form(.composed)] }
            if pre.spellsBlanks {
                normalizers = [.replace(TextPattern(literal: [UInt8(ascii: " ")]), with: Blank.bytes)]
                decoder = .sentencePiece(dropsFirstSpace: false)
            }
        } else {
            merges = mergesFromScores(vocabulary)
            replacesMissingByUnknown = true
            let addsPrefix = try reader.bool("tokenizer.ggml.add_space_prefix") ?? true
            normalizers = [.replace(TextPattern(literal: [UInt8(ascii: " ")]), with: Blank.bytes)]
            if addsPrefix { normalizers.insert(.prepend(Blank.bytes), at: 0) }
            decoder = .sentencePiece(dropsFirstSpace: addsPrefix)
        }
        try readSpecialTokens(reader, plan)
        (chatTemplate, namedChatTemplates) = try ChatTemplateFiles.templates(gguf)
        warnEmptyTokens()
        if let vocabularySize { try limit(toRows: vocabularySize, field: "tokenizer.ggml.tokens") }
    }

    private mutating func readSpecialTokens(_ reader: Reader, _ plan: Plan) throws(TokenizerError) {
        let count = tokens.count
        bos = try reader.token("bos_token_id", below: count)
        eos = try reader.token("eos_token_id", below: count)
        unknown = try reader.token("unknown_token_id", below: count)
        padding = try reader.token("padding_token_id", below: count)
        for key in ["eot_token_id", "eom_token_id"] {
            if let token = try reader.token(key, below: count) { endOfGeneration.insert(token) }
        }
        for id in try reader.endOfGeneration(below: count) { endOfGeneration.insert(id) }
        let addsBOSByDefault = plan.pre?.addsBOS ?? true
        var addsBOS = try reader.bool("tokenizer.ggml.add_bos_token") ?? (addsBOSByDefault && bos != nil)
        // Files of Gemma 4 exist that say the wrong thing; llama.cpp overrides them, too.
        if plan.pre?.wholeWords == .lineBreaks, bos != nil { addsBOS = true }
        if addsBOS {
            guard let bos else { throw reader.absent("bos") }
            prefix = [bos]
        }
        if try reader.bool("tokenizer.ggml.add_eos_token") ?? false {
            guard let eos else { throw reader.absent("eos") }
            suffix = [eos]
        }
    }

    /// What kind of tokenizer a file holds.
    private struct Plan {
        var model: Model
        /// nil: SentencePiece, with merges by score.
        var pre: GGUFPreTokenizer?
    }

    /// Further tokens that end an answer: a key of this project, for models with more of them than other keys have
    /// room for.
    static let endOfGenerationKey = "redrafter.tokenizer.eog_token_ids"

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
            guard let value = gguf.metadata[key] else { return [Kind](repeating: .normal, count: count) }
            guard case .array(let array) = value, array.elementType == .int32, let values = array.integers
            else {
                throw invalid(key, expected: "an array of i32", got: value.summary)
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

        func plan(_ kind: String) throws(TokenizerError) -> Plan {
            switch kind {
            case "llama": return Plan(model: .characterBPE, pre: nil)
            case "gemma4": return Plan(model: .characterBPE, pre: GGUFPreTokenizer.named("gemma4"))
            case "gpt2":
                let name = try string("tokenizer.ggml.pre") ?? "default"
                guard let pre = GGUFPreTokenizer.named(name) else {
                    throw .unsupported(
                        file: gguf.path, what: "tokenizer.ggml.pre \"\(name)\"",
                        supported: GGUFPreTokenizer.all.compactMap(\.names.first).joined(separator: ", "))
                }
                return Plan(model: pre.spellsBlanks ? .characterBPE : .byteLevelBPE, pre: pre)
            default:
                let names = [
                    "bert": " (WordPiece)", "t5": " (Unigram)", "rwkv": " (RWKV)", "plamo2": " (PLaMo 2)",
                ]
                throw .unsupported(
                    file: gguf.path, what: "tokenizer.ggml.model \"\(kind)\"\(names[kind] ?? "")",
                    supported: "gpt2 (byte-level BPE), llama (SentencePiece BPE), gemma4")
            }
        }

        func steps(_ pre: GGUFPreTokenizer) throws(TokenizerError) -> [PreTokenizer] {
            do { return try pre.steps() } catch {
                throw .unsupported(
                    file: gguf.path, what: "tokenizer.ggml.pre \"\(pre.names[0])\": \(error.problem)",
                    supported: "other patterns")
            }
        }

        func absent(_ name: String) -> TokenizerError {
            let article = name == "bos" ? "a" : "an"
            return invalid(
                "tokenizer.ggml.add_\(name)_token", expected: "\(article) \(name)_token_id beside it",
                got: "none")
        }

        func endOfGeneration(below count: Int) throws(TokenizerError) -> [Int32] {
            let key = TokenizerDefinition.endOfGenerationKey
            let values = try wrapping(TokenizerError.format, try gguf.metadata.integerArray(key)) ?? []
            for value in values where value < 0 || value >= count {
                throw invalid(key, expected: "token ids below \(count)", got: "\(value)")
            }
            return values.map { Int32(truncatingIfNeeded: $0) }
        }

        /// Two tokens of one spelling would make the id of a text a matter of taste.
        func checkSpellings(_ strings: GGUFStringArray, _ kinds: [Kind]) throws(TokenizerError) {
            var capacity = 16
            while capacity < 2 * strings.count { capacity *= 2 }
            var slots = [Int32](repeating: -1, count: capacity)
            let seed = UInt64.random(in: .min ... .max)
            for (id, string) in strings.enumerated() where !string.isEmpty {
                var slot = Vocabulary.hash(string, seed) & (capacity - 1)
                while slots[slot] >= 0 {
                    guard !strings[Int(slots[slot])].elementsEqual(string) else {
                        throw invalid(
                            "tokenizer.ggml.tokens[\(id)]", expected: "text of its own",
                            got:
                                "\"\(String(decoding: string.prefix(64), as: UTF8.self))\", as token \(slots[slot]) has"
                        )
                    }
                    slot = (slot + 1) & (capacity - 1)
                }
                slots[slot] = Int32(truncatingIfNeeded: id)
            }
        }

        /// Scores as 32-bit floats; llama.cpp reads whole numbers, too.
        func scores(count: Int, isRequired: Bool) throws(TokenizerError) -> [Float] {
            let key = "tokenizer.ggml.scores"
            guard let value = gguf.metadata[key] else {
                guard isRequired else { return [] }
                throw invalid(key, expected: "\(count) scores", got: "none")
            }
            guard case .array(let array) = value, array.elementType == .float32 || array.elementType == .int32
            else { throw invalid(key, expected: "an array of f32 or i32", got: value.summary) }
            guard array.count == count else {
                throw invalid(key, expected: "\(count) scores", got: "\(array.count)")
            }
            guard isRequired else { return [] }
            let scores = array.floats ?? (array.integers ?? []).map { Float($0) }
            guard !scores.contains(where: \.isNaN) else {
                throw invalid(key, expected: "numbers", got: "NaN")
            }
            return scores
        }

        func merges(_ vocabulary: Vocabulary, isByteLevel: Bool) throws(TokenizerError) -> [Merge] {
            let key = "tokenizer.ggml.merges"
            guard let lines = try wrapping(TokenizerError.format, try gguf.metadata.stringArray(key))
            else {
                throw invalid(key, expected: "merges", got: "none")
            }
            var merges = MergeReader(
                file: gguf.path, field: key, vocabulary: vocabulary, isByteLevel: isByteLevel,
                count: lines.count)
            for line in lines { try merges.append(line) }
            return merges.merges
        }
    }
}
