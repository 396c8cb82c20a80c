import DrafterHeads
import RedrafterCore
import RedrafterFormats

/// The recurrent drafter of ReDrafter (arXiv 2403.09919, section 3.1): a small recurrent network that is conditioned on the
/// model's last hidden state h and searched with a beam.
///
///     s_0 = 0
///     s_t = SiLU(rnn_w · E[token_t] + rnn_u · s_{t−1} + b)       (without `rnn`: s_t = E[token_t] + s_{t−1})
///     x   = [h, s_t], projected by input_proj where the exit dimension differs from 2 · hidden
///           (with a `ContextBlock` that says so: plus what that gives)
///     n residual blocks x + SiLU(W x + b), then the LM head over the draft vocabulary
///           (with `CopyVotes`: what the text so far adds to the logits)
///
/// h is the hidden state after the final norm, or what a `ContextBlock` makes of it, and stays the same during the draft; token_1 is
/// the root. All beams of a step are rows of one batch.
public struct RecurrentDrafter: Drafter {
    public let name = "rnn"
    public let requirements: DraftRequirements
    /// Beams that the search keeps.
    public let beamWidth: Int
    /// Tokens that are drafted at most; nil for `branchLength` or `nodeLength`, whichever the tree asks for.
    public let beamLength: Int?
    /// Guesses for a token that the search looks at, with probabilities among themselves; nil for all of the vocabulary.
    public let topK: Int?
    let draftVocabulary: [Int32]?
    let hiddenSize: Int
    private let exitDimension: Int
    private let context: ContextBlock?
    private let copies: CopyVotes?
    private let recurrence: Recurrence?
    private let projection: (weight: any WeightHandle, bias: Tensor)?
    private let head: ResidualHead
    private let backend: any ComputeBackend

    private struct Recurrence: Sendable {
        let token: any WeightHandle  // [hidden, hidden]
        let state: any WeightHandle  // [hidden, hidden]
        let bias: Tensor  // [1, hidden]
    }

    public static let defaultBeamWidth = 4
    /// Tokens of a draft whose branches are verified whole: each of them costs rows.
    public static let branchLength = 5
    /// Tokens of a draft of which single nodes are chosen. The search goes so far only where it has a fair chance.
    public static let nodeLength = 8

    /// - Throws: `DrafterError.mismatch` where the drafter was trained for another model, `.invalidWeights` where the weights are
    ///   of another kind, `.backend`.
    public init(
        _ weights: DrafterWeights, for target: DraftTarget, options: DrafterOptions = DrafterOptions()
    ) throws(DrafterError) {
        guard let configuration = weights.configuration as? RecurrentConfiguration else {
            throw .invalidWeights(
                path: weights.path,
                reason: "holds \(weights.configuration.kind.name) heads, not a recurrent drafter")
        }
        try weights.check(against: target)
        beamWidth = options.beamWidth ?? Self.defaultBeamWidth
        beamLength = options.beamLength
        topK = options.topK
        draftVocabulary = weights.draftVocabulary
        hiddenSize = configuration.hiddenSize
        exitDimension = configuration.exitDimension
        backend = target.backend
        if let sizes = configuration.context {
            context = try ContextBlock(sizes, weights, for: target)
            requirements = DraftRequirements(taps: Set(sizes.taps))
        } else {
            context = nil
            requirements = DraftRequirements(hiddenState: true)
        }
        copies = configuration.copyLengths > 0 ? CopyVotes(weights) : nil
        recurrence =
            configuration.isRecurrent
            ? Recurrence(
                token: try weights.matrix(.token, on: backend),
                state: try weights.matrix(.state, on: backend),
                bias: try weights.bias(.stateBias, on: backend)) : nil
        projection =
            configuration.hasInputProjection
            ? (
                try weights.matrix(.inputProjection, on: backend),
                try weights.bias(.inputProjectionBias, on: backend)
            ) : nil
        head = try ResidualHead(weights, layers: configuration.layers, on: backend)
    }

    /// What is remembered of a text, and the buffers of drafts for it alone.
    public struct State: Sendable {
        let workspace: Workspace
        var context: ContextBlock.State?
        /// For a drafter that copies from the text.
        var text: TextMemory?
    }

