import RedrafterFormats

extension TokenizerDefinition {
    /// The chat template that the options name, parsed, with the special tokens of this tokenizer.
    /// - Throws: `ChatTemplateError` for a missing template, an unknown name, or one that cannot be read.
    public func makeChatTemplate(
        _ options: ChatTemplateOptions = ChatTemplateOptions()
    ) throws(ChatTemplateError) -> ChatTemplate {
        switch options.choice {
        case .source(let source, let file):
            return try ChatTemplate(source, file: file, specialTokens: specialTokens, options: options)
        case .ofModel:
            guard let chatTemplate, !chatTemplate.isEmpty else {
                throw .missing(file: file, named: namedChatTemplates.keys.sorted())
            }
            return try ChatTemplate(
                chatTemplate, file: chatTemplateFile ?? file, specialTokens: specialTokens, options: options)
        case .named(let name):
            let own = name == "default" ? chatTemplate : namedChatTemplates[name]
            guard let source = BuiltInChatTemplate(rawValue: name)?.source ?? own else {
                let ofFile = (chatTemplate == nil ? [] : ["default"]) + namedChatTemplates.keys.sorted()
                throw .unknownName(file: file, name: name, known: BuiltInChatTemplate.names + ofFile)
            }
            return try ChatTemplate(source, file: file, specialTokens: specialTokens, options: options)
        }
    }

    /// Spellings by the names that templates use.
    private var specialTokens: [String: String] {
        var result = [String: String]()
        for (name, id) in [
            ("bos_token", bos), ("eos_token", eos), ("unk_token", unknown), ("pad_token", padding),
        ] {
            guard let id, tokens.indices.contains(Int(id)) else { continue }
            result[name] = String(decoding: tokens[Int(id)], as: UTF8.self)
        }
        return result
    }
}

extension Tokenizer {
    /// The chat template that the options name. - Throws: `ChatTemplateError`.
    public func chatTemplate(
        _ options: ChatTemplateOptions = ChatTemplateOptions()
    ) throws(ChatTemplateError) -> ChatTemplate {
        try definition.makeChatTemplate(options)
    }

    /// Tokens of a conversation in a chat format, ready to be continued by the assistant.
    /// - Throws: `ChatTemplateError` where the template fails or refuses the conversation.
    public func encode(
        _ messages: [ChatMessage], using template: ChatTemplate
    ) throws(ChatTemplateError) -> Encoding {
        encode(try template.render(messages))
    }
}
