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
/// Where the tree builder chooses among more guesses than it verifies, everything that the search has looked at closely is
/// proposed; else the beams that are left at the end.
struct BeamSearch {
    let drafter: RecurrentDrafter
    let context: DraftContext
    let budget: DraftBudget
    let state: RecurrentDrafter.State

    func run(_ proposal: inout DraftProposal) throws(BackendError) {
        guard let hidden = context.hidden, let embedding = context.embedding else {
            preconditionFailure("a recurrent drafter needs the hidden state and the embedding")
        }
        let ranking = GuessRanking(context.sampling, draftVocabulary: drafter.draftVocabulary)
        var beams = [Beam()]
        for depth in 1...max(1, min(drafter.beamLength, budget.depth)) {
            let logits = drafter.step(
                tokens: beams.map { $0.path.last?.token ?? context.root },
                parents: depth == 1 ? nil : beams.map(\.row), hidden: hidden, embedding: embedding,
                state: state, on: context.stream)
            let lists = try guesses(logits, ranking, context.position(ofDepth: depth), &proposal)
            if budget.choosesAmongMore { insert(lists, &beams, &proposal) }
            beams = extended(beams, lists, proposal.tree)
            if budget.choosesAmongMore { keepPromising(&beams, proposal) }
            if beams.isEmpty { break }
        }
        if !budget.choosesAmongMore {
            for beam in beams {
                var node = 0
                for guess in beam.path {
                    node = proposal.insert(guess.token, after: node, logAcceptance: guess.logAcceptance)
                }
            }
        }
    }

    /// The best guesses for each row of logits; none for rows that are not finite.
    private func guesses(
        _ logits: Tensor, _ ranking: GuessRanking, _ position: Int, _ proposal: inout DraftProposal
    ) throws(BackendError) -> [[Guess]] {
        let wanted =
            drafter.topK
            ?? ranking.candidates(
                forGuesses: guessesPerBeam, vocabularySize: drafter.vocabularySize)
        var lists = try context.stream.topLogProbabilities(
            min(wanted, drafter.vocabularySize), of: logits, vocabulary: drafter.vocabularySize)
        proposal.nonFiniteRows += lists.count(where: \.isEmpty)
        if drafter.topK != nil { for row in lists.indices { renormalise(&lists[row]) } }
        return lists.map { Array(ranking.guesses($0, position: position).prefix(guessesPerBeam)) }
    }

    /// A beam can contribute as many continuations as there are beams, and a few more where the tree has room for them.
    private var guessesPerBeam: Int {
        budget.choosesAmongMore ? max(drafter.beamWidth, Self.alternatives) : drafter.beamWidth
    }

    private static let alternatives = 8

    /// Probabilities among the listed tokens: the rest was masked.
    private func renormalise(_ list: inout [TokenLogit]) {
        guard let largest = list.first?.logit else { return }
        let logSum = largest + log(list.reduce(Float(0)) { $0 + exp($1.logit - largest) })
        for index in list.indices { list[index].logit -= logSum }
    }

    /// Proposes what follows each beam.
    private func insert(_ lists: [[Guess]], _ beams: inout [Beam], _ proposal: inout DraftProposal) {
        for (beam, list) in zip(beams, lists) {
            for guess in list {
                proposal.insert(guess.token, after: beam.node, logAcceptance: guess.logAcceptance)
            }
        }
    }

    /// The best continuations of all beams.
    private func extended(_ beams: [Beam], _ lists: [[Guess]], _ tree: TokenTree) -> [Beam] {
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
                node: budget.choosesAmongMore
                    ? tree.child(of: beam.node, token: candidate.guess.token) ?? 0 : 0)
        }
    }

    /// Drops beams after which nothing is worth a row and the step that finds it; all of them where none has a fair chance to be
    /// verified at all.
    private func keepPromising(_ beams: inout [Beam], _ proposal: DraftProposal) {
        let probabilities = beams.map { beam in
            beam.path.reduce(1.0) {
                $0 * context.calibration.probability($1.logAcceptance, source: proposal.source)
            }
        }
        let least = Self.stepFactor * budget.leastProbability
        let hasChance = (probabilities.max() ?? 0) > Self.leastPromise
        beams = hasChance ? zip(beams, probabilities).filter { $0.1 > least }.map(\.0) : []
    }

    private static let leastPromise = 0.08
    /// The next token is less probable than the beam, and finding it takes time, too.
    private static let stepFactor = 1.5
}
