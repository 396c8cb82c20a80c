/// A sequence of coarse operations on a backend, a few hundred in a forward pass.
///
/// Operations are recorded in order and have taken effect once `submit()` (or a reading operation) returns; a
/// backend without a command queue may execute each at once. Shapes are the caller's duty: a mismatch is a
/// broken invariant and traps. What depends on files is asked earlier, through `ComputeBackend.support`.
///
/// Every operation is row-invariant; see `ComputeBackend`.
public protocol ComputeStream: AnyObject {
    /// `output[r] = table[tokens[r]]`. `[rows, hidden]`
    func embed(tokens: [Int32], table: any WeightHandle, into output: Tensor)

    /// Root-mean-square norm of each row: `output = input / sqrt(mean(input²) + epsilon) · weight`.
    /// `weight` is `[1, columns]`. `output` may be `input`.
    func rmsNorm(_ input: Tensor, weight: Tensor, epsilon: Float, into output: Tensor)

    /// `outputs[i] = input · weights[i]ᵀ + biases[i]`, several matrices over one input.
    /// `input [rows, in]`, `weights[i] [out_i, in]`, `biases[i] [1, out_i]`, `outputs[i] [rows, out_i]`
    /// - Parameters:
    ///   - input: `[rows, in]`
    ///   - weights: of one matrix each, all over the same input.
    ///   - biases: one for each matrix; nil for none.
    ///   - outputs: one for each matrix.
    ///   - accumulate: adds to what `outputs` hold (the residual connection) in place of overwriting it.
    func linear(
        _ input: Tensor, weights: [any WeightHandle], biases: [Tensor?], into outputs: [Tensor],
        accumulate: Bool)

    /// The gated unit of a feed-forward block: `output = activation(input · gateᵀ) ⊙ (input · upᵀ)`. `[rows, feedForward]`
    func gatedLinear(
        _ input: Tensor, gate: any WeightHandle, up: any WeightHandle, activation: GateActivation,
        into output: Tensor)

    /// `output = SiLU(input)`, or `residual + SiLU(input)` (the block of a drafter's head). `[rows, columns]`; `output` may be
    /// `input` or `residual`.
    func silu(_ input: Tensor, adding residual: Tensor?, into output: Tensor)

    /// `output += input`, element by element.
    func add(_ input: Tensor, to output: Tensor)

    /// `tensor *= factor`, element by element.
    func scale(_ tensor: Tensor, by factor: Float)

    /// Each element x of `tensor` becomes `limit · tanh(x / limit)`; `limit` is above 0.
    func softcap(_ tensor: Tensor, limit: Float)

    /// Columns of all inputs side by side; an input of one row stands beside every row. `[rows, Σ columns]`
    func concatenate(_ inputs: [Tensor], into output: Tensor)

    /// Turns queries and keys by their rows' positions and stores keys and values in the cache at the plan's slots.
    /// `queries [rows, heads·d]` in place; `keys`, `values [rows, keyValueHeads·d]`.
    func rotaryAppend(
        queries: Tensor, keys: Tensor, values: Tensor, table: RotaryTable, cache: any CacheStorage,
        layer: Int,
        plan: RowPlan)

    /// Attention of each row over the keys it sees, in order of absolute position; groups of query heads share
    /// a key/value head. `queries`, `output [rows, heads·d]`. `scores` says how scores are made and how far a row looks back.
    func attention(
        queries: Tensor, cache: any CacheStorage, layer: Int, plan: RowPlan, scores: AttentionScores,
        into output: Tensor)

    /// `output[at + i] = input[rows[i]]`; the other rows of `output` stay.
    func gatherRows(_ input: Tensor, rows: [Int], into output: Tensor, at: Int)

    /// Copies entries in every layer of the cache, within a sequence or from one to another: entry i of `target` becomes entry i
    /// of `source`, all reads before writes. Both have as many slots.
    func copyCache(_ cache: any CacheStorage, from source: CacheSlots, to target: CacheSlots)

    /// Waits until everything recorded has taken effect.
    func submit() throws(BackendError)

    /// Submits, then lends the matrix to `body`, row-major.
    func withValues<Result>(
        _ tensor: Tensor, _ body: (UnsafeBufferPointer<Float>) -> Result
    ) throws(BackendError) -> Result

    /// Submits, then returns the `count` largest logits of each row, largest first; equal logits in order of token id.
    /// Only ids below `vocabulary` take part (a head may be wider than the tokenizer).
    /// - Returns: one list for each row; it is empty where the row holds NaN or +infinity, or nothing but −infinity. Such a
    ///   row says nothing about the others.
    func top(_ count: Int, of logits: Tensor, vocabulary: Int) throws(BackendError) -> [[TokenLogit]]

    /// As `top`, with natural logarithms of probabilities in place of logits: softmax over the ids below `vocabulary`.
    func topLogProbabilities(
        _ count: Int, of logits: Tensor, vocabulary: Int
    ) throws(BackendError) -> [[TokenLogit]]
}

extension ComputeStream {
    /// `output[i] = input[rows[i]]`, which are all rows of `output`.
    public func gatherRows(_ input: Tensor, rows: [Int], into output: Tensor) {
        precondition(output.rows == rows.count, "\(rows.count) rows into \(output.rows)")
        gatherRows(input, rows: rows, into: output, at: 0)
    }

    /// Attention over all keys, with scores scaled by 1/√d.
    public func attention(
        queries: Tensor, cache: any CacheStorage, layer: Int, plan: RowPlan, into output: Tensor
    ) {
        attention(
            queries: queries, cache: cache, layer: layer, plan: plan,
            scores: .scaled(headDimension: cache.shape.headDimension), into: output)
    }

    /// The gated unit with SiLU.
    public func gatedLinear(
        _ input: Tensor, gate: any WeightHandle, up: any WeightHandle, into output: Tensor
    ) {
        gatedLinear(input, gate: gate, up: up, activation: .silu, into: output)
    }

    /// One matrix over one input; see the form with several.
    public func linear(
        _ input: Tensor, weight: any WeightHandle, bias: Tensor? = nil, into output: Tensor,
        accumulate: Bool = false
    ) {
        linear(input, weights: [weight], biases: [bias], into: [output], accumulate: accumulate)
    }
}
