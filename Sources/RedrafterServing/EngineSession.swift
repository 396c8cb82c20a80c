import Redrafter
import RedrafterModels

/// A conversation on an engine, beside any number of others: what `Session` is with a cache of its own.
///
///     let engine = try Engine(model)
///     let session = try EngineSession(engine, instructions: "Answer briefly.")
///     for try await piece in session.streamResponse(to: "Why is the sky blue?") { print(piece.text, terminator: "") }
///
/// Turns are computed from where the conversation goes on as long as its text is in a slot; else from its start, or from where it
/// begins like another text. When the context is full, the oldest turns are left out, and the response says how many. One
/// answer of a session is generated at a time.
public actor EngineSession {
    public nonisolated let engine: Engine
    /// Turns so far, the system message included, without those that were left out.
    public private(set) var messages: [ChatMessage]
    /// Result of the last answer.
    public private(set) var lastResponse: GenerationResult?
    private let drafter: String?
    private var isAnswering = false
    private var callers: [CheckedContinuation<Void, Never>] = []

    /// - Parameters:
    ///   - engine: answers.
    ///   - instructions: the system message.
    ///   - drafter: one of the engine's; nil for its first.
    /// - Throws: `RedrafterError.chatTemplate` where the model has no chat template that can be read.
    public init(
        _ engine: Engine, instructions: String? = nil, drafter: String? = nil
    ) throws(RedrafterError) {
        _ = try engine.model.chatTemplate()
        self.engine = engine
        self.drafter = drafter
        messages = instructions.map { [ChatMessage(role: .system, content: $0)] } ?? []
    }

    /// Answers a message; both become part of the conversation. A cancelled task ends the answer within one pass, and the text so
    /// far is returned.
    /// - Throws: `EngineError`; the conversation is as before then.
    public func respond(
        to message: String, _ parameters: GenerationParameters = GenerationParameters()
    ) async throws -> GenerationResult {
        try await respond(to: message, parameters) { _ in }
    }

    /// Answers a message piece by piece. Dropping the stream ends the answer within one pass; what was generated until then
    /// stays part of the conversation.
    public nonisolated func streamResponse(
        to message: String, _ parameters: GenerationParameters = GenerationParameters()
    ) -> AsyncThrowingStream<TextPiece, any Error> {
        AsyncThrowingStream { continuation in
            let task = Task {
                do {
                    _ = try await self.respond(to: message, parameters) { continuation.yield($0) }
                    continuation.finish()
                } catch {
                    continuation.finish(throwing: error)
                }
            }
            continuation.onTermination = { _ in task.cancel() }
        }
    }

    /// Forgets all turns but the instructions, once the answer that is generated is complete.
    public func reset() async {
        await takeTurn()
        messages.removeAll { $0.role != .system }
        endTurn()
    }

    private func respond(
        to message: String, _ parameters: GenerationParameters,
        onPiece: @escaping @Sendable (TextPiece) -> Void
    ) async throws -> GenerationResult {
        await takeTurn()
        defer { endTurn() }
        let prompt: FittedPrompt
        do {
            prompt = try engine.model.prompt(
                for: messages + [ChatMessage(role: .user, content: message)], parameters)
        } catch {
            throw EngineError.request(error)
        }
        let answer = try engine.submit(
            EngineRequest(prompt.encoding.tokens, parameters, drafter: drafter))
        // A task of its own, which is not cancelled: it waits for the text so far.
        let reading = Task { try await answer.result(onPiece: onPiece) }
        var result = try await withTaskCancellationHandler {
            try await reading.value
        } onCancel: {
            answer.cancel()
        }
        result.droppedTurns = prompt.droppedTurns
        messages = prompt.messages + [ChatMessage(role: .assistant, content: result.text)]
        lastResponse = result
        return result
    }

    /// Waits until no other answer of this session is generated.
    private func takeTurn() async {
        guard isAnswering else {
            isAnswering = true
            return
        }
        await withCheckedContinuation { callers.append($0) }
    }

    /// Lets the caller go on that has waited longest.
    private func endTurn() {
        guard !callers.isEmpty else {
            isAnswering = false
            return
        }
        callers.removeFirst().resume()
    }
}
