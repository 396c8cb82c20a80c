import Dispatch
import Redrafter
import RedrafterCore
import RedrafterModels

/// Generates many texts over one model, each token for token as it would be alone.
///
///     let engine = try Engine(model, EngineOptions(slots: 8))
///     let answer = try engine.submit(EngineRequest(model.prompt("Once upon a time").tokens))
///     print(try await answer.result().text)
///
/// A scheduler on a thread of its own runs one pass after the other. Each pass holds rows of all texts: their trees, and a part of
/// the prompts that are still being read. Rows go where they promise most for their measured price (`CostAwareForest`), and the
/// drafters of all texts run as one batch. A text joins and leaves between passes. As a row's result does not depend on the rows
/// beside it, tokens, log-probabilities and the reason of the end are those that `TextGenerator` gives for the same request,
/// whatever else is running.
///
/// Keys and values, activations and buffers of drafters are allocated when the engine is made; a request adds no more than its own tokens
/// and what the drafter `lookup` remembers of them. What a text leaves in its slot is reused by a prompt that begins alike, also in
/// other slots.
public final class Engine: Sendable {
    public let model: Model
    public let options: EngineOptions
    /// Names that a request may give, the one for requests without a name first.
    public let drafters: [String]
    /// What is odd about drafters' weights but no error.
    public let warnings: [String]
    /// Bytes of keys and values, and of activations, that were planned when the engine was made. Drafters come on top: their
    /// weights, and a few megabytes for each text where they follow it.
    public let plannedBytes: (cache: Int, activations: Int)
    /// The name of the first drafter, whichever it is.
    private static let automatic = "auto"
    private let inbox: Inbox
    private let queue: DispatchQueue
    private let scheduler: Scheduler

    /// - Parameters:
    ///   - model: answers; other engines and generators may use it, too.
    ///   - options: slots and drafters.
    /// - Throws: `RedrafterError.parameter`, `.drafter`; `.backend(.outOfMemory)` where keys, values and activations do not fit, before
    ///   they are allocated; `.backend(.unsupported)` where products of OpenBLAS would let a text depend on the others.
    public init(_ model: Model, _ options: EngineOptions = EngineOptions()) throws(RedrafterError) {
        try wrapping(RedrafterError.parameter, try options.validate())
        guard model.backend.blas == nil else {
            throw .backend(
                .unsupported(
                    operation: "many texts in one pass", type: "OpenBLAS",
                    reason: "its results depend on the rows beside them; switch it off"))
        }
        let plan = MemoryPlan.runner(
            model.configuration, contextLength: model.contextLength, sequences: options.slots,
            prefillChunk: options.promptRows, maximumRows: options.rowsPerPass)
        try wrapping(
            RedrafterError.backend,
            try model.transformer.backend.requireMemory(
                plan.cache + plan.activations, for: "\(options.slots) slots"))
        let drafters = try LoadedDrafter.load(options, for: model)
        plannedBytes = (plan.cache.value ?? .max, plan.activations.value ?? .max)
        self.model = model
        self.options = options
        self.drafters = drafters.map(\.name)
        warnings = drafters.flatMap(\.warnings)
        inbox = Inbox(slots: options.slots, queueLimit: options.queueLimit)
        queue = DispatchQueue(label: "redrafter.engine", qos: .userInitiated)
        scheduler = try Scheduler(model, options, drafters, inbox)
    }

    /// A snapshot.
    public var metrics: EngineMetrics { inbox.metrics }

    /// Hands a request over; returns at once.
    /// - Throws: `EngineError`; the engine is as if the request had never come then.
    public func submit(_ request: EngineRequest) throws(EngineError) -> EngineAnswer {
        let name = request.drafter ?? Self.automatic
        guard let drafter = name == Self.automatic ? 0 : drafters.firstIndex(of: name) else {
            throw .unknownDrafter(got: name, available: drafters)
        }
        let sampler: Sampler
        do {
            sampler = try model.sampler(for: request.prompt, request.parameters)
            try wrapping(RedrafterError.parameter, try request.validate())
        } catch {
            throw .request(error)
        }
        let cancellation = CancellationFlag()
        let (events, continuation) = AsyncThrowingStream<EngineEvent, any Error>.makeStream()
        continuation.onTermination = { _ in cancellation.cancel() }
        let delivery = Delivery(submitted: .now, cancellation: cancellation, continuation: continuation)
        let pending = PendingRequest(
            request: request, sampler: sampler, drafter: drafter, delivery: delivery)
        if try inbox.add(pending) {
            // One thread at a time: the queue is serial, and is given work only when it rests.
            queue.async { [scheduler] in scheduler.run() }
        }
        return EngineAnswer(events, cancellation)
    }

    /// Forgets what complete texts left in their slots, so that no prompt finds its beginning there: for measurements. Waits until
    /// there is nothing to do.
    public func forget() async {
        await withCheckedContinuation { continuation in
            queue.async { [scheduler] in
                scheduler.forget()
                continuation.resume()
            }
        }
    }

    /// Refuses new requests and those that wait, waits for the running ones, and ends those that are not done in time. Their
    /// results say `cancelled`.
    public func stop(grace: Duration) async {
        inbox.stop()
        let deadline = Task { [inbox] in
            try await Task.sleep(for: grace)
            inbox.ending.cancel()
        }
        await inbox.waitUntilIdle()
        deadline.cancel()
    }
}

extension EngineOptions {
    /// Rows of the largest pass: those of trees, and those of prompts.
    var rowsPerPass: Int { promptRows + TreeLimits.maximumRows }
}

extension EngineRequest {
    /// - Throws: `ParameterError.outOfRange`.
    func validate() throws(ParameterError) {
        guard (1...TreeLimits.maximumRows).contains(maximumRows) else {
            throw .outOfRange(
                name: "max-rows", got: "\(maximumRows)", allowed: "1 to \(TreeLimits.maximumRows)")
        }
    }
}
