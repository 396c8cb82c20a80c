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

    /// Buffers of drafts.
    public struct Workspace: Sendable {
        let input: Tensor  // [texts, hidden]
        let head: ResidualHead.State
    }

    public func makeWorkspace(texts: Int) throws(BackendError) -> Workspace {
        Workspace(
            input: try backend.makeTensor(rows: texts, columns: hiddenSize),
            head: try heads[0].makeState(rows: texts, on: backend))
    }

    /// Nothing is remembered of a text; the state holds the buffers of drafts for it alone.
    public func makeState() throws(BackendError) -> Workspace { try makeWorkspace(texts: 1) }

    public func propose(
        _ context: DraftContext, budget: DraftBudget, state: inout Workspace, proposal: inout DraftProposal
    ) throws(BackendError) {
        let texts = [(context: context, budget: budget)]
        let guesses = try guesses(for: texts, in: state) { _ in proposal.nonFiniteRows += 1 }
        insert(guesses[0], budget, &proposal)
    }

    public func propose(
        _ drafts: inout [TextDraft<Workspace>], workspace: inout Workspace
    ) throws(BackendError) {
        let texts = drafts.map { (context: $0.context, budget: $0.budget) }
        let guesses = try guesses(for: texts, in: workspace) { drafts[$0].proposal.nonFiniteRows += 1 }
        for (index, guesses) in guesses.enumerated() {
            insert(guesses, drafts[index].budget, &drafts[index].proposal)
        }
    }

    /// The guesses of each head in use, best first, for each text: up to the first head whose logits are not finite.
    private func guesses(
        for texts: [(context: DraftContext, budget: DraftBudget)], in workspace: Workspace,
        onNonFinite: (_ text: Int) -> Void
    ) throws(BackendError) -> [[[Guess]]] {
        var result = [[[Guess]]](repeating: [], count: texts.count)
        var open = texts.indices.filter { texts[$0].budget.depth > 0 }
        for (index, head) in heads.enumerated() {
            guard let stream = open.first.map({ texts[$0].context.stream }) else { break }
            for (row, text) in open.enumerated() {
                stream.gatherRows(texts[text].context.hidden, rows: [0], into: workspace.input, at: row)
            }
            let logits = head.logits(
                workspace.input.prefix(open.count), state: workspace.head, on: stream)
            let rankings = open.map {
                GuessRanking(texts[$0].context.sampling, draftVocabulary: draftVocabulary)
            }
            let counts = zip(open, rankings).map { text, ranking in
                ranking.candidates(
                    forGuesses: min(texts[text].budget.nodes, Self.guessesPerHead),
                    vocabularySize: head.vocabularySize)
            }
            let lists = try stream.topLogProbabilities(
                counts.max() ?? 1, of: logits, vocabulary: head.vocabularySize)
            for (row, text) in open.enumerated() {
                guard !lists[row].isEmpty else {
                    onNonFinite(text)
                    continue
                }
                let position = texts[text].context.position(ofDepth: index + 1)
                let guesses = rankings[row].guesses(Array(lists[row].prefix(counts[row])), position: position)
                result[text].append(Array(guesses.prefix(Self.guessesPerHead)))
            }
            open.removeAll { result[$0].count <= index || texts[$0].budget.depth <= index + 1 }
        }
        return result
    }

    private func insert(_ guesses: [[Guess]], _ budget: DraftBudget, _ proposal: inout DraftProposal) {
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
