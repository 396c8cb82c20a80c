import DrafterHeads
import RedrafterCore
import RedrafterFormats

/// The recurrent drafter of ReDrafter (arXiv 2403.09919, section 3.1): a small recurrent network that is conditioned on the
/// model's last hidden state h and searched with a beam.
///
///     s_0 = 0
///     s_t = SiLU(rnn_w · E[token_t] + rnn_u · s_{t−1} + b)       (without `rnn`: s_t = E[token_t] + s_{t−1})
///     x   = [h, s_t], projected by input_proj where the exit dimension differs from 2 · hidden
///     n residual blocks x + SiLU(W x + b), then the LM head over the draft vocabulary
///
/// h is the hidden state after the final norm, or what a `ContextBlock` gives in its place, and stays the same during the draft;
/// token_1 is the root. All beams of a step are rows of one batch.
public struct RecurrentDrafter: Drafter {
    public let name = "rnn"
    public let requirements: DraftRequirements
    /// Beams that the search keeps.
    public let beamWidth: Int
    /// Tokens that are drafted at most.
    public let beamLength: Int
    /// Guesses for a token that the search looks at, with probabilities among themselves; nil for all of the vocabulary.
    public let topK: Int?
    let draftVocabulary: [Int32]?
    let hiddenSize: Int
    private let exitDimension: Int
    private let context: ContextBlock?
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
    public static let defaultBeamLength = 5

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
        beamLength = options.beamLength ?? Self.defaultBeamLength
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

    /// Buffers of one text.
    public struct State: Sendable {
        let states: Tensor  // [beams, hidden]
        let previous: Tensor  // [beams, hidden]
        let input: Tensor  // [beams, 2 hidden]
        let projected: Tensor?  // [beams, exit]
        let head: ResidualHead.State
        var context: ContextBlock.State?
    }

    public func makeState() throws(BackendError) -> State {
        State(
            states: try backend.makeTensor(rows: beamWidth, columns: hiddenSize),
            previous: try backend.makeTensor(rows: beamWidth, columns: hiddenSize),
            input: try backend.makeTensor(rows: beamWidth, columns: 2 * hiddenSize),
            projected: projection == nil
                ? nil : try backend.makeTensor(rows: beamWidth, columns: exitDimension),
            head: try head.makeState(rows: beamWidth, on: backend), context: try context?.makeState())
    }

    public func follow(_ rows: ConfirmedRows, state: inout State) {
        guard let context, var own = state.context else { return }
        context.follow(rows, state: &own)
        state.context = own
    }

    public func propose(
        _ context: DraftContext, budget: DraftBudget, state: inout State, proposal: inout DraftProposal
    ) throws(BackendError) {
        var hidden = context.hidden
        if let block = self.context, var own = state.context {
            hidden = block.output(&own, embedding: context.embedding, on: context.stream)
            state.context = own
        }
        try BeamSearch(drafter: self, context: context, hidden: hidden, budget: budget, state: state)
            .run(&proposal)
    }

    /// Rows of the LM head.
    var vocabularySize: Int { head.vocabularySize }

    /// One recurrent step for all beams.
    /// - Parameters:
    ///   - tokens: the last token of each beam.
    ///   - parents: which row of the last step each beam continues; nil at the first step, where states are zero.
    /// - Returns: logits over the draft vocabulary. `[beams, vocabulary]`
    func step(
        tokens: [Int32], parents: [Int]?, hidden: Tensor, embedding: any WeightHandle, state: State,
        on stream: any ComputeStream
    ) -> Tensor {
        let rows = tokens.count
        let states = state.states.prefix(rows)
        let previous = state.previous.prefix(rows)
        let input = state.input.prefix(rows)
        if let parents { stream.gatherRows(state.states, rows: parents, into: previous) }
        // The embeddings are needed until the states are computed, the input only after: they share a buffer.
        let embedded = Tensor(buffer: input.buffer, rows: rows, columns: hiddenSize)
        stream.embed(tokens: tokens, table: embedding, into: embedded)
        if let recurrence {
            stream.linear(
                embedded, weight: recurrence.token, bias: parents == nil ? recurrence.bias : nil, into: states
            )
            if parents != nil {
                stream.linear(
                    previous, weight: recurrence.state, bias: recurrence.bias, into: states, accumulate: true)
            }
            stream.silu(states, adding: nil, into: states)
        } else {
            stream.gatherRows(embedded, rows: Array(0..<rows), into: states)
            if parents != nil { stream.add(previous, to: states) }
        }
        stream.concatenate([hidden, states], into: input)
        guard let projection, let projected = state.projected?.prefix(rows) else {
            return head.logits(input, state: state.head, on: stream)
        }
        stream.linear(input, weight: projection.weight, bias: projection.bias, into: projected)
        return head.logits(projected, state: state.head, on: stream)
    }
}
