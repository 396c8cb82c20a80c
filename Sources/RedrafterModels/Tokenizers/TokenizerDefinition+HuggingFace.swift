import RedrafterCore
import RedrafterFormats

extension TokenizerDefinition {
    /// Reads `tokenizer.json` of a folder, and beside it, where they are, `tokenizer_config.json` (special tokens, chat
    /// template), `chat_template.jinja`, `chat_template.json`, `additional_chat_templates` and `generation_config.json` (tokens that end an answer).
    /// - Parameters:
    ///   - directory: the folder of a checkpoint.
    ///   - vocabularySize: rows of the embedding, where the model is known; there may be more rows than
    ///     tokens.
    public init(directory: String, vocabularySize: Int? = nil) throws(TokenizerError) {
        let path = directory + "/tokenizer.json"
        let configuration = try Self.optional(try JSONValue(path: directory + "/tokenizer_config.json"))
        let generation = try Self.optional(try JSONValue(path: directory + "/generation_config.json"))
        let templates = try ChatTemplateFiles.templates(directory: directory)
        let root = try wrapping(TokenizerError.format, try JSONValue(path: path))
        try self.init(
            tokenizer: root, configuration: configuration, generation: generation, file: path,
            vocabularySize: vocabularySize)
        chatTemplate = templates.standard ?? chatTemplate
        namedChatTemplates.merge(templates.named) { $1 }
    }

    /// Reads a parsed `tokenizer.json`, and `tokenizer_config.json` and `generation_config.json` where there are any.
    ///
    /// Recognised are the structures named in `HuggingFacePipeline`; `truncation` and `padding` are not applied.
    /// - Throws: `TokenizerError` naming the field, or the construct that would need another tokenizer.
    public init(
        tokenizer root: JSONValue, configuration: JSONValue?, generation: JSONValue? = nil, file: String,
        vocabularySize: Int? = nil
    ) throws(TokenizerError) {
        // The model first: of a file that is no BPE tokenizer, that is what should be said.
        var reader = HuggingFaceReader(root: root, file: file, rows: vocabularySize)
        try reader.readModel()
        let pipeline = try HuggingFacePipeline(root, file: file)
        try reader.readAddedTokens()
        let model = pipeline.preTokenizer.map { Model.byteLevelBPE($0) } ?? .sentencePieceBPE
        var (tokens, kinds) = (ByteStrings(), reader.kinds)
        for id in kinds.indices {
            kinds[id] = reader.spellings[id].withBytes {
                Self.append($0, kinds[id], model, to: &tokens)
            }
        }
        self.init(file: file, model: model, tokens: tokens, kinds: kinds, merges: [])
        let vocabulary = makeVocabulary()
        try checkTokens(vocabulary, field: "model.vocab")
        merges = try reader.merges(vocabulary, isByteLevel: pipeline.preTokenizer != nil)
        prefersWholeWords = try reader.flag("ignore_merges")
        normalizesToNFC = pipeline.normalizesToNFC
        spacePrefix = pipeline.spacePrefix
        splitsAtBlanks = pipeline.splitsAtBlanks
        droppedBlanks = pipeline.droppedBlanks
        matching = reader.matching
        fusesUnknown = try reader.flag("fuse_unk")
        unknown = try reader.unknown()
        replacesMissingByUnknown = unknown != nil
        try readSpecialTokens(reader, pipeline, configuration)
        try readEndOfGeneration(generation)
        (chatTemplate, namedChatTemplates) = ChatTemplateFiles.templates(configuration?["chat_template"])
    }

    private mutating func readSpecialTokens(
        _ reader: HuggingFaceReader, _ pipeline: HuggingFacePipeline, _ configuration: JSONValue?
    ) throws(TokenizerError) {
        bos = try reader.token(configuration, "bos_token")
        eos = try reader.token(configuration, "eos_token")
        padding = try reader.token(configuration, "pad_token")
        if unknown == nil { unknown = try reader.token(configuration, "unk_token") }
        if let first = pipeline.prefix.first {
            bos = try reader.token(named: first, field: "post_processor.single")
            addsBOS = true
        } else {
            addsBOS = bos != nil && configuration?["add_bos_token"]?.bool == true
        }
        if let last = pipeline.suffix.first {
            eos = try reader.token(named: last, field: "post_processor.single")
            addsEOS = true
        } else {
            addsEOS = eos != nil && configuration?["add_eos_token"]?.bool == true
        }
    }

    private mutating func readEndOfGeneration(_ generation: JSONValue?) throws(TokenizerError) {
        guard let value = generation?["eos_token_id"], !value.isNull else { return }
        for item in value.array ?? [value] {
            guard let id = item.integer, tokens.indices.contains(id) else {
                throw .invalid(
                    file: file, field: "eos_token_id of generation_config.json",
                    expected: "token ids below \(tokens.count)", got: item.summary)
            }
            endOfGeneration.insert(Int32(truncatingIfNeeded: id))
        }
    }

    /// nil for a file that is not there.
    private static func optional<Value>(
        _ read: @autoclosure () throws(FormatError) -> Value
    ) throws(TokenizerError) -> Value? {
        do { return try read() } catch .missing { return nil } catch { throw .format(error) }
    }
}
