import RedrafterCore
import RedrafterFormats

extension TokenizerDefinition {
    /// Reads `tokenizer.json` of a folder, and beside it, where they are, `tokenizer_config.json` (special tokens, chat
    /// template), `chat_template.jinja`, `chat_template.json`, `additional_chat_templates`, and `generation_config.json` and `config.json`
    /// (tokens that end an answer).
    /// - Parameters:
    ///   - directory: the folder of a checkpoint.
    ///   - vocabularySize: rows of the embedding, where the model is known; there may be more rows than
    ///     tokens.
    public init(directory: String, vocabularySize: Int? = nil) throws(TokenizerError) {
        let path = directory + "/tokenizer.json"
        let configuration = try Self.optional(try JSONValue(path: directory + "/tokenizer_config.json"))
        let generation = try Self.optional(try JSONValue(path: directory + "/generation_config.json"))
        let model = try Self.optional(try JSONValue(path: directory + "/config.json"))
        let (templates, templateFile) = try ChatTemplateFiles.templates(directory: directory)
        let root = try wrapping(TokenizerError.format, try JSONValue(path: path))
        try self.init(
            tokenizer: root, configuration: configuration, generation: generation, model: model, file: path,
            vocabularySize: vocabularySize)
        if let standard = templates.standard {
            chatTemplate = standard
            chatTemplateFile = templateFile
        } else if chatTemplate != nil {
            chatTemplateFile = directory + "/tokenizer_config.json"
        }
        namedChatTemplates.merge(templates.named) { $1 }
    }

    /// Reads a parsed `tokenizer.json`, and the other files of a checkpoint where there are any.
    ///
    /// Every part is built from its components; `truncation` and `padding` are not applied.
    /// - Throws: `TokenizerError` naming the field, or the construct that would need another tokenizer.
    public init(
        tokenizer root: JSONValue, configuration: JSONValue?, generation: JSONValue? = nil,
        model: JSONValue? = nil, file: String, vocabularySize: Int? = nil
    ) throws(TokenizerError) {
        // The model first: of a file that is no BPE tokenizer, that is what should be said.
        var reader = HuggingFaceReader(root: root, file: file)
        try reader.readModel()
        let pipeline = try HuggingFacePipeline(root, file: file)
        try reader.readAddedTokens()
        let kind = pipeline.isByteLevel ? Model.byteLevelBPE : .characterBPE
        var (tokens, kinds) = (ByteStrings(), reader.kinds)
        for id in kinds.indices {
            kinds[id] = reader.spellings[id].withBytes {
                Self.append($0, kinds[id], kind, to: &tokens)
            }
        }
        self.init(file: file, model: kind, tokens: tokens, kinds: kinds, merges: [])
        let vocabulary = makeVocabulary()
        try checkTokens(vocabulary, field: "model.vocab")
        merges = try reader.merges(vocabulary, isByteLevel: pipeline.isByteLevel)
        wholeWords = try reader.flag("ignore_merges") ? .all : .none
        normalizers = pipeline.normalizers
        preTokenizers = pipeline.preTokenizers
        decoder = pipeline.decoder
        matching = reader.matching
        fusesUnknown = try reader.flag("fuse_unk")
        unknown = try reader.unknown()
        replacesMissingByUnknown = unknown != nil
        try readSpecialTokens(reader, pipeline, configuration)
        try readEndOfGeneration(generation, "generation_config.json", rows: vocabularySize)
        for settings in [model, model?["text_config"]] {
            try readEndOfGeneration(settings, "config.json", rows: vocabularySize)
            bos = bos ?? token(settings, "bos_token_id")
            eos = eos ?? token(settings, "eos_token_id")
        }
        (chatTemplate, namedChatTemplates) = ChatTemplateFiles.templates(configuration?["chat_template"])
        warnEmptyTokens()
        if let vocabularySize { try limit(toRows: vocabularySize, field: "model.vocab") }
    }

    private mutating func readSpecialTokens(
        _ reader: HuggingFaceReader, _ pipeline: HuggingFacePipeline, _ configuration: JSONValue?
    ) throws(TokenizerError) {
        bos = try reader.token(configuration, "bos_token")
        eos = try reader.token(configuration, "eos_token")
        padding = try reader.token(configuration, "pad_token")
        if unknown == nil { unknown = try reader.token(configuration, "unk_token") }
        prefix = try reader.ids(pipeline.prefix)
        suffix = try reader.ids(pipeline.suffix)
        if let first = prefix.first {
            bos = first
        } else if let bos, configuration?["add_bos_token"]?.bool == true {
            prefix = [bos]
        }
        if let last = suffix.last {
            eos = last
        } else if let eos, configuration?["add_eos_token"]?.bool == true {
            suffix = [eos]
        }
    }

    /// Ids at which a model stops: `eos_token_id`, a number or a list.
    private mutating func readEndOfGeneration(
        _ settings: JSONValue?, _ name: String, rows: Int?
    ) throws(TokenizerError) {
        guard let value = settings?["eos_token_id"], !value.isNull else { return }
        for item in value.array ?? [value] {
            guard let id = item.integer else {
                throw .invalid(
                    file: file, field: "eos_token_id of \(name)", expected: "token ids", got: item.summary)
            }
            guard id >= 0, id < max(tokens.count, rows ?? 0), let token = Int32(exactly: id) else {
                warnings.append(
                    "eos_token_id of \(name) names token \(id), which the tokenizer does not have")
                continue
            }
            endOfGeneration.insert(token)
        }
    }

    /// The first id that `config.json` gives for a role, if it is a token.
    private func token(_ settings: JSONValue?, _ key: String) -> Int32? {
        let value = settings?[key]
        guard let id = value?.integer ?? value?.array?.first?.integer, tokens.indices.contains(id) else {
            return nil
        }
        return Int32(truncatingIfNeeded: id)
    }

    /// nil for a file that is not there.
    private static func optional<Value>(
        _ read: @autoclosure () throws(FormatError) -> Value
    ) throws(TokenizerError) -> Value? {
        do { return try read() } catch .missing { return nil } catch { throw .format(error) }
    }
}
