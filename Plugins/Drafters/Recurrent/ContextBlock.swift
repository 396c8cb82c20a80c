import RedrafterCore
import RedrafterFormats

/// One decoder layer in front of the recurrence, run once per step over the text: what it gives for the last confirmed row
/// conditions the whole draft (as the decoder layers of Clover-2, arXiv 2408.00264, and the taps of EAGLE-3, arXiv 2503.01840).
///
///     for row t, whose token is followed by token x:
///     i_t = input · [norm_1 tap_1(t), …, norm_n tap_n(t), E[x]]
///     a_t = i_t + attention_output · attention(norm i_t)       over the rows 0…t, keys and values of its own
///     u_t = a_t + down · (SiLU(gate · norm a_t) ⊙ (up · norm a_t))
///
/// Without a decoder layer, u_t = i_t. Either u_t takes the place of the model's hidden state, or it is added where that enters:
///
///     h_t = u_t                              h_t = norm tap_n(t)
///     x   = input_proj [h_t, s]              x   = input_proj [h_t, s] + projection · norm u_t
struct ContextBlock: Sendable {
    let sizes: ContextBlockSizes
    private let tapNorms: [Tensor]  // [1, hidden]
    private let input: any WeightHandle  // [hidden, (taps + 1) hidden]
    private let layer: Layer?
    private let addition: Addition?
    private let contextLength: Int
    private let backend: any ComputeBackend

    private struct Layer: Sendable {
        let sizes: ContextBlockSizes.Layer
        let attentionNorm: Tensor
        let queryKeyValue: [any WeightHandle]
        let attentionOutput: any WeightHandle
        let feedForwardNorm: Tensor
        let gate: any WeightHandle
        let up: any WeightHandle
        let down: any WeightHandle
        let rotary: RotaryTable
    }

    private struct Addition: Sendable {
        let hiddenNorm: Tensor
        let outputNorm: Tensor
        let projection: any WeightHandle  // [exit, hidden]
    }

    /// What a draft is conditioned on.
    struct Condition: Sendable {
        /// h. `[1, hidden]`
        let hidden: Tensor
        /// What is added to the input of the blocks and the head; nil where there is nothing. `[1, exit]`
        let addition: Tensor?
    }

    /// - Throws: `DrafterError.mismatch` where a tap is no layer of the model, `.backend`.
    init(
        _ sizes: ContextBlockSizes, _ weights: DrafterWeights, for target: DraftTarget
    ) throws(DrafterError) {
        let layers = target.fingerprint.layers
        if let tap = sizes.taps.last, tap >= layers {
            throw .mismatch(
                drafter: weights.path, what: "at least", got: "\(tap + 1) layers", expected: "\(layers)")
        }
        let backend = target.backend
        self.sizes = sizes
        self.backend = backend
        contextLength = target.contextLength
        var norms = [Tensor]()
        if sizes.normalizesTaps {
            for tap in sizes.taps.indices { norms.append(try weights.bias(.tapNorm(tap), on: backend)) }
        }
        tapNorms = norms
        input = try weights.matrix(.contextInput, on: backend)
        addition =
            sizes.addsToHidden
            ? Addition(
                hiddenNorm: try weights.bias(.contextHiddenNorm, on: backend),
                outputNorm: try weights.bias(.contextOutputNorm, on: backend),
                projection: try weights.matrix(.contextProjection, on: backend)) : nil
        guard let layer = sizes.layer else {
            self.layer = nil
            return
        }
        let frequencies = RotaryTable.frequencies(
            base: Double(layer.rotaryBase), headDimension: layer.headDimension)
        self.layer = Layer(
            sizes: layer, attentionNorm: try weights.bias(.contextAttentionNorm, on: backend),
            queryKeyValue: [
                try weights.matrix(.contextQuery, on: backend), try weights.matrix(.contextKey, on: backend),
                try weights.matrix(.contextValue, on: backend),
            ], attentionOutput: try weights.matrix(.contextAttentionOutput, on: backend),
            feedForwardNorm: try weights.bias(.contextFeedForwardNorm, on: backend),
            gate: try weights.matrix(.contextGate, on: backend),
            up: try weights.matrix(.contextUp, on: backend),
            down: try weights.matrix(.contextDown, on: backend),
            rotary: try wrapping(
                DrafterError.backend,
                try RotaryTable(
                    frequencies: frequencies, positions: contextLength, pairing: .halves, on: backend)))
    }

