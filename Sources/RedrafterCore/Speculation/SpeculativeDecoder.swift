/// The loop over one answer: draft, choose a tree, verify it in one pass, keep what is confirmed.
///
/// `Speculator.begin` makes one. Plain decoding is `NoDrafter`: a tree of one node on the same path.
///
///     var decoder = try speculator.begin(prompt, verifier: ExactVerifier(sampler))
///     try decoder.step { token, isDrafted in show(token); return token != end }
public struct SpeculativeDecoder<Target: TargetSequence> {
    /// The sequence, the drafter and the tree builder, with what this answer taught them.
    public private(set) var speculator: Speculator<Target>
    public private(set) var metrics = SpeculationMetrics()
    /// Of each token of the answer, where they are reported; else empty.
    public private(set) var logProbabilities: [TokenLogProbabilities]
    private let verifier: any Verifier
    private let sampling: SamplingParameters
    private let report: LogProbabilityReport?

    init(
        _ speculator: Speculator<Target>, verifier: any Verifier, sampling: SamplingParameters,
        report: LogProbabilityReport?, first: [TokenLogProbabilities]
    ) {
        self.speculator = speculator
        self.verifier = verifier
        self.sampling = sampling
        self.report = report
        logProbabilities = first
    }

    /// All certain tokens of the text. The last one is the root of the next tree and not in the cache yet.
    public var tokens: [Int32] { speculator.tokens }

    /// One step: at least one new token, and those of the guesses that the model confirms.
    /// - Parameters:
    ///   - room: tokens that may still come, at least one.
    ///   - take: receives each new token of the text in order, and whether it was drafted; false ends the text with it.
    @discardableResult
    public mutating func step(
        room: Int = .max, take: (_ token: Int32, _ isDrafted: Bool) -> Bool
    ) throws(BackendError) -> StepOutcome {
        var draft = try draft(room: room)
        let output = try speculator.target.forward(draft.tree)
        let verdict = try verifier.verify(
            draft.tree, logits: output.logits, tokens: tokens, on: speculator.target.stream)
        draft.watch.lap(\.verify)
        let taken = offer(verdict, of: draft.tree, to: take)
        try keep(taken, of: verdict, in: output)
        return learn(draft, verdict, taken)
    }

    /// The tree of the next pass: the root alone where the drafter rests.
    private mutating func draft(room: Int) throws(BackendError) -> Draft {
        let target = speculator.target
        var draft = Draft(root: tokens[tokens.count - 1])
        speculator.evidence.contextLength = target.committedCount
        speculator.evidence.room = min(room, target.contextLength - target.committedCount) - 1
        if speculator.evidence.room > 0, let budget = speculator.treeBuilder.budget(speculator.evidence) {
            var proposal = DraftProposal(root: draft.tree.root)
            let context = DraftContext(
                tokens: tokens, hidden: speculator.hidden, embedding: target.embedding, sampling: sampling,
                evidence: speculator.evidence, stream: target.stream)
            try speculator.session.propose(context, budget: budget, proposal: &proposal)
            draft.tree = speculator.treeBuilder.build(
                proposal.tree.known(to: target.vocabularySize), speculator.evidence)
            draft.proposal = proposal
        }
        draft.watch.lap(\.draft)
        return draft
    }

    /// Hands the confirmed tokens over in order, and the model's own after them.
    /// - Returns: those that became part of the text: all, or those up to the one that ends it.
    private func offer(
        _ verdict: Verdict, of tree: TokenTree, to take: (_ token: Int32, _ isDrafted: Bool) -> Bool
    ) -> ArraySlice<Int32> {
        let found = verdict.tokens(in: tree)
        let end = found.indices.first { !take(found[$0], $0 < found.count - 1) }
        return found.prefix(through: end ?? found.count - 1)
    }

    /// Keeps the rows before the last taken token, and what the drafter reads of them.
    private mutating func keep(
        _ taken: ArraySlice<Int32>, of verdict: Verdict, in output: PassOutput
    ) throws(BackendError) {
        let path = Array(verdict.path.prefix(taken.count))
        logProbabilities += try TokenLogProbabilities.of(
            zip(taken, path).map { ($0, $1) }, report, logits: output.logits, on: speculator.target.stream)
        let start = speculator.target.committedCount
        speculator.keepHidden(of: output, row: path[path.count - 1])
        try speculator.target.commit(path)
        speculator.tokens += taken
        try speculator.follow(path, of: output, from: start)
    }

    private mutating func learn(_ draft: Draft, _ verdict: Verdict, _ taken: ArraySlice<Int32>) -> StepOutcome
    {
        var watch = draft.watch
        watch.lap(\.rest)
        let outcome = StepOutcome(
            tree: draft.tree, verdict: verdict, taken: Array(taken), isDrafted: draft.proposal != nil,
            nonFiniteDraftRows: draft.proposal?.nonFiniteRows ?? 0, durations: watch.durations)
        speculator.session.observe(outcome)
        speculator.evidence.observe(outcome)
        speculator.treeBuilder.observe(outcome, speculator.evidence)
        metrics.count(outcome)
        return outcome
    }
}

/// What is verified in a step, and where its time has gone so far.
private struct Draft {
    var tree: TokenTree
    /// Nil where the drafter rests.
    var proposal: DraftProposal?
    var watch = Stopwatch()

    init(root: Int32) { tree = TokenTree(root: root) }
}

extension TokenTree {
    /// Without guesses that no model of this vocabulary could confirm.
    package func known(to vocabularySize: Int) -> TokenTree {
        let isKnown = nodes.map { (0..<vocabularySize).contains(Int($0.token)) }
        return isKnown.allSatisfy(\.self) ? self : selecting(isKnown)
    }
}
