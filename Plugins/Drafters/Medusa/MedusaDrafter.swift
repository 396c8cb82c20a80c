import DrafterHeads
import RedrafterCore
import RedrafterFormats

/// Medusa heads (arXiv 2401.10774): head k guesses the token k + 1 places after the certain one, from the model's last hidden
/// state alone. Guesses of different heads are combined freely, so a tree of them is their Cartesian product, cut to the
/// most probable nodes or to a fixed shape.
public struct MedusaDrafter: Drafter {
    public let name = "medusa"
    public let requirements = DraftRequirements(hiddenState: true)
    /// Heads in use: tokens that are drafted at most.
    public let length: Int
    private let heads: [ResidualHead]
    private let hiddenSize: Int
    private let draftVocabulary: [Int32]?
    private let backend: any ComputeBackend

    /// - Throws: `DrafterError.mismatch` where the heads were trained for another model, `.invalidWeights` where the weights are of
    ///   another kind, `.backend`.
    public init(
        _ weights: DrafterWeights, for target: DraftTarget, options: DrafterOptions = DrafterOptions()
    ) throws(DrafterError) {
        guard let configuration = weights.configuration as? MedusaConfiguration else {
            throw .invalidWeights(
                path: weights.path,
                reason: "holds a \(weights.configuration.kind.name) drafter, not Medusa heads")
        }
        try weights.check(against: target)
        length = min(options.beamLength ?? configuration.heads, configuration.heads)
        var heads = [ResidualHead]()
        for head in 0..<length {
            heads.append(
                try ResidualHead(weights, layers: configuration.layers, head: head, on: target.backend))
        }
        self.heads = heads
        hiddenSize = configuration.hiddenSize
        draftVocabulary = weights.draftVocabulary
        backend = target.backend
    }

    /// Buffers of one text.
    public struct State: Sendable {
        let input: Tensor  // [1, hidden]
        let head: ResidualHead.State
    }

    public func makeState() throws(BackendError) -> State {
        State(
            input: try backend.makeTensor(rows: 1, columns: hiddenSize),
            head: try heads[0].makeState(rows: 1, on: backend))
    }

    public func propose(
        _ context: DraftContext, budget: DraftBudget, state: inout State, proposal: inout DraftProposal
    ) throws(BackendError) {
        let ranking = GuessRanking(context.sampling, draftVocabulary: draftVocabulary)
        var guesses = [[Guess]]()
        for (index, head) in heads.prefix(budget.depth).enumerated() {
            context.stream.gatherRows(context.hidden, rows: [0], into: state.input)
            let logits = head.logits(state.input, state: state.head, on: context.stream)
            let count = ranking.candidates(
                forGuesses: min(budget.nodes, Self.guessesPerHead), vocabularySize: head.vocabularySize)
            let list = try context.stream.topLogProbabilities(
                count, of: logits, vocabulary: head.vocabularySize)[0]
            guard !list.isEmpty else {
                proposal.nonFiniteRows += 1
                break
            }
            guesses.append(
                Array(
                    ranking.guesses(list, position: context.position(ofDepth: index + 1))
                        .prefix(Self.guessesPerHead)))
        }
        if case .ranks(let ranks) = budget.selection {
            insert(ranks, guesses, &proposal)
        } else {
            insertMostProbable(budget.nodes, guesses, &proposal)
        }
    }

    private static let guessesPerHead = 32

    /// The nodes of a fixed shape; paths come after their beginnings.
    private func insert(_ ranks: [[Int]], _ guesses: [[Guess]], _ proposal: inout DraftProposal) {
        var nodes: [[Int]: Int] = [[]: 0]
        for path in ranks where path.count <= guesses.count {
            let list = guesses[path.count - 1]
            guard let rank = path.last, rank < list.count, let parent = nodes[Array(path.dropLast())] else {
                continue
            }
            nodes[path] = proposal.insert(
                list[rank].token, after: parent, logAcceptance: list[rank].logAcceptance)
        }
    }

    /// The nodes of the product with the largest path probabilities, best first.
    private func insertMostProbable(_ count: Int, _ guesses: [[Guess]], _ proposal: inout DraftProposal) {
        // Open ends: the next sibling and the first child of every node that was taken.
        var open = [(parent: 0, depth: 0, rank: 0, before: Float(0))]
        for _ in 0..<count {
            func score(_ index: Int) -> Float {
                let end = open[index]
                return end.before + guesses[end.depth][end.rank].logAcceptance
            }
            open.removeAll { $0.depth >= guesses.count || $0.rank >= guesses[$0.depth].count }
            guard let best = open.indices.max(by: { score($0) < score($1) }) else { return }
            let total = score(best)
            let end = open.remove(at: best)
            let guess = guesses[end.depth][end.rank]
            let node = proposal.insert(guess.token, after: end.parent, logAcceptance: guess.logAcceptance)
            open.append((end.parent, end.depth, end.rank + 1, end.before))
            open.append((node, end.depth + 1, 0, total))
        }
    }
}
