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
/// differs. So does what speculation has learnt: prices of passes, acceptance of guesses.
public final class TextGenerator {
    public let model: Model
    /// Tokens that the cache holds.
    public private(set) var history: [Int32] = []
    private let target: ModelSequence
    private let makeVerifier: @Sendable (Sampler) -> any Verifier
    private var decoder: SpeculativeDecoder<ModelSequence>

    /// - Parameters:
    ///   - model: may serve several generators at once.
    ///   - drafter: guesses tokens; the text is the same with every one.
    ///   - treeBuilder: chooses which guesses are verified.
    ///   - makeVerifier: decides which guesses are kept.
    /// - Throws: `RedrafterError.transformer(.backend(.outOfMemory))`.
    public init(
        _ model: Model, drafter: any Drafter = NoDrafter(), treeBuilder: any TreeBuilder = CostAwareTree(),
        makeVerifier: @escaping @Sendable (Sampler) -> any Verifier = { ExactVerifier($0) }
    ) throws(RedrafterError) {
        self.model = model
        self.makeVerifier = makeVerifier
        let runner = try wrapping(
            RedrafterError.transformer,
            try PassRunner(model.transformer, prefillChunk: model.prefillChunk))
        let target = ModelSequence(runner)
        let sampler = try wrapping(
            RedrafterError.parameter, try Sampler(.greedy, vocabulary: model.vocabularySize))
        decoder = try wrapping(
            RedrafterError.backend,
            try SpeculativeDecoder(
                target: target, drafter: drafter, treeBuilder: treeBuilder, verifier: ExactVerifier(sampler)))
        self.target = target
    }

    /// What drafts and passes have cost and brought so far.
    public var evidence: DraftingEvidence { decoder.evidence }

    /// Continues a prompt.
    /// - Parameters:
    ///   - prompt: tokens of the whole text so far; at least one, and fewer than the context holds.
    ///   - parameters: how long, and how it is sampled.
    ///   - cancellation: looked at before each pass.
    ///   - onPiece: called with each piece of text as soon as it can be no part of a stop text; whole
    ///     characters only.
    /// - Throws: `RedrafterError.parameter`, `.emptyPrompt` and `.promptTooLong` before any work; else
    ///   `.transformer`, with the cache as valid as before.
    public func generate(
        _ prompt: [Int32], _ parameters: GenerationParameters = GenerationParameters(),
        cancellation: CancellationFlag = CancellationFlag(),
        onPiece: (TextPiece) -> Void
    ) throws(RedrafterError) -> GenerationResult {
        let sampler = try wrappingAll(RedrafterError.parameter) { () throws(ParameterError) in
            try parameters.validate()
            return try Sampler(parameters.sampling, vocabulary: model.vocabularySize)
        }
        guard !prompt.isEmpty else { throw .emptyPrompt }
        guard prompt.count < model.contextLength else {
            throw .promptTooLong(tokens: prompt.count, contextLength: model.contextLength)
        }
        let verifier = makeVerifier(sampler)
        var answer = Answer(model: model, parameters: parameters, promptTokens: prompt.count)
        var metrics = SpeculationMetrics()
        do {
            let output = try prefill(prompt, cancellation, &answer)
            let first = try first(of: output, sampler, prompt)
            answer.promptIsDone()
            decoder.begin(
                prompt + [first], after: output, verifier: verifier, sampling: parameters.sampling)
            defer {
                history = Array(decoder.tokens.prefix(target.committedCount))
                metrics = decoder.metrics
            }
            var isOpen = answer.take(first, isDrafted: false, cancellation, onPiece)
            while isOpen {
                try step(room: answer.room) { token, isDrafted in
                    isOpen = answer.take(token, isDrafted: isDrafted, cancellation, onPiece)
                    return isOpen
                }
            }
        } catch TransformerError.cancelled {
            answer.finishReason = .cancelled
        } catch {
            throw .transformer(error)
        }
        return answer.finished(
            metrics, drafter: decoder.drafter.drafter.name, isExact: verifier.isExact, onPiece)
    }

