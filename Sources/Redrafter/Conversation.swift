import RedrafterModels

/// A conversation with a model on the thread of its caller; `Session` is the same for concurrent programs.
///
///     let conversation = try Conversation(try Model.load(path: "model.gguf"), instructions: "Answer briefly.")
///     let prompt = try conversation.prompt(for: "Why is the sky blue?")
///     let answer = try conversation.answer(prompt) { print($0.text, terminator: "") }
///
/// The cache lasts from turn to turn. When the context is full, the oldest turns are left out; the instructions and the last
/// question stay.
public final class Conversation {
    public let model: Model
    /// Turns so far, the system message included, without those that were left out.
    public private(set) var messages: [ChatMessage]
    private let generator: TextGenerator

    /// What is odd about the drafter's weights but no error; for stderr.
    public var warnings: [String] { generator.warnings }

    /// - Parameters:
    ///   - model: may serve several conversations at once.
    ///   - instructions: the system message.
    ///   - speculation: how answers are made faster; they are the same with every choice.
    /// - Throws: `RedrafterError.chatTemplate` where the model has no chat template that can be read; `.drafter` where a
    ///   drafter that was asked for does not fit the model; `.transformer(.backend(.outOfMemory))`.
    public init(
        _ model: Model, instructions: String? = nil,
        speculation: SpeculationOptions = SpeculationOptions()
    ) throws(RedrafterError) {
        _ = try model.chatTemplate()
        self.model = model
        messages = instructions.map { [ChatMessage(role: .system, content: $0)] } ?? []
        generator = try TextGenerator(model, speculation: speculation)
    }

    /// The conversation with another question, cut to the context. It is not part of the conversation yet.
    ///
    /// Room is kept for `parameters.maximumTokens`, but for no more than a quarter of the context, so that an answer is not cut
    /// as soon as it begins.
    /// - Throws: `RedrafterError.promptTooLong` where not even the question alone fits the context.
    public func prompt(
        for question: String, _ parameters: GenerationParameters = GenerationParameters()
    ) throws(RedrafterError) -> FittedPrompt {
        try model.prompt(for: messages + [ChatMessage(role: .user, content: question)], parameters)
    }

    /// Answers a prompt of this conversation; what was kept of it and the answer are the conversation then. A cancelled
    /// answer is the text so far.
    /// - Parameters:
    ///   - prompt: from `prompt(for:_:)`.
    ///   - parameters: how long, and how it is sampled.
    ///   - cancellation: looked at before each pass.
    ///   - onPiece: called with each piece of text as soon as it is certain.
    /// - Throws: as `TextGenerator.generate`; the conversation is as before then.
    @discardableResult
    public func answer(
        _ prompt: FittedPrompt, _ parameters: GenerationParameters = GenerationParameters(),
        cancellation: CancellationFlag = CancellationFlag(), onPiece: (TextPiece) -> Void = { _ in }
    ) throws(RedrafterError) -> GenerationResult {
        var result = try generator.generate(
            prompt.encoding.tokens, parameters, cancellation: cancellation, onPiece: onPiece)
        result.droppedTurns = prompt.droppedTurns
        messages = prompt.messages + [ChatMessage(role: .assistant, content: result.text)]
        return result
    }

    /// Forgets all turns but the instructions.
    public func reset() {
        messages.removeAll { $0.role != .system }
        generator.reset()
    }
}
