/// What outlasts an answer: one sequence of a model, a drafter and a tree builder, and what passes and drafts have taught.
///
/// Used from one thread at a time. The cache lasts, too: a prompt that begins as the text so far is computed from where it
/// differs.
///
///     var speculator = try Speculator(target: sequence, drafter: LookupDrafter(), treeBuilder: CostAwareTree())
///     var decoder = try speculator.begin(prompt, verifier: ExactVerifier(sampler))
///     while decoder.tokens.count < 100 { try decoder.step { token, _ in print(token); return true } }
public struct Speculator<Target: TargetSequence> {
    /// The model's sequence.
    public internal(set) var target: Target
    /// What passes and drafts have cost and brought.
    public internal(set) var evidence = DraftingEvidence()
    /// All certain tokens of the text. Those from `target.committedCount` on are not in the cache.
    public internal(set) var tokens: [Int32] = []
    var session: DraftSession
    var treeBuilder: any TreeBuilder
    /// Rows that the drafter was told of.
    private var followedCount = 0
    /// Of the last committed token, where the drafter requires it. `[1, hidden]`
    let hidden: Tensor

    /// - Throws: `BackendError.outOfMemory`.
    public init(
        target: Target, drafter: any Drafter, treeBuilder: any TreeBuilder
    ) throws(BackendError) {
        self.target = target
        session = try DraftSession.make(drafter)
        self.treeBuilder = treeBuilder
        hidden = try target.backend.makeTensor(rows: 1, columns: target.hiddenSize)
        try self.target.tap(drafter.requirements.taps)
    }

    /// Name of the drafter.
    public var drafterName: String { session.drafter.name }

    /// Name of the tree builder.
    public var treeName: String { treeBuilder.name }

    /// How many tokens of a prompt need not be computed again. The last one is computed in any case: its logits are needed. For a
    /// drafter that follows the text so is one whose following token is another now.
    public func heldCount(of prompt: [Int32]) -> Int {
        let common = zip(prompt, tokens).prefix { $0 == $1 }.count
        let held = min(common, target.committedCount, prompt.count - 1)
        return session.drafter.requirements.taps.isEmpty ? held : max(0, min(held, common - 1, followedCount))
    }

    /// Computes a prompt and chooses the first token of the answer.
    /// - Parameters:
    ///   - prompt: the whole text so far; at least one token, and fewer than the context holds.
    ///   - verifier: chooses the tokens of this answer.
    ///   - sampling: how it does so, for drafters that rank with the sampler's noise.
    ///   - report: log-probabilities that the answer reports; nil for none.
    ///   - proceed: asked before each pass with the number of tokens done; false stops.
    /// - Returns: the answer, begun; nil where it was stopped.
    /// - Throws: what the device throws; `BackendError.nonFinite` where the logits hold NaN or +infinity.
    public mutating func begin(
        _ prompt: [Int32], verifier: any Verifier, sampling: SamplingParameters = .greedy,
        report: LogProbabilityReport? = nil, proceed: (Int) -> Bool
    ) throws(BackendError) -> SpeculativeDecoder<Target>? {
        guard let root = prompt.last else { preconditionFailure("a prompt has at least one token") }
        let held = heldCount(of: prompt)
        target.truncate(to: held)
        followedCount = min(followedCount, held)
        tokens = prompt
        var done = held
        while true {
            guard proceed(done - held) else { return nil }
            let (count, output) = try target.prefill(prompt[done...])
            evidence.prices.observePrompt()
            done += count
            let isLast = done == prompt.count
            var reported = [TokenLogProbabilities]()
            if isLast {
                let first = try verifier.verify(
                    TokenTree(root: root), logits: output.logits, tokens: prompt, on: target.stream
                ).next
                reported = try TokenLogProbabilities.of(
                    [(first, 0)], report, logits: output.logits, on: target.stream)
                keepHidden(of: output, row: output.hidden.rows - 1)
                tokens.append(first)
            }
            try follow(Array(0..<count), of: output, from: done - count)
            if isLast {
                return SpeculativeDecoder(
                    self, verifier: verifier, sampling: sampling, report: report, first: reported)
            }
        }
    }

    /// The same without a way to stop.
    public mutating func begin(
        _ prompt: [Int32], verifier: any Verifier, sampling: SamplingParameters = .greedy
    ) throws(BackendError) -> SpeculativeDecoder<Target> {
        guard let decoder = try begin(prompt, verifier: verifier, sampling: sampling, proceed: { _ in true })
        else { preconditionFailure("a prefill that nobody stops gives an output") }
        return decoder
    }

    /// Forgets the text, not what it taught.
    public mutating func reset() {
        target.truncate(to: 0)
        tokens = []
    }

    func keepHidden(of output: PassOutput, row: Int) {
        guard session.drafter.requirements.hiddenState else { return }
        target.stream.gatherRows(output.hidden, rows: [row], into: hidden)
    }

    /// Tells the drafter of rows of a pass that were committed; the token after each of them is in `tokens`.
    mutating func follow(
        _ passRows: [Int], of output: PassOutput, from start: Int
    ) throws(BackendError) {
        try session.follow(
            ConfirmedRows(
                start: start, following: tokens[(start + 1)...].prefix(passRows.count),
                passRows: passRows[...], taps: output.taps, embedding: target.embedding,
                stream: target.stream))
        followedCount = start + passRows.count
    }
}