    /// Buffers of drafts: a row for each beam of each text.
    public struct Workspace: Sendable {
        let hidden: Tensor  // [texts, hidden]
        let additions: Tensor?  // [texts, exit]
        let rowAdditions: Tensor?  // [rows, exit]
        let rowHidden: Tensor  // [rows, hidden]
        let states: Tensor  // [rows, hidden]
        let previous: Tensor  // [rows, hidden]
        let input: Tensor  // [rows, 2 hidden]
        let projected: Tensor?  // [rows, exit]
        let head: ResidualHead.State
    }

    public func makeState() throws(BackendError) -> State {
        State(
            workspace: try makeWorkspace(texts: 1), context: try context?.makeState(),
            text: copies.map { _ in TextMemory() })
    }

    public func makeWorkspace(texts: Int) throws(BackendError) -> Workspace {
        let rows = texts * beamWidth
        let adds = context?.sizes.addsToHidden ?? false
        return Workspace(
            hidden: try backend.makeTensor(rows: texts, columns: hiddenSize),
            additions: adds ? try backend.makeTensor(rows: texts, columns: exitDimension) : nil,
            rowAdditions: adds ? try backend.makeTensor(rows: rows, columns: exitDimension) : nil,
            rowHidden: try backend.makeTensor(rows: rows, columns: hiddenSize),
            states: try backend.makeTensor(rows: rows, columns: hiddenSize),
            previous: try backend.makeTensor(rows: rows, columns: hiddenSize),
            input: try backend.makeTensor(rows: rows, columns: 2 * hiddenSize),
            projected: projection == nil
                ? nil : try backend.makeTensor(rows: rows, columns: exitDimension),
            head: try head.makeState(rows: rows, on: backend))
    }

    public func follow(_ rows: ConfirmedRows, state: inout State) {
        guard let context, var own = state.context else { return }
        context.follow(rows, state: &own)
        state.context = own
    }

    public func observe(_ outcome: StepOutcome, state: inout State) { state.text?.rejected.observe(outcome) }

    public func propose(
        _ context: DraftContext, budget: DraftBudget, state: inout State, proposal: inout DraftProposal
    ) throws(BackendError) {
        let condition = condition(of: context, &state)
        state.text?.follow(context.tokens)
        var searches = [BeamSearch(context, budget, proposal, text: state.text)]
        try run(&searches, condition, in: state.workspace, on: context.stream)
        proposal = searches[0].proposal
    }

    /// One search for each text, all of them step by step.
    public func propose(
        _ drafts: inout [TextDraft<State>], workspace: inout Workspace
    ) throws(BackendError) {
        guard let stream = drafts.first?.context.stream else { return }
        let all = ContextBlock.Condition(
            hidden: workspace.hidden.prefix(drafts.count),
            addition: workspace.additions?.prefix(drafts.count))
        var searches = [BeamSearch]()
        for index in drafts.indices {
            let own = condition(of: drafts[index].context, &drafts[index].state)
            stream.gatherRows(own.hidden, rows: [0], into: all.hidden, at: index)
            if let addition = own.addition, let additions = all.addition {
                stream.gatherRows(addition, rows: [0], into: additions, at: index)
            }
            let tokens = drafts[index].context.tokens
            drafts[index].state.text?.follow(tokens)
            let draft = drafts[index]
            searches.append(
                BeamSearch(draft.context, draft.budget, draft.proposal, text: draft.state.text))
        }
        try run(&searches, all, in: workspace, on: stream)
        for (index, search) in searches.enumerated() { drafts[index].proposal = search.proposal }
    }

    /// What a draft is conditioned on.
    private func condition(of context: DraftContext, _ state: inout State) -> ContextBlock.Condition {
        guard let block = self.context, var own = state.context else {
            return ContextBlock.Condition(hidden: context.hidden, addition: nil)
        }
        defer { state.context = own }
        return block.condition(&own, embedding: context.embedding, on: context.stream)
    }

