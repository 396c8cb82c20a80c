import CTraining
import RedrafterFormats

/// What the heads of recurrent and Medusa drafters have in common, with its gradient: residual blocks `x + SiLU(W x + b)`, the
/// projection onto the draft vocabulary, the cross entropy.
///
/// The projection dominates the cost of training: its logits are computed, turned into their gradient in place and used up for a
/// block of rows at a time.
public struct ResidualHeadPass {
    /// Logits that exist at once, at most: 32 MiB. Up to a vocabulary of 16,384 all rows of a chunk are one block.
    static let logitsPerBlock = 1 << 23

    private let chunk: TrainingChunk
    private let head: Int
    private let layers: Int
    /// Indices `n * L + t` of the loss terms, one for each row.
    private let terms: [Int32]

    public init(_ chunk: TrainingChunk, head: Int, layers: Int, terms: [Int32]) {
        self.chunk = chunk
        self.head = head
        self.layers = layers
        self.terms = terms
    }

    /// Adds the loss of all rows to `result` and the gradients of the head's parameters to the chunk's.
    /// - Parameters:
    ///   - input: `[terms, exit]`
    ///   - result: receives the loss.
    /// - Returns: the gradient with respect to the input, in new memory; nil where none is wanted. `[terms, exit]`
    public func run(_ input: Matrix, into result: inout BatchResult) -> Matrix? {
        var inputs = [input]  // of each block, then of the projection
        var gates = [Matrix]()  // W x + b of each block
        for layer in 0..<layers {
            let gate = chunk.scratch.matrix(input.rows, input.columns)
            gate.fill(rows: chunk.parameter(.blockBias(head: head, layer: layer)).base)
            gate.assign(
                inputs[layer], timesTransposed: chunk.parameter(.block(head: head, layer: layer)),
                accumulates: true)
            let output = chunk.scratch.matrix(input.rows, input.columns)
            output.assign(siluOf: gate, adding: inputs[layer])
            gates.append(gate)
            inputs.append(output)
        }
        let gradient = chunk.wantsGradient ? chunk.scratch.matrix(input.rows, input.columns) : nil
        project(inputs[layers], gradient: gradient, into: &result)
        guard let gradient else { return nil }
        let gateGradient = chunk.scratch.matrix(input.rows, input.columns)
        for layer in (0..<layers).reversed() {
            gateGradient.assign(siluGradientAt: gates[layer], upstream: gradient)
            chunk.gradient(.block(head: head, layer: layer))?
                .add(transposed: gateGradient, times: inputs[layer])
            if let bias = chunk.gradient(.blockBias(head: head, layer: layer)) {
                gateGradient.addColumnSums(to: bias.base)
            }
            gradient.assign(
                gateGradient, times: chunk.parameter(.block(head: head, layer: layer)), accumulates: true)
        }
        return gradient
    }

    /// Logits, loss, and the gradients of the projection and of its input.
    private func project(_ input: Matrix, gradient: Matrix?, into result: inout BatchResult) {
        let weight = chunk.parameter(.output(head: head))
        let weightGradient = chunk.gradient(.output(head: head))
        let block = min(max(64, Self.logitsPerBlock / weight.rows), input.rows)
        let logits = chunk.scratch.matrix(block, weight.rows)
        for start in stride(from: 0, to: input.rows, by: block) {
            let range = start..<min(start + block, input.rows)
            let (input, logits) = (input[rows: range], logits[rows: 0..<range.count])
            logits.assign(input, timesTransposed: weight)
            for row in range { score(logits.row(row - start), term: Int(terms[row]), into: &result) }
            gradient?[rows: range].assign(logits, times: weight)
            weightGradient?.add(transposed: logits, times: input)
        }
    }

    /// The loss of one row, whose logits become their gradient where one is wanted.
    private func score(_ logits: UnsafeMutablePointer<Float>, term: Int, into result: inout BatchResult) {
        let batch = chunk.batch
        guard let rows = batch.labelRows.baseAddress, let probabilities = batch.labelProbabilities.baseAddress
        else { return }
        let weight = Double(batch.weights[term])
        var largest: Int32 = 0
        let loss = rd_training_cross_entropy(
            logits, chunk.parameter(.output(head: head)).rows, rows + term * batch.labelsPerStep,
            probabilities + term * batch.labelsPerStep, batch.labelsPerStep, Float(weight / chunk.weightSum),
            chunk.wantsGradient ? 1 : 0, &largest)
        let step = term % batch.draftLength
        result.lossSum += weight * loss
        result.stepLossSum[step] += loss
        result.counted[step] += 1
        if largest == batch.truth[term] { result.correct[step] += 1 }
    }
}
