import Redrafter
import RedrafterCore

/// A request in a slot.
struct ActiveText {
    let request: EngineRequest
    let sampler: Sampler
    /// Index of the drafter among the engine's.
    let drafter: Int
    let delivery: Delivery
    /// The text so far, and the reasons to end it.
    var answer: Answer
    /// What trees it may have.
    var share: CostAwareForest.Text
    var metrics = SpeculationMetrics()
    /// When the last token came; nil before the first.
    var lastToken: ContinuousClock.Instant?
    /// The pass that the last text came from.
    var lastPass = EnginePass(rows: 0, ownRows: 0, texts: 0)

    /// Reads its prompt.
    var isReading: Bool { lastToken == nil }
}

/// Where what comes of a request goes.
struct Delivery: Sendable {
    let submitted: ContinuousClock.Instant
    let cancellation: CancellationFlag
    let continuation: AsyncThrowingStream<EngineEvent, any Error>.Continuation

    func fail(_ error: EngineError) { continuation.finish(throwing: error) }

    func finish(_ result: GenerationResult) {
        continuation.yield(.finished(result))
        continuation.finish()
    }
}
