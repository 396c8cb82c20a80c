import RedrafterCore

/// Guesses that a token is followed by what has followed it most often in this text: a whole drafter, to start from.
public struct BigramDrafter: Drafter {
    public let name = "bigram"
    /// Tokens that are drafted at most.
    public let length: Int

    /// How often a token followed another one, up to `seen` tokens of the text.
    public struct State: Sendable {
        fileprivate var counts: [Int32: [Int32: Int]] = [:]
        fileprivate var seen: [Int32] = []

        /// Counts what is new; a text that was rewound is counted from its start.
        fileprivate mutating func read(_ text: [Int32]) {
            if !text.starts(with: seen) { self = State() }
            for index in max(seen.count, 1)..<max(text.count, 1) {
                counts[text[index - 1], default: [:]][text[index], default: 0] += 1
            }
            seen = text
        }
    }

    public init(length: Int = 4) { self.length = length }

    public func makeState() -> State { State() }

    public func propose(
        _ context: DraftContext, budget: DraftBudget, state: inout State, proposal: inout DraftProposal
    ) {
        state.read(context.tokens)
        var (node, token) = (0, context.root)
        for _ in 0..<min(length, budget.depth) {
            guard let followers = state.counts[token],
                let best = followers.max(by: { ($0.value, $1.key) < ($1.value, $0.key) })
            else { return }
            let share = Double(best.value) / Double(followers.values.reduce(2, +))
            node = proposal.insert(best.key, after: node, probability: share)
            token = best.key
        }
    }
}
