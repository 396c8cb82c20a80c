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
    private let addition: AdditionPass?
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
        addition =
            sizes.addsToHidden
            ? AdditionPass(
                chunk, lastTap: text.outputs[columns: last - hiddenSize..<last], output,
                epsilon: sizes.normEpsilon) : nil
    }

    /// What the chunk's positions are conditioned on, and where the gradient with respect to it goes.
    func condition() -> PositionCondition {
        if let addition { return addition.condition }
        let hidden = chunk.scratch.matrix(text.positionRows.count, hiddenSize)
        text.positionRows.withUnsafeBufferPointer { hidden.gather(output, rows: $0) }
        return PositionCondition(
            hidden: hidden, hiddenGradient: chunk.gradientMatrix(hidden.rows, hidden.columns))
    }

    /// Adds the gradients of the block's parameters, and where the batch says so, the loss of its guesses at states.
    /// - Parameter gradients: with respect to `condition()`.
    func back(_ gradients: PositionCondition, into result: inout BatchResult) {
        let own = chunk.scratch.matrix(output.rows, hiddenSize)
        own.clear()
        if let addition {
            addition.back(gradients, addingTo: own)
        } else if let gradient = gradients.hiddenGradient {
            text.positionRows.withUnsafeBufferPointer { own.scatterAdd(gradient, rows: $0) }
        }
        let last = sizes.taps.count * hiddenSize
        StateLoss(chunk, epsilon: sizes.normEpsilon)
            .run(output, lastTap: text.outputs[columns: last - hiddenSize..<last], into: &result, own)
        guard chunk.wantsGradient else { return }
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
