/// What a pass over a model gives; valid until the next pass of the same stream of text.
public struct PassOutput: Sendable {
    /// `[rows asked for, vocabulary]`
    public let logits: Tensor
    /// Hidden states after the final norm. `[rows asked for, hidden]`
    public let hidden: Tensor

    public init(logits: Tensor, hidden: Tensor) {
        self.logits = logits
        self.hidden = hidden
    }
}

/// One text over a model with its cache: all that the loop needs to know of a model.
public protocol TargetSequence {
    /// Committed tokens.
    var committedCount: Int { get }
    /// Tokens that the cache can hold.
    var contextLength: Int { get }
    /// Tokens below this have a row in the embedding table.
    var vocabularySize: Int { get }
    /// Elements of a hidden state.
    var hiddenSize: Int { get }
    /// Embedding table of the model, for drafters that read it.
    var embedding: (any WeightHandle)? { get }
    var backend: any ComputeBackend { get }
    /// The stream on which passes are recorded.
    var stream: any ComputeStream { get }

    /// One pass over the nodes of a tree behind the committed tokens; logits and hidden states of all nodes.
    mutating func forward(_ tree: TokenTree) throws(BackendError) -> PassOutput

    /// Keeps these nodes of the last pass, each after its parent from the root on, and forgets the others.
    mutating func commit(_ path: [Int]) throws(BackendError)
}

/// The loop: draft, choose a tree, verify it in one pass, keep what is confirmed.
///
/// Plain decoding is `NoDrafter`: a tree of one node on the same path. A decoder serves one text at a time, from one thread.
public struct SpeculativeDecoder<Target: TargetSequence> {
    public var target: Target
    public private(set) var drafter: DraftSession
    public private(set) var treeBuilder: any TreeBuilder
    private var verifier: any Verifier
    private var sampling: SamplingParameters
    /// All certain tokens of the text. The last one is the root of the next tree and not in the cache yet.
    public private(set) var tokens: [Int32] = []
    public private(set) var evidence = DraftingEvidence()
    public private(set) var metrics = SpeculationMetrics()
    private let hidden: Tensor?  // [1, hidden], of the last committed token

    /// - Throws: `BackendError.outOfMemory`.
    public init(
        target: Target, drafter: any Drafter, treeBuilder: any TreeBuilder, verifier: any Verifier,
        sampling: SamplingParameters = .greedy
    ) throws(BackendError) {
        self.target = target
        self.drafter = try DraftSession.make(drafter)
        self.treeBuilder = treeBuilder
        self.verifier = verifier
        self.sampling = sampling
        hidden =
            drafter.requirements.contains(.hiddenState)
            ? try target.backend.makeTensor(rows: 1, columns: target.hiddenSize) : nil
    }

    /// Begins an answer after a prefill. What drafts and passes have taught so far stays.
    /// - Parameters:
    ///   - tokens: the committed tokens, and the first one that the model chose after them.
    ///   - output: of the prefill; its last row belongs to the last committed token.
    ///   - verifier: decides on the guesses of this answer.
    ///   - sampling: how the answer is sampled, for drafters that rank with the sampler's noise.
    public mutating func begin(
        _ tokens: [Int32], after output: PassOutput, verifier: any Verifier, sampling: SamplingParameters
    ) {
        precondition(
            tokens.count == target.committedCount + 1, "the first token of the answer is not committed")
        self.tokens = tokens
        self.verifier = verifier
        self.sampling = sampling
        metrics = SpeculationMetrics()
        keepHidden(output, row: output.hidden.rows - 1)
    }

    /// One step.
    /// - Parameters:
    ///   - room: tokens that may still come, at least one.
    ///   - take: receives each new token of the text in order, and whether it was drafted; false ends the text with it.
    @discardableResult
    public mutating func step(
        room: Int = .max, take: (_ token: Int32, _ isDrafted: Bool) -> Bool
    ) throws(BackendError) -> StepOutcome {
        var watch = Stopwatch()
        evidence.contextLength = target.committedCount
        evidence.room = min(room, target.contextLength - target.committedCount) - 1
        let (tree, proposal) = try draft()
        watch.lap(\.draft)
        let output = try target.forward(tree)
        let verdict = try verifier.verify(tree, logits: output.logits, tokens: tokens, on: target.stream)
        watch.lap(\.verify)
        let found = verdict.path.dropFirst().map { tree.nodes[$0].token } + [verdict.next]
        let end = found.indices.first { !take(found[$0], $0 < found.count - 1) }
        let taken = found.prefix((end ?? found.count - 1) + 1)
        keepHidden(output, row: verdict.path[taken.count - 1])
        try target.commit(Array(verdict.path.prefix(taken.count)))
        tokens += taken
        watch.lap(\.rest)
        return learn(
            StepOutcome(
                tree: tree, path: verdict.path, tokens: Array(taken),
                acceptedCount: min(taken.count, verdict.path.count - 1), isDrafted: proposal != nil,
                nonFiniteDraftRows: proposal?.nonFiniteRows ?? 0, durations: watch.durations))
    }

    /// The tree of the next pass: the root alone where the drafter rests.
    private mutating func draft() throws(BackendError) -> (tree: TokenTree, proposal: DraftProposal?) {
        let root = tokens[tokens.count - 1]
        guard evidence.room > 0, let budget = treeBuilder.budget(evidence) else {
            return (TokenTree(root: root), nil)
        }
        var proposal = DraftProposal(root: root)
        let context = DraftContext(
            tokens: tokens, hidden: hidden, embedding: target.embedding, sampling: sampling,
            calibration: evidence.calibration, stream: target.stream)
        try drafter.propose(context, budget: budget, proposal: &proposal)
        return (treeBuilder.build(proposal.tree.known(to: target.vocabularySize), evidence), proposal)
    }

    private mutating func learn(_ outcome: StepOutcome) -> StepOutcome {
        evidence.observe(outcome)
        treeBuilder.observe(outcome, evidence)
        metrics.count(outcome)
        return outcome
    }

    private func keepHidden(_ output: PassOutput, row: Int) {
        guard let hidden else { return }
        target.stream.gatherRows(output.hidden, rows: [row], into: hidden)
    }
}

extension TokenTree {
    /// Without guesses that no model of this vocabulary could confirm.
    fileprivate func known(to vocabularySize: Int) -> TokenTree {
        let isKnown = nodes.map { (0..<vocabularySize).contains(Int($0.token)) }
        return isKnown.allSatisfy(\.self) ? self : selecting(isKnown)
    }
}

private struct Stopwatch {
    var durations = StepDurations()
    private var last = ContinuousClock.now

    mutating func lap(_ part: WritableKeyPath<StepDurations, Duration>) {
        let now = ContinuousClock.now
        durations[keyPath: part] += last.duration(to: now)
        last = now
    }
}
