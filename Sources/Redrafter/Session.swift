import Dispatch
import RedrafterCore
import RedrafterModels

/// A conversation with a model.
///
///     let model = try Model.load(path: "model.gguf")
///     let session = try Session(model, instructions: "Answer briefly.")
///     for try await piece in session.streamResponse(to: "Why is the sky blue?") { print(piece.text, terminator: "") }
///
/// The cache lasts from turn to turn. When the context is full, the oldest turns are left out, and the response says how many.
/// Work runs on a thread of the session's own, never on the cooperative pool. One answer is generated at a time; calls wait for
/// each other. `Conversation` is the same without concurrency.
public actor Session {
    /// What is generated, and how fast it came.
    public typealias Response = GenerationResult

    public nonisolated let model: Model
    private let conversation: Conversation
    private let executor: SessionExecutor

    /// - Parameters:
    ///   - model: may serve several sessions at once.
    ///   - instructions: the system message.
    ///   - speculation: how answers are made faster; they are the same with every choice.
    /// - Throws: `RedrafterError.chatTemplate` where the model has no chat template that can be read; `.drafter` where a
    ///   drafter that was asked for does not fit the model; `.transformer(.backend(.outOfMemory))`.
    public init(
        _ model: Model, instructions: String? = nil,
        speculation: SpeculationOptions = SpeculationOptions()
    ) throws(RedrafterError) {
        self.model = model
        conversation = try Conversation(model, instructions: instructions, speculation: speculation)
        executor = SessionExecutor()
    }

    public nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

    /// Turns so far, the system message included, without those that were left out.
    public var messages: [ChatMessage] { conversation.messages }

    /// Answers a message; both become part of the conversation. A cancelled task ends the answer within one step, and the
    /// text so far is returned.
    /// - Throws: `RedrafterError.promptTooLong` where not even the message alone fits the context, and what a device throws.
    ///   The conversation is as before then.
    public func respond(
        to message: String, _ parameters: GenerationParameters = GenerationParameters()
    ) async throws(RedrafterError) -> Response {
        let cancellation = CancellationFlag()
        do {
            return try await withTaskCancellationHandler {
                try respond(to: message, parameters, cancellation) { _ in }
            } onCancel: {
                cancellation.cancel()
            }
        } catch let error as RedrafterError {
            throw error
        } catch {
            preconditionFailure("the body throws RedrafterError only: \(error)")
        }
    }

    /// Answers a message piece by piece. Dropping the stream ends the answer within one step; what was generated until then
    /// stays part of the conversation.
    public nonisolated func streamResponse(
        to message: String, _ parameters: GenerationParameters = GenerationParameters()
    ) -> AsyncThrowingStream<TextPiece, any Error> {
        AsyncThrowingStream { continuation in
            let cancellation = CancellationFlag()
            continuation.onTermination = { _ in cancellation.cancel() }
            Task {
                do {
                    _ = try await self.respond(to: message, parameters, cancellation) {
                        continuation.yield($0)
                    }
                    continuation.finish()
                } catch {
                    continuation.finish(throwing: error)
                }
            }
        }
    }

    /// Result of the last answer: usage, timings, what speculation did.
    public private(set) var lastResponse: Response?

    /// Forgets all turns but the instructions.
    public func reset() { conversation.reset() }

    private func respond(
        to message: String, _ parameters: GenerationParameters, _ cancellation: CancellationFlag,
        _ onPiece: (TextPiece) -> Void
    ) throws(RedrafterError) -> Response {
        let prompt = try conversation.prompt(for: message, parameters)
        let response = try conversation.answer(
            prompt, parameters, cancellation: cancellation, onPiece: onPiece)
        lastResponse = response
        return response
    }
}

/// Runs the jobs of one actor on a serial queue: passes take milliseconds to seconds, and the cooperative pool must not wait
/// for them.
private final class SessionExecutor: SerialExecutor {
    private let queue = DispatchQueue(label: "redrafter.session")

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        queue.async { job.runSynchronously(on: self.asUnownedSerialExecutor()) }
    }
}
