import RecurrentDrafter
import RedrafterTraining

/// The decoder layer of a context block, which adds to its input in place.
struct LayerPass {
    private let chunk: TrainingChunk
    private let attentionNorm: RMSNormPass
    private let normed: Matrix  // [rows, hidden], input of queries, keys and values
    private let attention: AttentionPass
    private let attended: Matrix  // [rows, heads·d]
    private let keyWidth: Int
    private let feedForwardNorm: RMSNormPass
    private let feedForward: GatedPass

    init(
        _ chunk: TrainingChunk, _ sizes: ContextBlockSizes.Layer, epsilon: Float, _ residual: Matrix
    ) {
        self.chunk = chunk
        let scratch = chunk.scratch
        let (rows, hidden) = (residual.rows, residual.columns)
        func copy(_ matrix: Matrix) -> Matrix {
            let copy = scratch.matrix(rows, hidden)
            copy.copy(matrix)
            return copy
        }
        normed = scratch.matrix(rows, hidden)
        attentionNorm = RMSNormPass(
            copy(residual), weight: chunk.parameter(.contextAttentionNorm), epsilon: epsilon, into: normed,
            scratch: scratch)
        keyWidth = sizes.keyValueHeads * sizes.headDimension
        let queries = scratch.matrix(rows, sizes.heads * sizes.headDimension)
        let (keys, values) = (scratch.matrix(rows, keyWidth), scratch.matrix(rows, keyWidth))
        queries.assign(normed, timesTransposed: chunk.parameter(.contextQuery))
        keys.assign(normed, timesTransposed: chunk.parameter(.contextKey))
        values.assign(normed, timesTransposed: chunk.parameter(.contextValue))
        attended = scratch.matrix(rows, queries.columns)
        attention = AttentionPass(
            AttentionPass.Sizes(
                heads: sizes.heads, keyValueHeads: sizes.keyValueHeads, headDimension: sizes.headDimension,
                rotaryBase: sizes.rotaryBase), queries: queries, keys: keys, values: values, into: attended,
            scratch: scratch)
        residual.assign(
            attended, timesTransposed: chunk.parameter(.contextAttentionOutput), accumulates: true)
        let second = scratch.matrix(rows, hidden)
        feedForwardNorm = RMSNormPass(
            copy(residual), weight: chunk.parameter(.contextFeedForwardNorm), epsilon: epsilon, into: second,
            scratch: scratch)
        feedForward = GatedPass(
            second, gate: chunk.parameter(.contextGate), up: chunk.parameter(.contextUp),
            down: chunk.parameter(.contextDown), addingTo: residual, scratch: scratch)
    }

    /// - Parameter gradient: of the output; that of the input afterwards. `[rows, hidden]`
    func back(_ gradient: Matrix) {
        guard let gate = chunk.gradient(.contextGate), let up = chunk.gradient(.contextUp),
            let down = chunk.gradient(.contextDown)
        else { return }
        let scratch = chunk.scratch
        let inner = scratch.matrix(gradient.rows, gradient.columns)
        feedForward.back(gradient, gradients: (gate, up, down), into: inner)
        feedForwardNorm.back(
            inner, weightGradient: chunk.gradient(.contextFeedForwardNorm), addingTo: gradient)

        chunk.gradient(.contextAttentionOutput)?.add(transposed: gradient, times: attended)
        let upstream = scratch.matrix(gradient.rows, attended.columns)
        upstream.assign(gradient, times: chunk.parameter(.contextAttentionOutput))
        let queries = scratch.matrix(gradient.rows, attended.columns)
        let (keys, values) = (
            scratch.matrix(gradient.rows, keyWidth), scratch.matrix(gradient.rows, keyWidth)
        )
        attention.back(upstream, into: (queries, keys, values))
        chunk.gradient(.contextQuery)?.add(transposed: queries, times: normed)
        chunk.gradient(.contextKey)?.add(transposed: keys, times: normed)
        chunk.gradient(.contextValue)?.add(transposed: values, times: normed)
        inner.assign(queries, times: chunk.parameter(.contextQuery))
        inner.assign(keys, times: chunk.parameter(.contextKey), accumulates: true)
        inner.assign(values, times: chunk.parameter(.contextValue), accumulates: true)
        attentionNorm.back(inner, weightGradient: chunk.gradient(.contextAttentionNorm), addingTo: gradient)
    }
}
