import RedrafterCore
import RedrafterModels

extension Model {
    /// The chat format of the model's file.
    /// - Throws: `RedrafterError.chatTemplate` where there is none, or one that is not known.
    public func chatTemplate() throws(RedrafterError) -> ChatTemplate {
        try wrapping(RedrafterError.chatTemplate) { () throws(ChatTemplateError) in
            try tokenizer.chatTemplate()
        }
    }

    /// Tokens of a conversation that ends with a question, up to where the answer begins. What the messages hold is plain
    /// text, also where it spells a special token.
    /// - Throws: `RedrafterError.chatTemplate`.
    public func prompt(_ messages: [ChatMessage]) throws(RedrafterError) -> Tokenizer.Encoding {
        tokenizer.encode(try chatTemplate().render(messages))
    }

    /// Tokens of a plain text to continue. Special tokens spelled in it are taken as such, as in llama.cpp.
    public func prompt(_ text: String) -> Tokenizer.Encoding { tokenizer.encodePrompt(text) }
}
