import RedrafterCore

/// Checks a drafter against its contract, on texts that grow, shrink and change.
///
/// - Parameters:
///   - drafter: what is checked.
///   - vocabularySize: ids below it are tokens.
///   - backend: the one it was made on, where it computes on a device.
///   - hidden: hidden states to draft from, `[hidden]` each, where the drafter requires them.
///   - embedding: the model's table, where the drafter requires it.
/// - Returns: what failed; empty for a drafter that is done.
public func checkDrafter<D: Drafter>(
    _ drafter: D, vocabularySize: Int, backend: any ComputeBackend = ReferenceBackend(), hidden: [Float] = [],
    embedding: (any WeightHandle)? = nil
) throws -> [ConformanceFailure] {
    var failures = [ConformanceFailure]()
    func fail(_ message: String) {
        failures.append(ConformanceFailure(subject: drafter.name, message: message))
    }
    let stream = backend.makeStream()
    let hiddenState =
        drafter.requirements.contains(.hiddenState)
        ? try backend.makeTensor(rows: 1, columns: hidden.count, values: hidden) : nil
    func proposal(
        _ text: [Int32], _ budget: DraftBudget, _ sampling: SamplingParameters, _ state: inout D.State
    ) throws -> DraftProposal {
        var proposal = DraftProposal(root: text[text.count - 1])
        let context = DraftContext(
            tokens: text, hidden: hiddenState, embedding: embedding, sampling: sampling, stream: stream)
        try drafter.propose(context, budget: budget, state: &state, proposal: &proposal)
        return proposal
    }
    var random = SeededRandom(seed: 17)
    var text = (0..<24).map { _ in Int32.random(in: 0..<Int32(vocabularySize), using: &random) }
    var state = try drafter.makeState()
    for turn in 0..<40 {
        // Texts grow, repeat themselves, are rewound, are replaced.
        switch turn % 5 {
        case 0, 1: text += text.suffix(6)
        case 2: text.append(Int32.random(in: 0..<Int32(vocabularySize), using: &random))
        case 3: text.removeLast(min(4, text.count - 1))
        default: text[text.count / 2] = 0
        }
        let budget = DraftBudget(
            nodes: 1 + turn % 20, depth: 1 + turn % 6, choosesAmongMore: turn.isMultiple(of: 2))
        var sampling = SamplingParameters.greedy
        if turn.isMultiple(of: 3) { (sampling.temperature, sampling.seed) = (0.8, UInt64(turn)) }
        let got = try proposal(text, budget, sampling, &state)
        if got.tree.root != text[text.count - 1] { fail("the root was changed") }
        for (index, node) in got.tree.nodes.enumerated().dropFirst() {
            if !(0..<vocabularySize).contains(Int(node.token)) {
                fail("token \(node.token) is outside the vocabulary")
            }
            if node.depth > budget.depth {
                fail("node \(index) lies deeper than the budget's \(budget.depth)")
            }
            if !(node.logAcceptance <= 0) { fail("node \(index) has the estimate \(node.logAcceptance)") }
        }
        // A state that has seen other texts guesses what a new one does.
        var fresh = try drafter.makeState()
        let expected = try proposal(text, budget, sampling, &fresh)
        if expected.tree.nodes.map(\.token) != got.tree.nodes.map(\.token) {
            fail("turn \(turn): a state that saw other texts guesses differently from a new one")
        }
    }
    return failures
}

/// Checks a tree builder against its contract, on random proposals and evidence.
/// - Returns: what failed; empty for a builder that is done.
public func checkTreeBuilder(_ builder: any TreeBuilder, maximumRows: Int) -> [ConformanceFailure] {
    var failures = [ConformanceFailure]()
    func fail(_ message: String) {
        failures.append(ConformanceFailure(subject: builder.name, message: message))
    }
    var builder = builder
    var random = SeededRandom(seed: 29)
    var evidence = DraftingEvidence()
    for turn in 0..<200 {
        evidence.contextLength = turn * 7
        evidence.room = turn % 9
        let rows = 1 + turn % maximumRows
        evidence.prices.observePass(
            rows: turn < 8 ? 1 : rows, contextLength: evidence.contextLength,
            duration: .microseconds(900 + 100 * rows))
        if let budget = builder.budget(evidence) {
            if budget.nodes < 1 || budget.depth < 1 || budget.depth > evidence.room {
                fail(
                    "a budget of \(budget.nodes) nodes and depth \(budget.depth) with room for \(evidence.room)"
                )
            }
        }
        var proposal = TokenTree(root: 1)
        for _ in 0..<Int.random(in: 0..<80, using: &random) {
            proposal.insert(
                Int32.random(in: 0..<9, using: &random),
                after: Int.random(in: 0..<proposal.count, using: &random),
                logAcceptance: -Float.random(in: 0...4, using: &random))
        }
        let tree = builder.build(proposal, evidence)
        if tree.root != proposal.root { fail("the root was changed") }
        if tree.count > maximumRows { fail("\(tree.count) nodes, at most \(maximumRows) are allowed") }
        if tree.depth > evidence.room { fail("depth \(tree.depth) with room for \(evidence.room)") }
        for node in tree.nodes.indices.dropFirst() {
            var place: Int? = 0
            for step in tree.path(to: node).dropFirst() {
                place = place.flatMap { proposal.child(of: $0, token: tree.nodes[step].token) }
            }
            if place == nil { fail("node \(node) was not proposed") }
        }
    }
    return failures
}
