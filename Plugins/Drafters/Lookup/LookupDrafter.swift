import RedrafterCore
import RedrafterPlatform

/// Continues the longest earlier match of the last tokens in prompt and answer (prompt lookup). Needs no weights; pays where
/// an answer repeats what was said before.
///
/// A guess after a match of L tokens is estimated to be right with probability L / (L + 2), shared among the ways in which
/// the text went on after the match; every further token of a branch counts as one more matched. What the estimate leaves is
/// offered to the next shorter match. The loop calibrates all this by what it observes.
public struct LookupDrafter: Drafter {
    public let name = "lookup"
    /// Tokens of a branch at most.
    public let maximumLength: Int
    /// Ways to go on after one match that are proposed at most.
    public let maximumBranches: Int

    /// What is remembered of a text.
    public struct State: Sendable {
        var automaton = SuffixAutomaton()
    }

    public init(options: DrafterOptions = DrafterOptions()) {
        maximumLength = options.beamLength ?? 15
        maximumBranches = options.beamWidth ?? 3
    }

    public func makeState() -> State { State() }

    public func propose(
        _ context: DraftContext, budget: DraftBudget, state: inout State, proposal: inout DraftProposal
    ) {
        state.consume(context.tokens)
        let automaton = state.automaton
        var match = automaton.longestEarlierMatch
        var left = 1.0
        for _ in 0..<Self.matches where match != SuffixAutomaton.root {
            let length = Int(automaton.states[match].length)
            branch(match, length, left, automaton, min(budget.depth, maximumLength), &proposal)
            left *= 1 - Self.confidence(length)
            match = Int(automaton.states[match].link)
        }
    }

    /// Proposes how the text went on after a match of `length` tokens.
    private func branch(
        _ match: Int, _ length: Int, _ left: Double, _ automaton: SuffixAutomaton, _ depth: Int,
        _ proposal: inout DraftProposal
    ) {
        // The latest occurrence is one more reason to believe in its continuation.
        let latest = automaton.tokens[Int(automaton.states[match].occurrence) + 1]
        var ways = automaton.continuations(of: match).prefix(Self.consideredWays).map { way in
            (
                token: way.token, end: Int(automaton.states[way.state].occurrence),
                weight: Double(automaton.states[way.state].count) + (way.token == latest ? 2 : 1)
            )
        }
        ways.sort { $0.weight > $1.weight }
        let total = ways.reduce(0) { $0 + $1.weight }
        for way in ways.prefix(maximumBranches) {
            let first = left * way.weight / total * Self.confidence(length)
            var node = proposal.insert(way.token, after: 0, probability: first)
            // The text that is copied goes on in the copy: a match that overlaps its continuation repeats for ever.
            let period = automaton.tokens.count - way.end
            for offset in 1..<max(depth, 1) {
                node = proposal.insert(
                    automaton.tokens[way.end + offset % period], after: node,
                    probability: Self.confidence(length + offset))
            }
        }
    }

    /// Probability that the token after a match of `length` tokens comes again.
    private static func confidence(_ length: Int) -> Double { Double(length) / Double(length + 2) }

    /// Matches that may propose: the longest one and shorter ones.
    private static let matches = 3
    private static let consideredWays = 16
}

extension LookupDrafter.State {
    /// Appends what is new in the text; a text that is no continuation of the one seen is read from its start.
    mutating func consume(_ text: [Int32]) {
        let seen = automaton.tokens.count
        if seen > text.count || !text.begins(with: automaton.tokens) { automaton = SuffixAutomaton() }
        for token in text[automaton.tokens.count...] { automaton.append(token) }
    }
}

extension [Int32] {
    fileprivate func begins(with other: [Int32]) -> Bool {
        withUnsafeBytes { own in
            other.withUnsafeBytes { other in
                guard let own = own.baseAddress, let start = other.baseAddress else { return other.isEmpty }
                return memcmp(own, start, other.count) == 0
            }
        }
    }
}
