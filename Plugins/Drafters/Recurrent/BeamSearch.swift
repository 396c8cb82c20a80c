import DrafterHeads
import RedrafterCore
import RedrafterPlatform

/// A branch of the search.
struct Beam {
    /// The token it ends with.
    var token: Int32
    var path: [Guess] = []
    /// Sum of the path's logarithms.
    var score: Float = 0
    /// Row of the last step that it continues.
    var row = 0
    /// Its last token's node in the proposal.
    var node = 0
}

/// Beam search over a recurrent drafter for one text (ReDrafter, section 3.1). The drafter runs the steps, for several texts at
/// once; a search turns what comes of them into beams and guesses.
///
/// Where the tree builder verifies whole branches, the beams that are left at the end are proposed, as in the paper; where it
/// chooses single nodes, everything that the search has looked at closely.
struct BeamSearch {
    let context: DraftContext
    let budget: DraftBudget
    private(set) var proposal: DraftProposal
    private(set) var beams: [Beam]
    /// Probability below which no guess is worth a row; nil where whole branches are verified.
    private let leastProbability: Double?
    /// What is remembered of the text, for a drafter that copies from it.
    private let text: TextMemory?

    init(_ context: DraftContext, _ budget: DraftBudget, _ proposal: DraftProposal, text: TextMemory?) {
        self.text = text
        self.context = context
        self.budget = budget
        self.proposal = proposal
        beams = [Beam(token: context.root)]
        leastProbability =
            switch budget.selection {
            case .branches: nil
            case .nodes(let leastProbability): leastProbability
            case .ranks: 0
            }
    }

    /// Whether there is a step to run for the tokens at a depth.
    func isOpen(at depth: Int, of drafter: RecurrentDrafter) -> Bool {
        let usual = leastProbability == nil ? RecurrentDrafter.branchLength : RecurrentDrafter.nodeLength
        return !beams.isEmpty && depth <= max(1, min(drafter.beamLength ?? usual, budget.depth))
    }

    /// How many of the largest logits of each row the search looks at.
    func candidates(of drafter: RecurrentDrafter) -> Int {
        let wanted =
            drafter.topK
            ?? ranking(drafter).candidates(
                forGuesses: guessesPerBeam(drafter), vocabularySize: drafter.vocabularySize)
        return min(wanted, drafter.vocabularySize)
    }

    /// Lets the text vote on what follows each beam.
    /// - Parameters:
    ///   - copies: the weights of its votes.
    ///   - lists: of the beams; those of `advance`.
    ///   - logits: of all rows of the step. `[rows, vocabulary]`
    ///   - vocabularySize: columns of the logits.
    func apply(
        _ copies: CopyVotes, to lists: inout ArraySlice<[TokenLogit]>,
        _ logits: UnsafeBufferPointer<Float>, _ vocabularySize: Int
    ) {
        guard let text else { return }
        for (row, beam) in zip(lists.indices, beams) {
            let own = logits[row * vocabularySize..<(row + 1) * vocabularySize]
            lists[row] = copies.applied(
                to: lists[row], UnsafeBufferPointer(rebasing: own), text, path: beam.path.map(\.token))
        }
    }

    /// Goes one token further.
    /// - Parameters:
    ///   - lists: log-probabilities for what follows each beam, largest first; none where logits are not finite.
    ///   - firstRow: the row of the first beam in the step.
    ///   - depth: of the tokens that are guessed.
    ///   - drafter: whose search it is.
    mutating func advance(
        _ lists: ArraySlice<[TokenLogit]>, firstRow: Int, _ depth: Int, _ drafter: RecurrentDrafter
    ) {
        proposal.nonFiniteRows += lists.count(where: \.isEmpty)
        let (count, wanted) = (guessesPerBeam(drafter), candidates(of: drafter))
        let ranking = ranking(drafter)
        let position = context.position(ofDepth: depth)
        let guesses = lists.map { list in
            var list = Array(list.prefix(wanted))
            if drafter.topK != nil { renormalise(&list) }
            return Array(ranking.guesses(list, position: position).prefix(count))
        }
        guard let leastProbability else {
            beams = extended(guesses, firstRow, width: drafter.beamWidth)
            return
        }
        for (beam, guesses) in zip(beams, guesses) {
            for guess in guesses {
                proposal.insert(guess.token, after: beam.node, logAcceptance: guess.logAcceptance)
            }
        }
        beams = extended(guesses, firstRow, width: drafter.beamWidth)
        for index in beams.indices {
            beams[index].node =
                proposal.tree.child(of: beams[index].node, token: beams[index].token) ?? 0
        }
        keepPromising(leastProbability)
    }

    /// Proposes the beams that are left, where whole branches are verified.
    mutating func finish() {
        guard leastProbability == nil else { return }
        for beam in beams where !beam.path.isEmpty {
            var node = 0
            for guess in beam.path {
                node = proposal.insert(guess.token, after: node, logAcceptance: guess.logAcceptance)
            }
        }
    }

    private func ranking(_ drafter: RecurrentDrafter) -> GuessRanking {
        GuessRanking(context.sampling, draftVocabulary: drafter.draftVocabulary)
    }

    /// A beam can contribute as many continuations as there are beams, and a few more where single nodes are chosen.
    private func guessesPerBeam(_ drafter: RecurrentDrafter) -> Int {
        leastProbability == nil ? drafter.beamWidth : max(drafter.beamWidth, Self.alternatives)
    }

    private static let alternatives = 8

    /// Probabilities among the listed tokens: the rest was masked.
    private func renormalise(_ list: inout [TokenLogit]) {
        guard let largest = list.first?.logit else { return }
        let logSum = largest + log(list.reduce(Float(0)) { $0 + exp($1.logit - largest) })
        for index in list.indices { list[index].logit -= logSum }
    }

    /// The best continuations of all beams, each with the node of the beam that it continues.
    private func extended(_ lists: [[Guess]], _ firstRow: Int, width: Int) -> [Beam] {
        var candidates = [(score: Float, beam: Int, guess: Guess)]()
        for (beam, list) in lists.enumerated() {
            for guess in list { candidates.append((beams[beam].score + guess.logAcceptance, beam, guess)) }
        }
        // Stable: equal scores keep the order of beams.
        let order = candidates.indices.sorted {
            candidates[$0].score != candidates[$1].score
                ? candidates[$0].score > candidates[$1].score : $0 < $1
        }
        return order.prefix(width).map { index in
            let candidate = candidates[index]
            let beam = beams[candidate.beam]
            return Beam(
                token: candidate.guess.token, path: beam.path + [candidate.guess], score: candidate.score,
                row: firstRow + candidate.beam, node: beam.node)
        }
    }

    /// Drops beams after which nothing is worth a row and the step that finds it; all of them where none has a fair chance to be
    /// verified at all.
    private mutating func keepPromising(_ leastProbability: Double) {
        let calibration = context.evidence.calibration
        let probabilities = beams.map { beam in
            beam.path.reduce(1.0) {
                $0 * calibration.probability($1.logAcceptance, source: proposal.source)
            }
        }
        let least = Self.stepFactor * leastProbability
        let hasChance = (probabilities.max() ?? 0) > Self.leastPromise
        beams = hasChance ? zip(beams, probabilities).filter { $0.1 > least }.map(\.0) : []
    }

    private static let leastPromise = 0.08
    /// The next token is less probable than the beam, and finding it takes time, too.
    private static let stepFactor = 1.5
}