    /// Elements of a hidden state.
    var hiddenSize: Int { input.rows }

    // MARK: What it remembers of a text

    /// Rows that wait to be computed, and the keys and values of those that were.
    struct State: Sendable {
        /// Rows of the text that were told, those that wait included.
        fileprivate(set) var length = 0
        /// The following tokens of rows that wait. At most `ContextBlock.rowsAtOnce`
        fileprivate var waiting: [Int32] = []
        /// Of the last row, where none waits.
        let condition: Condition
        fileprivate let taps: [Tensor]  // [rowsAtOnce, hidden], of rows that wait
        fileprivate let normed: Tensor  // [rowsAtOnce, hidden]
        fileprivate let embedded: Tensor  // [rowsAtOnce, hidden], of the following tokens
        fileprivate let joined: Tensor  // [rowsAtOnce, (taps + 1) hidden]
        fileprivate let residual: Tensor  // [rowsAtOnce, hidden]
        fileprivate let layer: LayerState?
    }

    fileprivate struct LayerState: Sendable {
        let cache: any CacheStorage
        let queries: Tensor
        let keys: Tensor
        let values: Tensor
        let attended: Tensor
        let gated: Tensor
    }

    /// Rows that are computed in one pass. A resting drafter lets as many of them wait, and reads its weights once for all.
    static let rowsAtOnce = 64

    func makeState() throws(BackendError) -> State {
        func buffer(_ columns: Int) throws(BackendError) -> Tensor {
            try backend.makeTensor(rows: Self.rowsAtOnce, columns: columns)
        }
        var taps = [Tensor]()
        for _ in sizes.taps { taps.append(try buffer(hiddenSize)) }
        let condition = Condition(
            hidden: try backend.makeTensor(rows: 1, columns: hiddenSize),
            addition: try addition.map { (addition) throws(BackendError) in
                try backend.makeTensor(rows: 1, columns: addition.projection.rows)
            })
        return State(
            condition: condition, taps: taps,
            normed: try buffer(hiddenSize), embedded: try buffer(hiddenSize),
            joined: try buffer(input.columns),
            residual: try buffer(hiddenSize), layer: try makeLayerState(buffer))
    }

    private func makeLayerState(
        _ buffer: (Int) throws(BackendError) -> Tensor
    ) throws(BackendError) -> LayerState? {
        guard let sizes = layer?.sizes else { return nil }
        let (queries, keys) = (
            sizes.heads * sizes.headDimension, sizes.keyValueHeads * sizes.headDimension
        )
        return LayerState(
            cache: try backend.makeCache(
                CacheShape(
                    layers: 1, keyValueHeads: sizes.keyValueHeads, headDimension: sizes.headDimension,
                    sequences: 1, capacity: contextLength)),
            queries: try buffer(queries), keys: try buffer(keys), values: try buffer(keys),
            attended: try buffer(queries), gated: try buffer(sizes.feedForwardSize))
    }

    // MARK: Following the text

    /// Takes rows of the text; they are computed when many wait, or a draft begins.
    func follow(_ rows: ConfirmedRows, state: inout State) {
        rewind(&state, to: rows.start)
        var done = 0
        while done < rows.count {
            let part = rows[done..<min(rows.count, done + Self.rowsAtOnce - state.waiting.count)]
            for (tap, waiting) in zip(sizes.taps, state.taps) {
                part.copyTap(tap, into: waiting, at: state.waiting.count)
            }
            state.waiting += part.following
            state.length += part.count
            done += part.count
            if state.waiting.count == Self.rowsAtOnce {
                compute(&state, embedding: rows.embedding, on: rows.stream)
            }
        }
    }