    /// Runs searches until none has a beam left.
    private func run(
        _ searches: inout [BeamSearch], _ condition: ContextBlock.Condition, in workspace: Workspace,
        on stream: any ComputeStream
    ) throws(BackendError) {
        var depth = 1
        while true {
            let open = searches.indices.filter { searches[$0].isOpen(at: depth, of: self) }
            guard let first = open.first else { break }
            var step = RecurrentStep()
            for index in open { step.append(searches[index].beams, text: index, depth: depth) }
            let logits = run(
                step, condition, embedding: searches[first].context.embedding, in: workspace, on: stream)
            let most = open.reduce(1) { max($0, searches[$1].candidates(of: self)) }
            let wanted = min(most + (copies?.mayLose ?? 0), vocabularySize)
            var lists = try stream.topLogProbabilities(wanted, of: logits, vocabulary: vocabularySize)
            if let copies {
                try stream.withValues(logits) { values in
                    for (index, rows) in zip(open, step.rows) {
                        searches[index].apply(copies, to: &lists[rows], values, vocabularySize)
                    }
                }
            }
            for (index, rows) in zip(open, step.rows) {
                searches[index].advance(lists[rows], firstRow: rows.lowerBound, depth, self)
            }
            depth += 1
        }
        for index in searches.indices { searches[index].finish() }
    }

    /// Rows of the LM head.
    var vocabularySize: Int { head.vocabularySize }

    /// One recurrent step for all beams of all texts.
    /// - Parameters:
    ///   - step: the beams.
    ///   - condition: of each text. `[texts, …]`
    ///   - embedding: the model's table.
    ///   - workspace: holds the states of the step before, and of this one afterwards.
    ///   - stream: where it is recorded.
    /// - Returns: logits over the draft vocabulary. `[beams, vocabulary]`
    func run(
        _ step: RecurrentStep, _ condition: ContextBlock.Condition, embedding: any WeightHandle,
        in workspace: Workspace, on stream: any ComputeStream
    ) -> Tensor {
        let rows = step.tokens.count
        let states = workspace.states.prefix(rows)
        let previous = workspace.previous.prefix(rows)
        let input = workspace.input.prefix(rows)
        if let parents = step.parents { stream.gatherRows(workspace.states, rows: parents, into: previous) }
        // The embeddings are needed until the states are computed, the input only after: they share a buffer.
        let embedded = Tensor(buffer: input.buffer, rows: rows, columns: hiddenSize)
        stream.embed(tokens: step.tokens, table: embedding, into: embedded)
        if let recurrence {
            stream.linear(
                embedded, weight: recurrence.token, bias: step.parents == nil ? recurrence.bias : nil,
                into: states)
            if step.parents != nil {
                stream.linear(
                    previous, weight: recurrence.state, bias: recurrence.bias, into: states, accumulate: true)
            }
            stream.silu(states, adding: nil, into: states)
        } else {
            stream.gatherRows(embedded, rows: Array(0..<rows), into: states)
            if step.parents != nil { stream.add(previous, to: states) }
        }
        let hidden = rowHidden(step, condition.hidden, in: workspace, on: stream)
        stream.concatenate([hidden, states], into: input)
        var x = input
        if let projection, let projected = workspace.projected?.prefix(rows) {
            stream.linear(input, weight: projection.weight, bias: projection.bias, into: projected)
            x = projected
        }
        if let addition = condition.addition, let own = workspace.rowAdditions?.prefix(rows) {
            stream.gatherRows(addition, rows: step.texts, into: own)
            stream.add(own, to: x)
        }
        return head.logits(x, state: workspace.head, on: stream)
    }

    /// h of the text of each row; of a single text once for all rows.
    private func rowHidden(
        _ step: RecurrentStep, _ hidden: Tensor, in workspace: Workspace, on stream: any ComputeStream
    ) -> Tensor {
        guard hidden.rows > 1 else { return hidden }
        let output = workspace.rowHidden.prefix(step.texts.count)
        stream.gatherRows(hidden, rows: step.texts, into: output)
        return output
    }
}

/// The beams of all texts at one depth: the rows of one recurrent step.
struct RecurrentStep {
    /// The last token of each beam. `[beams]`
    private(set) var tokens: [Int32] = []
    /// Which row of the last step each beam continues; nil at the first step, where states are zero. `[beams]`
    private(set) var parents: [Int]?
    /// The text of each beam. `[beams]`
    private(set) var texts: [Int] = []
    /// The beams of each text that was added.
    private(set) var rows: [Range<Int>] = []

    mutating func append(_ beams: [Beam], text: Int, depth: Int) {
        rows.append(tokens.count..<tokens.count + beams.count)
        tokens += beams.map(\.token)
        texts += beams.map { _ in text }
        if depth > 1 { parents = (parents ?? []) + beams.map(\.row) }
    }
}
