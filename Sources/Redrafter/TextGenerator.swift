import RedrafterCore
import RedrafterModels
import Synchronization

/// Ends a generation from another thread or a signal handler's thread.
public final class CancellationFlag: Sendable {
    private let flag = Atomic<Bool>(false)

    public init() {}

    /// The generation ends after the pass it is in.
    public func cancel() { flag.store(true, ordering: .relaxed) }

    /// Makes the flag usable for the next generation.
    public func reset() { flag.store(false, ordering: .relaxed) }

    public var isCancelled: Bool { flag.load(ordering: .relaxed) }
}

/// One stream of text over a model, used from one thread at a time.
///
/// Its cache outlives a call: a prompt that begins as the text so far (the next turn of a chat) is computed from where it
/// differs.
public final class TextGenerator {
    public let model: Model
    /// Tokens that the cache holds.
    public private(set) var history: [Int32] = []
    private let cache: KeyValueCache
    private let state: TransformerState
    private let stream: any ComputeStream

    /// - Throws: `RedrafterError.transformer(.backend(.outOfMemory))`.
    public init(_ model: Model) throws(RedrafterError) {
        self.model = model
        let backend = model.transformer.backend
        (cache, state) = try wrapping(RedrafterError.transformer) { () throws(TransformerError) in
            (
                try KeyValueCache(
                    configuration: model.configuration, contextLength: model.contextLength, on: backend),
                try TransformerState(
                    model.configuration, maximumRows: TransformerState.rows(forChunk: model.prefillChunk),
                    on: backend)
            )
        }
        stream = backend.makeStream()
    }

    /// Continues a prompt.
    /// - Parameters:
    ///   - prompt: tokens of the whole text so far; at least one, and fewer than the context holds.
    ///   - cancellation: looked at before each pass.
    ///   - onText: called with each piece of text as soon as it can be no part of a stop text; whole characters only.
    /// - Throws: `RedrafterError.parameter`, `.emptyPrompt` and `.promptTooLong` before any work; else
    ///   `.transformer`, with the cache as valid as before.
    public func generate(
        _ prompt: [Int32], _ parameters: GenerationParameters = GenerationParameters(),
        cancellation: CancellationFlag = CancellationFlag(), onText: (String) -> Void = { _ in }
    ) throws(RedrafterError) -> GenerationResult {
        let sampler = try wrapping(RedrafterError.parameter) { () throws(ParameterError) in
            try parameters.validate()
            return try Sampler(parameters.sampling, vocabulary: model.vocabularySize)
        }
        guard !prompt.isEmpty else { throw .emptyPrompt }
        guard prompt.count < model.contextLength else {
            throw .promptTooLong(tokens: prompt.count, contextLength: model.contextLength)
        }
        var answer = Answer(model: model, parameters: parameters, promptTokens: prompt.count)
        do {
            var next = try prefill(prompt, sampler, cancellation, &answer)
            while answer.take(next, cancellation, onText) { next = try step(next, sampler) }
        } catch TransformerError.cancelled {
            answer.finishReason = .cancelled
        } catch {
            throw .transformer(error)
        }
        return answer.finished(onText)
    }

    /// Forgets the text so far.
    public func reset() {
        cache.reset()
        history = []
    }

    /// One token in, the next one out: all there is to plain decoding.
    private func step(_ token: Int32, _ sampler: Sampler) throws(TransformerError) -> Int32 {
        let plan = try cache.plan([Row(token: token, position: history.count, parent: -1)])
        let output = try model.transformer.forward(
            plan, logitRows: [0], cache: cache, state: state, on: stream)
        try cache.commit([0], on: stream)
        history.append(token)
        return try sample(output.logits, sampler)
    }

    /// Computes what the cache does not hold of the prompt, and the first new token.
    private func prefill(
        _ prompt: [Int32], _ sampler: Sampler, _ cancellation: CancellationFlag, _ answer: inout Answer
    ) throws(TransformerError) -> Int32 {
        // The last token is computed in any case: its logits are needed.
        let shared = zip(prompt.dropLast(), history).prefix { $0 == $1 }.count
        cache.truncate(to: shared)
        answer.timings.cachedTokens = shared
        defer {
            // A prefill that was cut short has committed whole passes.
            history = Array(prompt.prefix(cache.lengths[0]))
            answer.promptIsDone(computed: cache.lengths[0] - shared)
        }
        let output = try model.transformer.prefill(
            Array(prompt[shared...]), chunk: model.prefillChunk, cache: cache, state: state, on: stream,
            proceed: { _ in !cancellation.isCancelled })
        history = prompt
        return try sample(output.logits, sampler)
    }

    private func sample(_ logits: Tensor, _ sampler: Sampler) throws(TransformerError) -> Int32 {
        do {
            return try sampler.sample(
                logits, positions: [history.count], history: { _ in history[...] }, on: stream)[0]
        } catch {
            throw .backend(error)
        }
    }
}

/// The text that grows while a generation runs, and the reasons to end it.
private struct Answer {
    var tokens: [Int32] = []
    var text = ""
    var finishReason = FinishReason.length
    var timings = GenerationTimings()
    private let model: Model
    private let parameters: GenerationParameters
    private let promptTokens: Int
    private var decoder: StreamDecoder
    private var scanner: StopScanner
    private var isContextFull = false
    private var started = ContinuousClock.now

    init(model: Model, parameters: GenerationParameters, promptTokens: Int) {
        self.model = model
        self.parameters = parameters
        self.promptTokens = promptTokens
        decoder = StreamDecoder(model.tokenizer)
        scanner = StopScanner(parameters.stop)
        timings.load = model.loadDuration
    }

    mutating func promptIsDone(computed: Int) {
        timings.promptTokens = computed
        timings.prompt = started.duration(to: .now)
        started = .now
    }

    /// Adds a token to the text; false when the answer ends with it.
    mutating func take(_ token: Int32, _ cancellation: CancellationFlag, _ onText: (String) -> Void) -> Bool {
        guard parameters.maximumTokens != 0 else { return false }
        tokens.append(token)
        if model.tokenizer.endOfGeneration.contains(token) {
            finishReason = .stop
            return false
        }
        emit(scanner.append(decoder.append(token)), onText)
        if scanner.isStopped {
            finishReason = .stop
            return false
        }
        // The token needs a slot in the cache before another can follow it.
        isContextFull = promptTokens + tokens.count >= model.contextLength
        if isContextFull || tokens.count == parameters.maximumTokens { return false }
        if cancellation.isCancelled {
            finishReason = .cancelled
            return false
        }
        return true
    }

    mutating func finished(_ onText: (String) -> Void) -> GenerationResult {
        emit(scanner.append(decoder.flush()), onText)
        if scanner.isStopped { finishReason = .stop } else { emit(scanner.finish(), onText) }
        timings.predictedTokens = tokens.count
        timings.predicted = tokens.isEmpty ? .zero : started.duration(to: .now)
        return GenerationResult(
            text: text, tokens: tokens, finishReason: finishReason, isContextFull: isContextFull,
            promptTokens: promptTokens, timings: timings)
    }

    private mutating func emit(_ piece: String, _ onText: (String) -> Void) {
        guard !piece.isEmpty else { return }
        text += piece
        onText(piece)
    }
}
