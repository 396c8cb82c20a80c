import RedrafterCore

/// What the model said after guesses that it did not confirm (Token Recycling, Luo and others, arXiv 2408.08696). The pass has
/// computed it anyway, and often it is true a little later: the token that was guessed too early comes, or another one takes its
/// place and the text goes on alike.
struct RejectedGuesses: Sendable {
    private struct Answer {
        /// The token before the guess.
        var previous: Int32
        /// The model's most likely token after it.
        var token: Int32
    }

    /// By the token of the guess, the last of each. A guess with this token that is confirmed later takes it away: then the text itself
    /// tells what follows.
    private var answers: [Int32: Answer] = [:]
    /// Answers to the guesses that stood where the text now has its last token.
    private var besideRoot: [Int32] = []
    private var root: Int32 = -1

    /// Steps that the drafter has no part in count as well. It cannot tell a new text from the one before where it has not drafted
    /// since their common beginning: then answers of the other text vote, too, which costs guesses and no token.
    mutating func observe(_ outcome: StepOutcome) {
        besideRoot = []
        guard let root = outcome.tokens.last, outcome.mostLikely.count == outcome.tree.count else { return }
        self.root = root
        let nodes = outcome.tree.nodes
        let confirmed = Set(outcome.path)
        for (index, node) in nodes.enumerated() where !confirmed.contains(index) {
            let answer = outcome.mostLikely[index]
            answers[node.token] = Answer(previous: nodes[node.parent].token, token: answer)
            // Where the text ended within the path, the new root stands elsewhere.
            let isBeside = node.depth == outcome.path.count && outcome.tokens.count == outcome.path.count
            if isBeside, besideRoot.count < Self.places - 1,
                !besideRoot.contains(answer)
            {
                besideRoot.append(answer)
            }
        }
        for index in outcome.path { answers[nodes[index].token] = nil }
    }

    /// Calls `body` for each token that these answers vote for, with its votes.
    /// - Parameters:
    ///   - token: what the question stands behind.
    ///   - previous: the token before it; nil at the start of a text.
    ///   - isRoot: whether `token` is the last certain one.
    func forEachVote(
        after token: Int32, previous: Int32?, isRoot: Bool, _ body: (_ token: Int32, _ votes: Float) -> Void
    ) {
        if let answer = answers[token] {
            body(answer.token, answer.previous == previous ? Self.pairVotes : Self.tokenVotes)
        }
        guard isRoot, token == root else { return }
        for answer in besideRoot { body(answer, Self.besideVotes) }
    }

    /// Tokens that get votes at one place, at most.
    static let places = 9
    // Votes of the text's own matches are 0.2 for one token and 8 for eight of them in the shipped drafter.
    private static let pairVotes: Float = 2
    private static let tokenVotes: Float = 1
    private static let besideVotes: Float = 1
}

/// What a drafter with `CopyVotes` remembers of a text.
struct TextMemory: Sendable {
    private(set) var index = TextIndex()
    var rejected = RejectedGuesses()

    /// Takes in what is new in a text; one that is no continuation of the text so far is read from its start.
    mutating func follow(_ text: [Int32]) {
        if !index.follow(text) { rejected = RejectedGuesses() }
    }
}
