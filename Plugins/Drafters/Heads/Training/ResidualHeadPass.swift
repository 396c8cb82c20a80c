import DrafterHeads
import RedrafterFormats
import RedrafterTraining

/// What the heads of recurrent and Medusa drafters have in common, with its gradient: residual blocks `x + SiLU(W x + b)`, the
/// projection onto the draft vocabulary, the cross entropy.
public struct ResidualHeadPass {
    private let chunk: TrainingChunk
    private let head: Int
    private let layers: Int
    /// Indices `n * L + t` of the loss terms, one for each row.
    private let terms: [Int32]
    private let copies: CopyPass?

    /// - Parameters:
    ///   - chunk: the positions.
    ///   - head: which one.
    ///   - layers: its residual blocks.
    ///   - terms: indices of the loss terms.
    ///   - copies: what the text adds to the logits; nil for nothing.
    public init(
        _ chunk: TrainingChunk, head: Int, layers: Int, terms: [Int32], copies: CopyPass? = nil
    ) {
        self.chunk = chunk
        self.head = head
        self.layers = layers
        self.terms = terms
        self.copies = copies
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
        let projection = ProjectionPass(chunk, .output(head: head), terms: terms, copies: copies)
        guard let gradient = projection.run(inputs[layers], into: &result) else { return nil }
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
}
