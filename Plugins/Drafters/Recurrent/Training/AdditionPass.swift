import RecurrentDrafter
import RedrafterFormats
import RedrafterTraining

/// What positions are conditioned on; see `ContextBlock`.
struct PositionCondition {
    /// h. `[positions, hidden]`
    let hidden: Matrix
    /// What is added to the input of the blocks and the head; nil for nothing. `[positions, exit]`
    var addition: Matrix?
    /// Where the gradients of these two go, overwritten; nil where none is wanted.
    var hiddenGradient: Matrix?
    var additionGradient: Matrix?
}

/// A context block's way into the recurrence where it leaves the hidden state in its place, forward and backward.
struct AdditionPass {
    let condition: PositionCondition
    private let chunk: TrainingChunk
    private let rows: [Int32]
    private let hiddenNorm: RMSNormPass
    private let outputNorm: RMSNormPass
    private let normed: Matrix  // [positions, hidden]

    /// - Parameters:
    ///   - chunk: the positions.
    ///   - lastTap: of all rows of the text. `[rows, hidden]`
    ///   - output: of the block, u. `[rows, hidden]`
    ///   - epsilon: of the norms.
    init(_ chunk: TrainingChunk, lastTap: Matrix, _ output: Matrix, epsilon: Float) {
        self.chunk = chunk
        let rows = chunk.text.positionRows
        self.rows = rows
        let size = output.columns
        func gathered(_ source: Matrix) -> Matrix {
            let result = chunk.scratch.matrix(rows.count, size)
            rows.withUnsafeBufferPointer { result.gather(source, rows: $0) }
            return result
        }
        let hidden = chunk.scratch.matrix(rows.count, size)
        hiddenNorm = RMSNormPass(
            gathered(lastTap), weight: chunk.parameter(.contextHiddenNorm), epsilon: epsilon, into: hidden,
            scratch: chunk.scratch)
        normed = chunk.scratch.matrix(rows.count, size)
        outputNorm = RMSNormPass(
            gathered(output), weight: chunk.parameter(.contextOutputNorm), epsilon: epsilon, into: normed,
            scratch: chunk.scratch)
        let projection = chunk.parameter(.contextProjection)
        let addition = chunk.scratch.matrix(rows.count, projection.rows)
        addition.assign(normed, timesTransposed: projection)
        condition = PositionCondition(
            hidden: hidden, addition: addition, hiddenGradient: chunk.gradientMatrix(rows.count, size),
            additionGradient: chunk.gradientMatrix(rows.count, projection.rows))
    }

    /// Adds the gradients of the parameters, from those of `condition`.
    /// - Parameter own: what the gradient with respect to u is added to. `[rows, hidden]`
    func back(addingTo own: Matrix) {
        guard let hidden = condition.hiddenGradient, let addition = condition.additionGradient else { return }
        hiddenNorm.back(hidden, weightGradient: chunk.gradient(.contextHiddenNorm), addingTo: nil)
        chunk.gradient(.contextProjection)?.add(transposed: addition, times: normed)
        let upstream = chunk.scratch.matrix(rows.count, own.columns)
        upstream.assign(addition, times: chunk.parameter(.contextProjection))
        let gradient = chunk.scratch.matrix(rows.count, own.columns)
        gradient.clear()
        outputNorm.back(upstream, weightGradient: chunk.gradient(.contextOutputNorm), addingTo: gradient)
        rows.withUnsafeBufferPointer { own.scatterAdd(gradient, rows: $0) }
    }
}
