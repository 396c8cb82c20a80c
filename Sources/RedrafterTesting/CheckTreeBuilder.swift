import RedrafterCore

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
        evidence.contextLength = turn
        evidence.room = turn % 9
        let rows = 1 + turn % maximumRows
        // Now and then some plain passes, by which trees are judged.
        for rows in turn % 16 == 0 ? [1, 1, 1, 1, 1] : [rows] {
            evidence.prices.observePass(
                rows: rows, contextLength: evidence.contextLength,
                duration: .microseconds(900 + 100 * rows))
        }
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
