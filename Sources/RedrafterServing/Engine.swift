import Dispatch
import Redrafter
import RedrafterCore
import Synchronization

/// Generates many texts over one model, each as it would be alone.
public final class Engine: Sendable {
    public let model: Model
    public let options: EngineOptions
    /// Names that a request may give, the one for requests without a name first.
    public let drafters: [String]
    /// What is odd about drafters' weights but no error.
    public let warnings: [String]
    private let queue = DispatchQueue(label: "redrafter.engine", qos: .userInitiated)
    private let state = Mutex(EngineMetrics())
    private let isStopping = Mutex(false)

    /// - Throws: `RedrafterError.parameter`, `.drafter`, `.transformer(.backend(.outOfMemory))`.
    public init(_ model: Model, _ options: EngineOptions = EngineOptions()) throws(RedrafterError) {
        try wrapping(RedrafterError.parameter, try options.validate())
        self.model = model
        self.options = options
        drafters = options.drafters + ["none"]
        warnings = []
        state.withLock { $0.slots = options.slots }
    }

    /// Bytes of keys and values and of activations that were planned when the engine was made.
    public var plannedBytes: (cache: Int, activations: Int) { (0, 0) }

    /// A snapshot.
    public var metrics: EngineMetrics { state.withLock { $0 } }

    /// Hands a request over; returns at once.
    /// - Throws: `EngineError`; the engine is as if the request had never come then.
    public func submit(_ request: EngineRequest) throws(EngineError) -> EngineAnswer {
        guard !isStopping.withLock({ $0 }) else { throw .stopping }
        if let name = request.drafter, !drafters.contains(name) {
            throw .unknownDrafter(got: name, available: drafters)
        }
        let cancellation = CancellationFlag()
        let (stream, continuation) = AsyncThrowingStream<EngineEvent, any Error>.makeStream()
        continuation.onTermination = { _ in cancellation.cancel() }
        let name = request.drafter ?? drafters[0]
        queue.async { [model] in
            do throws(RedrafterError) {
                let generator = try TextGenerator(model, speculation: SpeculationOptions(drafter: name))
                let result = try generator.generate(
                    request.prompt, request.parameters, cancellation: cancellation,
                    onPiece: { piece in
                        continuation.yield(
                            .update(
                                EngineUpdate(
                                    pieces: [piece], tokens: [],
                                    pass: EnginePass(rows: 1, ownRows: 1, texts: 1))))
                    })
                continuation.yield(.finished(result))
                continuation.finish()
            } catch {
                continuation.finish(throwing: EngineError.request(error))
            }
        }
        return EngineAnswer(stream, cancellation)
    }

    /// Refuses new requests and those that wait; waits for the running ones, and ends those that are not done in time.
    public func stop(grace: Duration) async {
        isStopping.withLock { $0 = true }
        await withCheckedContinuation { continuation in queue.async { continuation.resume() } }
    }
}
