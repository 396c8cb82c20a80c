import RedrafterCore
import RedrafterModels

extension Model {
    /// The chat template: the model's own, or the one it was loaded with.
    /// - Throws: `RedrafterError.chatTemplate` where there is none, or one that cannot be read.
    public func chatTemplate() throws(RedrafterError) -> ChatTemplate {
        try wrapping(RedrafterError.chatTemplate, try parsedChatTemplate.get())
    }

    /// Tokens of a conversation that ends with a question, up to where the answer begins. What the messages hold is plain
    /// text, also where it spells a special token.
    /// - Throws: `RedrafterError.chatTemplate`, also where the template refuses the conversation.
    public func prompt(_ messages: [ChatMessage]) throws(RedrafterError) -> Tokenizer.Encoding {
        let template = try chatTemplate()
        return try wrapping(
            RedrafterError.chatTemplate, try tokenizer.encode(messages, using: template))
    }

    /// The prompt of a conversation that may have outgrown the context: the oldest turns are left out until it fits. A turn
    /// is a question with its answer; the system message and the last question always stay.
    /// - Parameters:
    ///   - messages: ends with the question to answer.
    ///   - answerTokens: room for the answer, as long as there are turns to leave out. For the last question
    ///     alone one token is enough.
    /// - Throws: `RedrafterError.promptTooLong` where not even the last question fits; `.chatTemplate`.
    public func prompt(
        fitting messages: [ChatMessage], answerTokens: Int
    ) throws(RedrafterError) -> FittedPrompt {
        var fitted = FittedPrompt(encoding: try prompt(messages), messages: messages, droppedTurns: 0)
        while fitted.encoding.tokens.count + answerTokens > contextLength, fitted.dropOldestTurn() {
            fitted.encoding = try prompt(fitted.messages)
        }
        guard fitted.encoding.tokens.count < contextLength else {
            throw .promptTooLong(tokens: fitted.encoding.tokens.count, contextLength: contextLength)
        }
        return fitted
    }

    /// The prompt of a conversation that ends with a question, with room for the answer that the parameters ask for, but for no more
    /// than a quarter of the context.
    package func prompt(
        for messages: [ChatMessage], _ parameters: GenerationParameters
    ) throws(RedrafterError) -> FittedPrompt {
        try prompt(
            fitting: messages,
            answerTokens: min(parameters.maximumTokens ?? .max, max(1, contextLength / 4)))
    }

    /// Tokens of a plain text to continue. Special tokens spelled in it are taken as such, as in llama.cpp.
    public func prompt(_ text: String) -> Tokenizer.Encoding { tokenizer.encodePrompt(text) }
}

/// A conversation cut to the context.
public struct FittedPrompt: Sendable {
    public fileprivate(set) var encoding: Tokenizer.Encoding
    /// The messages that stayed.
    public fileprivate(set) var messages: [ChatMessage]
    /// Questions that were left out with their answers.
    public fileprivate(set) var droppedTurns: Int

    /// False when the last question is all that is left.
    fileprivate mutating func dropOldestTurn() -> Bool {
        guard let first = messages.firstIndex(where: { $0.role != .system }),
            let next = messages[(first + 1)...].firstIndex(where: { $0.role == .user })
        else { return false }
        messages.removeSubrange(first..<next)
        droppedTurns += 1
        return true
    }
}
