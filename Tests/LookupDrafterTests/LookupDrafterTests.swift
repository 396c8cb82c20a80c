import RedrafterCore
import RedrafterTesting
import Testing

@testable import LookupDrafter

/// The longest end of `tokens` that occurs earlier and is continued there, found by looking everywhere.
private func longestMatch(_ tokens: [Int32]) -> Int {
    (0..<tokens.count).reversed().first { length in
        (0..<(tokens.count - length)).contains { start in
            tokens[start..<start + length].elementsEqual(tokens.suffix(length))
        }
    } ?? 0
}

private func proposal(
    _ tokens: [Int32], _ state: inout LookupDrafter.State, depth: Int = 15
) throws -> TokenTree {
    var proposal = DraftProposal(root: tokens[tokens.count - 1])
    LookupDrafter().propose(
        try DraftContext(tokens: tokens),
        budget: DraftBudget(nodes: 31, depth: depth), state: &state, proposal: &proposal)
    return proposal.tree
}

@Suite struct LookupDrafterTests {
    @Test("The match is the longest that looking everywhere finds, and its continuations are all there are")
    func longest() {
        var random = SeededRandom(seed: 7)
        for vocabulary in [Int32(1), 2, 3, 5] {
            var automaton = SuffixAutomaton()
            var tokens = [Int32]()
            for _ in 0..<120 {
                let token = Int32.random(in: 0..<vocabulary, using: &random)
                tokens.append(token)
                automaton.append(token)
                let match = automaton.longestEarlierMatch
                let length = longestMatch(tokens)
                #expect(automaton.states[match].length == length)
                guard length > 0 else { continue }
                let starts = (0..<(tokens.count - length)).filter {
                    tokens[$0..<$0 + length].elementsEqual(tokens.suffix(length))
                }
                let followers = Set(starts.map { tokens[$0 + length] })
                #expect(Set(automaton.continuations(of: match).map(\.token)) == followers)
                let end = Int(automaton.states[match].occurrence)
                #expect(
                    end < tokens.count - 1
                        && tokens[...end].suffix(length).elementsEqual(tokens.suffix(length)))
            }
        }
    }

    @Test("A repeated passage is continued as it went on")
    func repeats() throws {
        var state = LookupDrafter().makeState()
        let passage = (10..<40).map(Int32.init)
        let tree = try proposal(passage + [1, 2] + passage.prefix(10), &state)
        var node = 0
        for expected in passage.dropFirst(10).prefix(15) {
            let child = tree.child(of: node, token: expected)
            #expect(child != nil)
            node = child ?? 0
        }
    }

    @Test(
        "Where the text went on in several ways, the more frequent comes first and longer matches are trusted more"
    )
    func severalWays() throws {
        var state = LookupDrafter().makeState()
        let tree = try proposal([7, 8, 1, 7, 8, 2, 7, 8, 2, 5, 7, 8], &state)
        let two = try #require(tree.child(of: 0, token: 2))
        let one = try #require(tree.child(of: 0, token: 1))
        #expect(tree.nodes[two].logAcceptance > tree.nodes[one].logAcceptance)
        var other = LookupDrafter().makeState()
        let long = try proposal([3, 4, 5, 6, 9, 3, 4, 5, 6], &other)
        var third = LookupDrafter().makeState()
        let short = try proposal([3, 4, 5, 6, 9, 1, 6], &third)
        #expect(long.nodes[1].token == 9 && short.nodes[1].token == 9)
        #expect(long.nodes[1].logAcceptance > short.nodes[1].logAcceptance)
    }

    @Test("A text without repetition gives no guess")
    func nothing() throws {
        var state = LookupDrafter().makeState()
        #expect(try proposal([1, 2, 3, 4], &state).count == 1)
    }

    @Test("A text that was rewound or replaced is looked up as if nothing else had been seen")
    func rewound() throws {
        var state = LookupDrafter().makeState()
        let first: [Int32] = [1, 2, 3, 9, 9, 1, 2]
        _ = try proposal(first + [3, 4, 5], &state)
        for text in [first, [1, 2, 3, 8, 9, 1, 2, 3], [5], first + [4]] {
            var fresh = LookupDrafter().makeState()
            #expect(try proposal(text, &state) == proposal(text, &fresh))
        }
    }

    @Test("It keeps the contract of a drafter")
    func contract() throws { #expect(try checkDrafter(LookupDrafter(), vocabularySize: 40) == []) }

    @Test("Branches end where the budget ends")
    func depth() throws {
        var state = LookupDrafter().makeState()
        let text = [Int32](repeating: 4, count: 60)
        for depth in 1...5 { #expect(try proposal(text, &state, depth: depth).depth == depth) }
    }

    @Test("States and edges stay within 2n and 3n for one token, random tokens and a text that repeats")
    func linear() {
        var random = SeededRandom(seed: 3)
        let count = 100_000
        let texts: [[Int32]] = [
            [Int32](repeating: 5, count: count),
            (0..<count).map { _ in Int32.random(in: 0..<50_000, using: &random) },
            (0..<count).map { Int32($0 % 1000) },
            (0..<count).map { _ in Int32.random(in: 0..<2, using: &random) },
        ]
        for text in texts {
            var automaton = SuffixAutomaton()
            for token in text { automaton.append(token) }
            #expect(automaton.states.count <= 2 * count)
            #expect(automaton.edgeCount <= 3 * count)
        }
    }
}
