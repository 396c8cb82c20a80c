import RedrafterCore
import RedrafterTesting
import Testing

@testable import RecurrentDrafter

@Suite("Votes of the text") struct CopyVotesTests {
    /// For the token after a text.
    private func guesses(
        _ drafter: RecurrentDrafter, after text: [Int32], _ embedding: any WeightHandle,
        _ state: inout RecurrentDrafter.State, on backend: any ComputeBackend
    ) throws -> DraftProposal {
        var proposal = DraftProposal(root: text[text.count - 1])
        let hidden = (0..<32).map { Float($0 % 5) - 2 }
        let context = DraftContext(
            tokens: text, hidden: try backend.makeTensor(rows: 1, columns: 32, values: hidden),
            embedding: embedding, stream: backend.makeStream())
        try drafter.propose(
            context, budget: DraftBudget(nodes: 20, depth: 1), state: &state, proposal: &proposal)
        return proposal
    }

    @Test("A drafter that copies from the text keeps the contract")
    func copyContract() throws {
        for backend in try allBackends() {
            for context in [nil, ToyDrafter.context()] {
                let (drafter, embedding) = try contextDrafter(context, copyLengths: 3, on: backend)
                let failures = try checkDrafter(
                    drafter, vocabularySize: 40, backend: backend,
                    hidden: (0..<32).map { Float($0 % 5) - 2 }, embedding: embedding)
                #expect(failures == [])
            }
        }
    }

    @Test(
        "What followed the same tokens before is guessed first, of whatever vocabulary; votes that are not finite give no guess"
    )
    func copies() throws {
        for backend in try allBackends() {
            let text: [Int32] = [7, 8, 9, 11, 1, 2, 9, 12, 30, 8, 9]
            func tree(_ vote: Float, power: Float = 1, known: [Int32]? = nil) throws -> DraftProposal {
                let (drafter, embedding) = try contextDrafter(
                    nil, copyLengths: 2, vote: vote, power: power, draftVocabulary: known, on: backend)
                var state = try drafter.makeState()
                return try guesses(drafter, after: text, embedding, &state, on: backend)
            }
            let (plain, lifted) = (try tree(-80).tree, try tree(30).tree)
            #expect(Set(lifted.nodes[1...2].map(\.token)) == [11, 12])
            #expect(Set(plain.nodes[1...2].map(\.token)) != [11, 12])
            // Further than what exp can say.
            let (far, low) = (try tree(30, power: 30), try tree(30, power: -30))
            #expect(far.nonFiniteRows == 0 && Set(far.tree.nodes[1...2].map(\.token)) == [11, 12])
            #expect(low.nonFiniteRows == 0 && !low.tree.nodes.contains { [11, 12].contains($0.token) })
            for vote in [Float.nan, .infinity] {
                let proposal = try tree(vote)
                #expect(proposal.tree.count == 1 && proposal.nonFiniteRows == 1, "\(vote)")
            }
            // Without a row for 12, or for both.
            for known in [Array(0..<12), Array(13..<40)] as [[Int32]] {
                let (plain, lifted) = (try tree(-80, known: known).tree, try tree(30, known: known).tree)
                #expect(Set(lifted.nodes[1...2].map(\.token)) == [11, 12])
                #expect(Set(lifted.nodes[3...].map(\.token)).isSubset(of: known))
                // A vote of no effect proposes nothing.
                #expect(plain.nodes.dropFirst().allSatisfy { known.contains($0.token) })
                #expect(
                    try tree(30, power: 0, known: known).tree.nodes.map(\.token) == plain.nodes.map(\.token))
                #expect(try tree(30, power: -30, known: known).nonFiniteRows == 0)
            }
        }
    }

    @Test("What the model said after a guess that it did not confirm is guessed when that token comes")
    func recycles() throws {
        for backend in try allBackends() {
            let (drafter, embedding) = try contextDrafter(
                nil, copyLengths: 2, vote: -80, power: 200, on: backend)
            var state = try drafter.makeState()
            func first(_ text: [Int32]) throws -> Int32? {
                let proposal = try guesses(drafter, after: text, embedding, &state, on: backend)
                return proposal.tree.nodes.dropFirst().first?.token
            }
            _ = try first([5])
            let unlikely: Int32 = 30
            for text in [[5, 6], [5, 6, 7]] as [[Int32]] {
                var fresh = try drafter.makeState()
                swap(&fresh, &state)
                #expect(try first(text) != unlikely)
                swap(&fresh, &state)
            }
            var tree = TokenTree(root: 5)
            tree.insert(7, after: 0, logAcceptance: -1)
            drafter.observe(
                StepOutcome(
                    tree: tree, verdict: Verdict(path: [0], next: 6, mostLikely: [6, unlikely]), taken: [6],
                    isDrafted: true, nonFiniteDraftRows: 0, durations: StepDurations()), state: &state)
            // Beside the new root, and when the token comes.
            #expect(try first([5, 6]) == unlikely)
            #expect(try first([5, 6, 7]) == unlikely)
        }
    }
}
