import Redrafter

/// The answer to a request while it is generated: an asynchronous sequence of events. Dropping it, or the iterator, ends the
/// generation within one pass.
///
///     for try await event in try engine.submit(EngineRequest(prompt)) {
///         if case .update(let update) = event { update.pieces.forEach { print($0.text, terminator: "") } }
///     }
public struct EngineAnswer: AsyncSequence, Sendable {
    public typealias Element = EngineEvent
    private let events: AsyncThrowingStream<EngineEvent, any Error>
    private let cancellation: CancellationFlag

    init(_ events: AsyncThrowingStream<EngineEvent, any Error>, _ cancellation: CancellationFlag) {
        self.events = events
        self.cancellation = cancellation
    }

    public func makeAsyncIterator() -> AsyncThrowingStream<EngineEvent, any Error>.Iterator {
        events.makeAsyncIterator()
    }

    /// Ends the text after the pass it is in; its result says `cancelled`.
    public func cancel() { cancellation.cancel() }

    /// Waits for the end.
    /// - Parameter onPiece: called with each piece of text.
    /// - Throws: `EngineError`; `CancellationError` where the task was cancelled that waits.
    public func result(onPiece: (TextPiece) -> Void = { _ in }) async throws -> GenerationResult {
        for try await event in events {
            switch event {
            case .update(let update): update.pieces.forEach(onPiece)
            case .finished(let result): return result
            }
        }
        throw CancellationError()
    }
}