    /// Continues a prompt; `onText` is called with each piece of text.
    public func generate(
        _ prompt: [Int32], _ parameters: GenerationParameters = GenerationParameters(),
        cancellation: CancellationFlag = CancellationFlag(), onText: (String) -> Void = { _ in }
    ) throws(RedrafterError) -> GenerationResult {
        try generate(prompt, parameters, cancellation: cancellation, onPiece: { onText($0.text) })
    }

    /// Forgets the text so far.
    public func reset() {
        target.truncate(to: 0)
        history = []
    }

    private func step(
        room: Int, _ take: (_ token: Int32, _ isDrafted: Bool) -> Bool
    ) throws(TransformerError) {
        do { try decoder.step(room: room, take: take) } catch { throw .backend(error) }
    }

    /// Computes what the cache does not hold of the prompt.
    private func prefill(
        _ prompt: [Int32], _ cancellation: CancellationFlag, _ answer: inout Answer
    ) throws(TransformerError) -> PassOutput {
        // The last token is computed in any case: its logits are needed.
        let shared = zip(prompt.dropLast(), history).prefix { $0 == $1 }.count
        target.truncate(to: shared)
        answer.timings.cachedTokens = shared
        defer {
            // A prefill that was cut short has committed whole passes.
            history = Array(prompt.prefix(target.committedCount))
            answer.timings.promptTokens = target.committedCount - shared
        }
        return try target.prefill(
            Array(prompt[shared...]), proceed: { _ in !cancellation.isCancelled })
    }

    /// The model's first token after the prompt.
    private func first(
        of output: PassOutput, _ sampler: Sampler, _ prompt: [Int32]
    ) throws(TransformerError) -> Int32 {
        do {
            return try ExactVerifier(sampler).next(
                after: prompt, logits: output.logits, on: target.stream)
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
    private var decoder: TextDecoder
    private var scanner: StopScanner
    private var isContextFull = false
    private var started = ContinuousClock.now

    init(model: Model, parameters: GenerationParameters, promptTokens: Int) {
        self.model = model
        self.parameters = parameters
        self.promptTokens = promptTokens
        decoder = TextDecoder(model.tokenizer)
        scanner = StopScanner(parameters.stop)
        timings.load = model.loadDuration
    }

    /// The first token is chosen.
    mutating func promptIsDone() {
        timings.prompt = started.duration(to: .now)
        started = .now
    }

    /// Adds a token to the text; false when the answer ends with it.
    mutating func take(
        _ token: Int32, isDrafted: Bool, _ cancellation: CancellationFlag, _ onPiece: (TextPiece) -> Void
    ) -> Bool {
        guard parameters.maximumTokens != 0 else { return false }
        tokens.append(token)
        if model.tokenizer.endOfGeneration.contains(token) {
            finishReason = .stop
            return false
        }
        emit(scanner.append(decoder.append(token)), isDrafted, onPiece)
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

    /// Tokens that may still come.
    var room: Int { (parameters.maximumTokens ?? .max) - tokens.count }

    mutating func finished(
        _ speculation: SpeculationMetrics, drafter: String, isExact: Bool, _ onPiece: (TextPiece) -> Void
    ) -> GenerationResult {
        emit(scanner.append(decoder.flush()), false, onPiece)
        if scanner.isStopped { finishReason = .stop } else { emit(scanner.finish(), false, onPiece) }
        timings.predictedTokens = tokens.count
        timings.predicted = tokens.isEmpty ? .zero : started.duration(to: .now)
        return GenerationResult(
            text: text, tokens: tokens, finishReason: finishReason, isContextFull: isContextFull,
            promptTokens: promptTokens, timings: timings, speculation: speculation, drafter: drafter,
            isExact: isExact)
    }

    private mutating func emit(_ piece: String, _ isDrafted: Bool, _ onPiece: (TextPiece) -> Void) {
        guard !piece.isEmpty else { return }
        text += piece
        onPiece(TextPiece(text: piece, isDrafted: isDrafted))
    }
}