    /// Forgets the rows from `length` on.
    private func rewind(_ state: inout State, to length: Int) {
        precondition(length <= state.length, "rows were left out: \(length) after \(state.length)")
        state.waiting.removeLast(min(state.waiting.count, state.length - length))
        state.length = length
    }

    /// What a draft after the last row that was told is conditioned on.
    func condition(
        _ state: inout State, embedding: any WeightHandle, on stream: any ComputeStream
    ) -> Condition {
        precondition(state.length > 0, "a draft begins after a row")
        if !state.waiting.isEmpty { compute(&state, embedding: embedding, on: stream) }
        return state.condition
    }

    /// Computes the rows that wait.
    private func compute(
        _ state: inout State, embedding: any WeightHandle, on stream: any ComputeStream
    ) {
        let count = state.waiting.count
        let taps = state.taps.map { $0.prefix(count) }
        let hidden = state.condition.hidden
        if let addition, let last = taps.last {
            stream.gatherRows(last, rows: [count - 1], into: hidden)
            stream.rmsNorm(hidden, weight: addition.hiddenNorm, epsilon: sizes.normEpsilon, into: hidden)
        }
        // In place: the taps of rows that were computed are not needed again.
        for (tap, norm) in zip(taps, tapNorms) {
            stream.rmsNorm(tap, weight: norm, epsilon: sizes.normEpsilon, into: tap)
        }
        let embedded = state.embedded.prefix(count)
        stream.embed(tokens: state.waiting, table: embedding, into: embedded)
        let (joined, residual) = (state.joined.prefix(count), state.residual.prefix(count))
        stream.concatenate(taps + [embedded], into: joined)
        stream.linear(joined, weight: input, into: residual)
        if let layer, let buffers = state.layer {
            run(layer, buffers, residual, normed: state.normed.prefix(count), state, on: stream)
        }
        if let addition, let output = state.condition.addition {
            let normed = state.normed.prefix(1)
            stream.gatherRows(residual, rows: [count - 1], into: normed)
            stream.rmsNorm(normed, weight: addition.outputNorm, epsilon: sizes.normEpsilon, into: normed)
            stream.linear(normed, weight: addition.projection, into: output)
        } else {
            stream.gatherRows(residual, rows: [count - 1], into: hidden)
        }
        state.waiting = []
    }

    private func run(
        _ layer: Layer, _ buffers: LayerState, _ residual: Tensor, normed: Tensor, _ state: State,
        on stream: any ComputeStream
    ) {
        let count = residual.rows
        let plan = plan(state)
        let (queries, keys) = (buffers.queries.prefix(count), buffers.keys.prefix(count))
        let (values, attended) = (buffers.values.prefix(count), buffers.attended.prefix(count))
        stream.rmsNorm(residual, weight: layer.attentionNorm, epsilon: sizes.normEpsilon, into: normed)
        stream.linear(
            normed, weights: layer.queryKeyValue, biases: [nil, nil, nil], into: [queries, keys, values],
            accumulate: false)
        stream.rotaryAppend(
            queries: queries, keys: keys, values: values, table: layer.rotary, cache: buffers.cache, layer: 0,
            plan: plan)
        stream.attention(queries: queries, cache: buffers.cache, layer: 0, plan: plan, into: attended)
        stream.linear(attended, weight: layer.attentionOutput, into: residual, accumulate: true)
        let gated = buffers.gated.prefix(count)
        stream.rmsNorm(residual, weight: layer.feedForwardNorm, epsilon: sizes.normEpsilon, into: normed)
        stream.gatedLinear(normed, gate: layer.gate, up: layer.up, into: gated)
        stream.linear(gated, weight: layer.down, into: residual, accumulate: true)
    }

    /// The rows that wait, behind those whose keys and values the cache holds.
    private func plan(_ state: State) -> RowPlan {
        let start = state.length - state.waiting.count
        do {
            return try RowPlan(
                rows: Row.chain(state.waiting, from: start), lengths: [start], capacity: contextLength)
        } catch {
            preconditionFailure("the text is longer than the context of \(contextLength): \(error)")
        }
    }
}
