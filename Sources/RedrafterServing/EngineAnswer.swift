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
    /// - Throws: `EngineError`.
    public func result() async throws -> GenerationResult {
        for try await event in events {
            if case .finished(let result) = event { return result }
        }
        throw CancellationError()
    }
}
