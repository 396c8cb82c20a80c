import DrafterHeads
import RedrafterCore
import RedrafterFormats

/// Guesses each token from the model's last hidden state and the token before; see `PairConfiguration` for its equations. It follows
/// its best guess and offers a few others beside each.
public struct PairDrafter: Drafter {
    public let name = "pair"
    public let requirements = DraftRequirements(hiddenState: true)
    /// Tokens that are drafted at most.
    public let length: Int
    /// Guesses for each place.
    public let width: Int
    private let configuration: PairConfiguration
    private let mix: any WeightHandle  // [rank, 2 hidden]
    private let bias: Tensor  // [1, rank]
    private let output: any WeightHandle  // [vocabulary, rank]
    private let draftVocabulary: [Int32]?
    private let backend: any ComputeBackend

    /// - Throws: `DrafterError.mismatch` where the drafter was trained for another model, `.invalidWeights` where the weights are of
    ///   another kind, `.backend`.
    public init(
        _ weights: DrafterWeights, for target: DraftTarget, options: DrafterOptions = DrafterOptions()
    ) throws(DrafterError) {
        guard let configuration = weights.configuration as? PairConfiguration else {
            throw .invalidWeights(
                path: weights.path,
                reason: "holds a \(weights.configuration.kind.name) drafter, not a pair drafter")
        }
        try weights.check(against: target)
        self.configuration = configuration
        length = options.beamLength ?? 4
        width = options.beamWidth ?? 2
        mix = try weights.matrix(.mix, on: target.backend)
        bias = try weights.bias(.mixBias, on: target.backend)
        output = try weights.matrix(.pairOutput, on: target.backend)
        draftVocabulary = weights.draftVocabulary
        backend = target.backend
    }

    /// Buffers of one text.
    public struct State: Sendable {
        let embedded: Tensor  // [1, hidden]
        let pair: Tensor  // [1, 2 hidden]
        let mixed: Tensor  // [1, rank]
        let logits: Tensor  // [1, vocabulary]
    }

    public func makeState() throws(BackendError) -> State {
        State(
            embedded: try backend.makeTensor(rows: 1, columns: configuration.hiddenSize),
            pair: try backend.makeTensor(rows: 1, columns: 2 * configuration.hiddenSize),
            mixed: try backend.makeTensor(rows: 1, columns: configuration.rank),
            logits: try backend.makeTensor(rows: 1, columns: configuration.vocabularySize))
    }

    public func propose(
        _ context: DraftContext, budget: DraftBudget, state: inout State, proposal: inout DraftProposal
    ) throws(BackendError) {
        let (stream, rows) = (context.stream, configuration.vocabularySize)
        let ranking = GuessRanking(context.sampling, draftVocabulary: draftVocabulary)
        var (node, token) = (0, context.root)
        for depth in 0..<min(length, budget.depth) {
            stream.embed(tokens: [token], table: context.embedding, into: state.embedded)
            stream.concatenate([context.hidden, state.embedded], into: state.pair)
            stream.linear(state.pair, weight: mix, bias: bias, into: state.mixed)
            stream.linear(state.mixed, weight: output, into: state.logits)
            let count = ranking.candidates(forGuesses: width, vocabularySize: rows)
            let likeliest = try stream.topLogProbabilities(count, of: state.logits, vocabulary: rows)[0]
            guard !likeliest.isEmpty else {
                proposal.nonFiniteRows += 1
                return
            }
            let guesses = ranking.guesses(likeliest, position: context.position(ofDepth: depth + 1)).prefix(
                width)
            let nodes = guesses.map {
                proposal.insert($0.token, after: node, logAcceptance: $0.logAcceptance)
            }
            (node, token) = (nodes[0], guesses[0].token)
        }
    }
}
