import RedrafterCore
import Testing

@testable import RecurrentDrafter

@Suite("What the model said after guesses that it did not confirm") struct RejectedGuessesTests {
    /// root 1 ── 2 ── 4
    ///        └─ 3 ── 5
    private let tree: TokenTree = {
        var tree = TokenTree(root: 1)
        let two = tree.insert(2, after: 0, logAcceptance: -0.1)
        let three = tree.insert(3, after: 0, logAcceptance: -0.2)
        tree.insert(4, after: two, logAcceptance: -0.3)
        tree.insert(5, after: three, logAcceptance: -0.4)
        return tree
    }()

    /// The model's tokens after 1, 2, 3, 4, 5.
    private let says: [Int32] = [2, 6, 7, 8, 9]

    private func outcome(
        path: [Int], next: Int32, says: [Int32]
    ) -> StepOutcome {
        let verdict = Verdict(path: path, next: next, mostLikely: says)
        return StepOutcome(
            tree: tree, verdict: verdict, taken: verdict.tokens(in: tree), isDrafted: true,
            nonFiniteDraftRows: 0, durations: StepDurations())
    }

    private func votes(
        _ rejected: RejectedGuesses, after token: Int32, previous: Int32?, isRoot: Bool = false
    ) -> [Int32: Float] {
        var votes = [Int32: Float]()
        rejected.forEachVote(after: token, previous: previous, isRoot: isRoot) { votes[$0, default: 0] += $1 }
        return votes
    }

    @Test("Its token is likelier when the guess comes after all, more so after the same token")
    func later() {
        var rejected = RejectedGuesses()
        rejected.observe(outcome(path: [0, 1], next: 6, says: says))
        for (token, previous, answer) in [(3, 1, 7), (4, 2, 8), (5, 3, 9)] as [(Int32, Int32, Int32)] {
            let (same, other) = (
                votes(rejected, after: token, previous: previous), votes(rejected, after: token, previous: 0)
            )
            #expect(Array(same.keys) == [answer] && Array(other.keys) == [answer])
            #expect(same[answer, default: 0] > other[answer, default: 0])
            #expect(votes(rejected, after: token, previous: nil) == other)
        }
        // Confirmed: the text itself tells what came.
        #expect(votes(rejected, after: 2, previous: 1).isEmpty)
    }

    @Test("What it said beside the new root is likelier after the root, this one time")
    func beside() {
        var rejected = RejectedGuesses()
        // 10 in place of 2 and 3, so that the tokens after both are asked.
        rejected.observe(outcome(path: [0], next: 10, says: says))
        #expect(Set(votes(rejected, after: 10, previous: 1, isRoot: true).keys) == [6, 7])
        #expect(votes(rejected, after: 10, previous: 1).isEmpty)
        #expect(votes(rejected, after: 11, previous: 1, isRoot: true).isEmpty)
        // 6 in place of 4 and 5.
        rejected.observe(outcome(path: [0, 1], next: 6, says: says))
        #expect(Set(votes(rejected, after: 6, previous: 2, isRoot: true).keys) == [8, 9])
    }

    @Test(
        "A guess that is confirmed later votes no more, and no vote comes of rows that nobody has looked at")
    func forgotten() {
        var rejected = RejectedGuesses()
        rejected.observe(outcome(path: [0], next: 10, says: says))
        #expect(!votes(rejected, after: 2, previous: 1).isEmpty)
        rejected.observe(outcome(path: [0, 1, 3], next: 8, says: []))
        #expect(!votes(rejected, after: 2, previous: 1).isEmpty)
        #expect(votes(rejected, after: 10, previous: 1, isRoot: true).isEmpty)
        rejected.observe(outcome(path: [0, 1, 3], next: 8, says: says))
        #expect(votes(rejected, after: 2, previous: 1).isEmpty)
        #expect(votes(rejected, after: 4, previous: 2).isEmpty)
        #expect(!votes(rejected, after: 5, previous: 3).isEmpty)
    }

    @Test("They belong to a text: another one begins without them, one that goes on keeps them")
    func texts() {
        var memory = TextMemory()
        memory.follow([0, 1])
        memory.rejected.observe(outcome(path: [0], next: 10, says: says))
        memory.follow([0, 1, 10, 3])
        #expect(!votes(memory.rejected, after: 3, previous: 1).isEmpty)
        memory.follow([0, 2])
        #expect(votes(memory.rejected, after: 3, previous: 1).isEmpty)
    }
}
