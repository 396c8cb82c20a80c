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
    /// What the chunk's positions are conditioned on, and where the gradient with respect to it goes.
    let condition: PositionCondition
    /// Outputs of the last tapped layer. `[rows, hidden]`
    private let lastTap: Matrix
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
        lastTap = text.outputs[columns: last - hiddenSize..<last]
        (self.joined, self.output) = (joined, output)
        layer = sizes.layer.map { LayerPass(chunk, $0, epsilon: sizes.normEpsilon, output) }
        if sizes.addsToHidden {
            let addition = AdditionPass(chunk, lastTap: lastTap, output, epsilon: sizes.normEpsilon)
            (self.addition, condition) = (addition, addition.condition)
        } else {
            addition = nil
            let hidden = chunk.scratch.matrix(text.positionRows.count, hiddenSize)
            text.positionRows.withUnsafeBufferPointer { hidden.gather(output, rows: $0) }
            condition = PositionCondition(
                hidden: hidden, hiddenGradient: chunk.gradientMatrix(hidden.rows, hidden.columns))
        }
    }

    /// Adds the gradients of the block's parameters, from those of `condition` and, where the batch says so, from the loss of guesses
    /// at states, which joins `result`.
    func back(into result: inout BatchResult) {
        let own = chunk.scratch.matrix(output.rows, hiddenSize)
        own.clear()
        if let addition {
            addition.back(addingTo: own)
        } else if let gradient = condition.hiddenGradient {
            text.positionRows.withUnsafeBufferPointer { own.scatterAdd(gradient, rows: $0) }
        }
        StateLoss(chunk, epsilon: sizes.normEpsilon).run(output, lastTap: lastTap, into: &result, own)
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
