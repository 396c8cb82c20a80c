import RedrafterCore

/// Checks a drafter against its contract, on texts that grow, shrink and change, alone and in batches.
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
    let state = hidden.isEmpty ? [0] : hidden
    let hiddenState = try backend.makeTensor(rows: 1, columns: state.count, values: state)
    let table = try embedding ?? placeholderEmbedding(on: backend)
    /// Tells of the rows before the root from a place on. What a layer gives for a row depends on the text up to it alone.
    func follow(_ text: [Int32], from start: Int, _ state: inout D.State) throws {
        let rows = Array(start..<text.count - 1)
        guard !drafter.requirements.taps.isEmpty, !rows.isEmpty else { return }
        let columns = table.columns
        var taps = [Int: Tensor]()
        for layer in drafter.requirements.taps {
            let values = rows.flatMap { row in
                var random = SeededRandom(
                    seed: text[...row].reduce(UInt64(layer)) { ($0 &+ UInt64($1)) &* 0x2545_F491_4F6C_DD1D })
                return (0..<columns).map { _ in Float.random(in: -1...1, using: &random) }
            }
            taps[layer] = try backend.makeTensor(rows: rows.count, columns: columns, values: values)
        }
        try drafter.follow(
            ConfirmedRows(
                start: start, following: text[(start + 1)...], passRows: Array(rows.indices)[...], taps: taps,
                embedding: table, stream: stream), state: &state)
    }
    func proposal(
        _ text: [Int32], from told: Int, _ budget: DraftBudget, _ sampling: SamplingParameters,
        _ state: inout D.State
    ) throws -> DraftProposal {
        try follow(text, from: told, &state)
        var proposal = DraftProposal(root: text[text.count - 1])
        let context = DraftContext(
            tokens: text, hidden: hiddenState, embedding: table, sampling: sampling, stream: stream)
        try drafter.propose(context, budget: budget, state: &state, proposal: &proposal)
        return proposal
    }
    var random = SeededRandom(seed: 17)
    var text = (0..<24).map { _ in Int32.random(in: 0..<Int32(vocabularySize), using: &random) }
    var session = try drafter.makeState()
    for turn in 0..<40 {
        let before = text
        // Texts grow, repeat themselves, are rewound, are replaced.
        switch turn % 5 {
        case 0, 1: text += text.suffix(6)
        case 2: text.append(Int32.random(in: 0..<Int32(vocabularySize), using: &random))
        case 3: text.removeLast(min(4, text.count - 1))
        default: text[text.count / 2] = 0
        }
        let budget = DraftBudget(
            nodes: 1 + turn % 20, depth: 1 + turn % 6,
            selection: turn.isMultiple(of: 2) ? .nodes() : .branches)
        var sampling = SamplingParameters.greedy
        if turn.isMultiple(of: 3) { (sampling.temperature, sampling.seed) = (0.8, UInt64(turn)) }
        // As far as a row and the token after it are what they were.
        let common = zip(before, text).prefix { $0 == $1 }.count
        let told = turn == 0 ? 0 : max(0, min(common, text.count - 1) - 1)
        let got = try proposal(text, from: told, budget, sampling, &session)
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
        let expected = try proposal(text, from: 0, budget, sampling, &fresh)
        if expected.tree.nodes.map(\.token) != got.tree.nodes.map(\.token) {
            fail("turn \(turn): a state that saw other texts guesses differently from a new one")
        }
    }
    // A state that is told of a step goes on.
    var tree = TokenTree(root: text[text.count - 1])
    tree.insert(0, after: 0, logAcceptance: -1)
    let verdict = Verdict(path: [0], next: 1, mostLikely: [1, 0])
    drafter.observe(
        StepOutcome(
            tree: tree, verdict: verdict, taken: verdict.tokens(in: tree), isDrafted: true,
            nonFiniteDraftRows: 0,
            durations: StepDurations()), state: &session)
    text.append(1)
    let got = try proposal(text, from: text.count - 2, DraftBudget(nodes: 8, depth: 3), .greedy, &session)
    if got.tree.root != 1 { fail("the root was changed after a step") }
    // Texts of different lengths and ends, in batches of falling size: each guesses what it guesses alone.
    let texts = (0..<4).map { count in
        (0..<12 + 5 * count).map { _ in Int32.random(in: 0..<Int32(vocabularySize), using: &random) }
    }
    var workspace = try drafter.makeWorkspace(texts: texts.count)
    for count in (1...texts.count).reversed() {
        var drafts = [TextDraft<D.State>]()
        var expected = [[Int32]]()
        for (index, text) in texts.prefix(count).enumerated() {
            let budget = DraftBudget(
                nodes: 3 + 5 * index, depth: 1 + 2 * index,
                selection: index.isMultiple(of: 2) ? .nodes() : .branches)
            var sampling = SamplingParameters.greedy
            if index == 1 { (sampling.temperature, sampling.seed) = (0.8, 3) }
            var alone = try drafter.makeState()
            expected.append(try proposal(text, from: 0, budget, sampling, &alone).tree.nodes.map(\.token))
            var state = try drafter.makeState()
            try follow(text, from: 0, &state)
            let context = DraftContext(
                tokens: text, hidden: hiddenState, embedding: table, sampling: sampling, stream: stream)
            drafts.append(
                TextDraft(
                    context, budget: budget, state: state, proposal: DraftProposal(root: context.root)))
        }
        try drafter.propose(&drafts, workspace: &workspace)
        if drafts.map({ $0.proposal.tree.nodes.map(\.token) }) != expected {
            fail("\(count) texts at once: guesses differ from those for each alone")
        }
    }
    return failures
}

/// An embedding table for drafters that do not read it. `[1, 32]`
func placeholderEmbedding(on backend: any ComputeBackend) throws(BackendError) -> any WeightHandle {
    let values = [Float](repeating: 0, count: 32)
    return try values.withUnsafeBufferPointer { (values) throws(BackendError) in
        try backend.makeWeight(type: .f32, rows: 1, columns: 32, bytes: UnsafeRawBufferPointer(values))
    }
}

extension DraftContext {
    /// A text on the reference backend, for drafters that require nothing of the model.
    public init(tokens: [Int32], sampling: SamplingParameters = .greedy) throws(BackendError) {
        let backend = ReferenceBackend()
        self.init(
            tokens: tokens, hidden: try backend.makeTensor(rows: 1, columns: 1),
            embedding: try placeholderEmbedding(on: backend), sampling: sampling,
            stream: backend.makeStream())
    }
}
