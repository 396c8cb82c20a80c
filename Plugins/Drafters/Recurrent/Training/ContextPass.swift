import RecurrentDrafter
import RedrafterFormats
import RedrafterTraining

/// The context block over one text, forward and backward; see `ContextBlock` for its equations.
struct ContextPass {
    private let chunk: TrainingChunk
    private let sizes: ContextBlockSizes
    private let text: TextView
    private let hiddenSize: Int
    private let norms: [RMSNormPass]
    /// Taps and embedding side by side. `[rows, (taps + 1) hidden]`
    private let joined: Matrix
    /// The block's output u. `[rows, hidden]`
    private let output: Matrix
    private let layer: LayerPass?

    init(_ chunk: TrainingChunk, _ sizes: ContextBlockSizes, hiddenSize: Int) {
        self.chunk = chunk
        self.sizes = sizes
        self.hiddenSize = hiddenSize
        text = chunk.text
        let rows = text.following.count
        let joined = chunk.scratch.matrix(rows, (sizes.taps.count + 1) * hiddenSize)
        let output = chunk.scratch.matrix(rows, hiddenSize)
        var norms = [RMSNormPass]()
        for tap in sizes.taps.indices {
            let columns = tap * hiddenSize..<(tap + 1) * hiddenSize
            if sizes.normalizesTaps {
                norms.append(
                    RMSNormPass(
                        text.outputs[columns: columns], weight: chunk.parameter(.tapNorm(tap)),
                        epsilon: sizes.normEpsilon, into: joined[columns: columns], scratch: chunk.scratch))
            } else {
                joined[columns: columns].copy(text.outputs[columns: columns])
            }
        }
        self.norms = norms
        let last = sizes.taps.count * hiddenSize
        Array(text.following).withUnsafeBufferPointer {
            joined[columns: last..<last + hiddenSize].gather(chunk.embedding, rows: $0)
        }
        output.assign(joined, timesTransposed: chunk.parameter(.contextInput))
        (self.joined, self.output) = (joined, output)
        layer = sizes.layer.map { LayerPass(chunk, $0, epsilon: sizes.normEpsilon, output) }
    }

    /// u of the chunk's positions. `[positions, hidden]`
    func hidden() -> Matrix {
        let result = chunk.scratch.matrix(text.positionRows.count, hiddenSize)
        text.positionRows.withUnsafeBufferPointer { result.gather(output, rows: $0) }
        return result
    }

    /// Adds the gradients of the block's parameters.
    /// - Parameter gradient: with respect to `hidden()`. `[positions, hidden]`
    func back(_ gradient: Matrix) {
        let own = chunk.scratch.matrix(output.rows, hiddenSize)
        own.clear()
        text.positionRows.withUnsafeBufferPointer { own.scatterAdd(gradient, rows: $0) }
        layer?.back(own)
        chunk.gradient(.contextInput)?.add(transposed: own, times: joined)
        guard !norms.isEmpty else { return }
        let sides = chunk.scratch.matrix(joined.rows, joined.columns)
        sides.assign(own, times: chunk.parameter(.contextInput))
        for (tap, norm) in norms.enumerated() {
            norm.back(
                sides[columns: tap * hiddenSize..<(tap + 1) * hiddenSize],
                weightGradient: chunk.gradient(.tapNorm(tap)), addingTo: nil)
        }
    }
}

/// The decoder layer of a context block, which adds to its input in place.
private struct LayerPass {
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
