import DrafterHeads
import RedrafterCore
import RedrafterPlatform

/// A branch of the search.
struct Beam {
    var path: [Guess] = []
    /// Sum of the path's logarithms.
    var score: Float = 0
    /// Row of the last step that it continues.
    var row = 0
    /// Its last token's node in the proposal.
    var node = 0
}

/// Beam search over a recurrent drafter (ReDrafter, section 3.1).
///
/// Where the tree builder verifies whole branches, the beams that are left at the end are proposed, as in the paper; where it
/// chooses single nodes, everything that the search has looked at closely.
struct BeamSearch {
    let drafter: RecurrentDrafter
    let context: DraftContext
    /// h of the draft. `[1, hidden]`
    let hidden: Tensor
    let budget: DraftBudget
    let state: RecurrentDrafter.State

    func run(_ proposal: inout DraftProposal) throws(BackendError) {
        switch budget.selection {
        case .branches: try proposeBranches(&proposal)
        case .nodes(let leastProbability): try proposeNodes(leastProbability, &proposal)
        case .ranks: try proposeNodes(0, &proposal)
        }
    }

    /// The search of the paper: the beams that are left at the end.
    private func proposeBranches(_ proposal: inout DraftProposal) throws(BackendError) {
        var beams = [Beam()]
        for depth in depths {
            beams = extended(beams, try guesses(drafter.beamWidth, after: beams, depth, &proposal))
            if beams.isEmpty { return }
        }
        for beam in beams {
            var node = 0
            for guess in beam.path {
                node = proposal.insert(guess.token, after: node, logAcceptance: guess.logAcceptance)
            }
        }
    }

    /// Everything that the search has looked at closely. It ends where no beam is worth a row of the pass.
    private func proposeNodes(
        _ leastProbability: Double, _ proposal: inout DraftProposal
    ) throws(BackendError) {
        // A beam can contribute as many continuations as there are beams, and a few more where the tree has room for them.
        let guessesPerBeam = max(drafter.beamWidth, Self.alternatives)
        var beams = [Beam()]
        for depth in depths {
            let lists = try guesses(guessesPerBeam, after: beams, depth, &proposal)
            for (beam, list) in zip(beams, lists) {
                for guess in list {
                    proposal.insert(guess.token, after: beam.node, logAcceptance: guess.logAcceptance)
                }
            }
            beams = extended(beams, lists)
            for index in beams.indices {
                guard let token = beams[index].path.last?.token else { continue }
                beams[index].node = proposal.tree.child(of: beams[index].node, token: token) ?? 0
            }
            keepPromising(&beams, leastProbability, proposal.source)
            if beams.isEmpty { return }
        }
    }

    private var depths: ClosedRange<Int> { 1...max(1, min(drafter.beamLength, budget.depth)) }

    private static let alternatives = 8

    /// One step of the recurrence: the best guesses for what follows each beam, none where logits are not finite.
    private func guesses(
        _ count: Int, after beams: [Beam], _ depth: Int, _ proposal: inout DraftProposal
    ) throws(BackendError) -> [[Guess]] {
        let logits = drafter.step(
            tokens: beams.map { $0.path.last?.token ?? context.root },
            parents: depth == 1 ? nil : beams.map(\.row), hidden: hidden,
            embedding: context.embedding, state: state, on: context.stream)
        let ranking = GuessRanking(context.sampling, draftVocabulary: drafter.draftVocabulary)
        let wanted =
            drafter.topK
            ?? ranking.candidates(forGuesses: count, vocabularySize: drafter.vocabularySize)
        var lists = try context.stream.topLogProbabilities(
            min(wanted, drafter.vocabularySize), of: logits, vocabulary: drafter.vocabularySize)
        proposal.nonFiniteRows += lists.count(where: \.isEmpty)
        if drafter.topK != nil { for row in lists.indices { renormalise(&lists[row]) } }
        return lists.map {
            Array(ranking.guesses($0, position: context.position(ofDepth: depth)).prefix(count))
        }
    }

    /// Probabilities among the listed tokens: the rest was masked.
    private func renormalise(_ list: inout [TokenLogit]) {
        guard let largest = list.first?.logit else { return }
        let logSum = largest + log(list.reduce(Float(0)) { $0 + exp($1.logit - largest) })
        for index in list.indices { list[index].logit -= logSum }
    }

    /// The best continuations of all beams, each with the node of the beam that it continues.
    private func extended(_ beams: [Beam], _ lists: [[Guess]]) -> [Beam] {
        var candidates = [(score: Float, row: Int, guess: Guess)]()
        for (row, list) in lists.enumerated() {
            for guess in list { candidates.append((beams[row].score + guess.logAcceptance, row, guess)) }
        }
        // Stable: equal scores keep the order of beams.
        let order = candidates.indices.sorted {
            candidates[$0].score != candidates[$1].score
                ? candidates[$0].score > candidates[$1].score : $0 < $1
        }
        return order.prefix(drafter.beamWidth).map { index in
            let candidate = candidates[index]
            let beam = beams[candidate.row]
            return Beam(
                path: beam.path + [candidate.guess], score: candidate.score, row: candidate.row,
                node: beam.node)
        }
    }

    /// Drops beams after which nothing is worth a row and the step that finds it; all of them where none has a fair chance to be
    /// verified at all.
    private func keepPromising(_ beams: inout [Beam], _ leastProbability: Double, _ source: DraftSource) {
        let calibration = context.evidence.calibration
        let probabilities = beams.map { beam in
            beam.path.reduce(1.0) { $0 * calibration.probability($1.logAcceptance, source: source) }
        }
        let least = Self.stepFactor * leastProbability
        let hasChance = (probabilities.max() ?? 0) > Self.leastPromise
        beams = hasChance ? zip(beams, probabilities).filter { $0.1 > least }.map(\.0) : []
    }

    private static let leastPromise = 0.08
    /// The next token is less probable than the beam, and finding it takes time, too.
    private static let stepFactor = 1.5
}
