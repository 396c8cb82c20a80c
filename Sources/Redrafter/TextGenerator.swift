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

/// One text over a model, used from one thread at a time.
///
/// Its cache outlives a call: a prompt that begins as the text so far (the next turn of a chat) is computed from where it
/// differs. So does what speculation has learnt: prices of passes, acceptance of guesses.
///
///     let generator = try TextGenerator(model, speculation: SpeculationOptions())
///     let result = try generator.generate(model.prompt("Once upon a time").tokens) { print($0, terminator: "") }
///     print(result.timings.predictedPerSecond)
public final class TextGenerator {
    public let model: Model
    /// What is odd about the drafter's weights but no error; for stderr.
    public internal(set) var warnings: [String] = []
    private let makeVerifier: @Sendable (Sampler) -> any Verifier
    private var speculator: Speculator<ModelSequence>

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
        speculator = try wrapping(
            RedrafterError.backend,
            try Speculator(target: ModelSequence(runner), drafter: drafter, treeBuilder: treeBuilder))
    }

    /// What drafts and passes have cost and brought so far.
    public var evidence: DraftingEvidence { speculator.evidence }

    /// Name of the tree builder.
    public var treeName: String { speculator.treeName }

    /// Tokens that the cache holds.
    public var history: [Int32] { Array(speculator.tokens.prefix(speculator.target.committedCount)) }

    /// Continues a prompt.
    /// - Parameters:
    ///   - prompt: tokens of the whole text so far; at least one, and fewer than the context holds.
    ///   - parameters: how long, and how it is sampled.
    ///   - cancellation: looked at before each pass.
    ///   - onPiece: called with each piece of text as soon as it can be no part of a stop text; whole
    ///     characters only.
    /// - Throws: `RedrafterError.parameter`, `.emptyPrompt`, `.promptTooLong` and `.transformer(.unknownToken)` before any
    ///   work; else `.transformer`, with the cache as valid as before.
    public func generate(
        _ prompt: [Int32], _ parameters: GenerationParameters = GenerationParameters(),
        cancellation: CancellationFlag = CancellationFlag(),
        onPiece: (TextPiece) -> Void
    ) throws(RedrafterError) -> GenerationResult {
        let verifier = makeVerifier(try model.sampler(for: prompt, parameters))
        var answer = Answer(model: model, parameters: parameters, promptTokens: prompt.count)
        var metrics = SpeculationMetrics()
        do {
            if var decoder = try begin(prompt, verifier, cancellation, &answer) {
                defer {
                    speculator = decoder.speculator
                    metrics = decoder.metrics
                    answer.logProbabilities = decoder.logProbabilities
                }
                try decode(&decoder, cancellation, &answer, onPiece)
            } else {
                answer.finishReason = .cancelled
            }
        } catch {
            throw .transformer(.backend(error))
        }
        return answer.finished(metrics, drafter: speculator.drafterName, isExact: verifier.isExact, onPiece)
    }

    /// Continues a prompt; `onText` is called with each piece of text.
    public func generate(
        _ prompt: [Int32], _ parameters: GenerationParameters = GenerationParameters(),
        cancellation: CancellationFlag = CancellationFlag(), onText: (String) -> Void = { _ in }
    ) throws(RedrafterError) -> GenerationResult {
        try generate(prompt, parameters, cancellation: cancellation, onPiece: { onText($0.text) })
    }

    /// Forgets the text so far.
    public func reset() { speculator.reset() }

    /// Computes what the cache does not hold of the prompt; nil where it was cancelled.
    private func begin(
        _ prompt: [Int32], _ verifier: any Verifier, _ cancellation: CancellationFlag,
        _ answer: inout Answer
    ) throws(BackendError) -> SpeculativeDecoder<ModelSequence>? {
        let held = speculator.heldCount(of: prompt)
        answer.timings.cachedTokens = held
        defer { answer.timings.promptTokens = speculator.target.committedCount - held }
        return try speculator.begin(
            prompt, verifier: verifier, sampling: answer.parameters.sampling,
            report: answer.report, proceed: { _ in !cancellation.isCancelled })
    }

    /// Steps until the answer ends.
    private func decode(
        _ decoder: inout SpeculativeDecoder<ModelSequence>, _ cancellation: CancellationFlag,
        _ answer: inout Answer, _ onPiece: (TextPiece) -> Void
    ) throws(BackendError) {
        answer.promptIsDone()
        var isOpen = answer.take(
            decoder.tokens[decoder.tokens.count - 1], isDrafted: false, cancellation, onPiece)
        while isOpen {
            try decoder.step(room: answer.room) { token, isDrafted in
                isOpen = answer.take(token, isDrafted: isDrafted, cancellation, onPiece)
                return isOpen
            }
        }
    }
}

extension Model {
    /// What chooses the tokens of an answer, after all that can be wrong with a request was checked.
    /// - Throws: `RedrafterError.parameter`, `.emptyPrompt`, `.promptTooLong`, `.transformer(.unknownToken)`.
    package func sampler(
        for prompt: [Int32], _ parameters: GenerationParameters
    ) throws(RedrafterError) -> Sampler {
        try wrapping(RedrafterError.parameter, try parameters.validate())
        guard !prompt.isEmpty else { throw .emptyPrompt }
        guard prompt.count < contextLength else {
            throw .promptTooLong(tokens: prompt.count, contextLength: contextLength)
        }
        let rows = configuration.vocabularySize
        if let token = prompt.first(where: { !(0..<rows).contains(Int($0)) }) {
            throw .transformer(.unknownToken(token, vocabulary: rows))
        }
        return try wrapping(
            RedrafterError.parameter, try Sampler(parameters.sampling, tokenCount: tokenCount))
    }
}
