import RedrafterCore
import RedrafterFormats

/// What the LM heads of recurrent and Medusa drafters have in common: residual blocks `x + SiLU(Wx + b)`, then a projection onto
/// the draft vocabulary.
public struct ResidualHead: Sendable {
    /// Weights of the blocks. `[exit, exit]`, `[1, exit]`
    private let blocks: [(weight: any WeightHandle, bias: Tensor)]
    /// `[vocabulary, exit]`
    private let output: any WeightHandle

    /// Activations of a head, allocated once for a text.
    public struct State: Sendable {
        let block: Tensor  // [rows, exit]
        let logits: Tensor  // [rows, vocabulary]
    }

    /// - Parameters:
    ///   - weights: of a drafter that has such heads.
    ///   - layers: residual blocks of each.
    ///   - head: which of them.
    ///   - backend: that computes.
    /// - Throws: `DrafterError.backend`.
    public init(
        _ weights: DrafterWeights, layers: Int, head: Int = 0, on backend: any ComputeBackend
    ) throws(DrafterError) {
        var blocks = [(weight: any WeightHandle, bias: Tensor)]()
        for layer in 0..<layers {
            blocks.append(
                (
                    try weights.matrix(.block(head: head, layer: layer), on: backend),
                    try weights.bias(.blockBias(head: head, layer: layer), on: backend)
                ))
        }
        self.blocks = blocks
        output = try weights.matrix(.output(head: head), on: backend)
    }

    /// Rows of the draft vocabulary.
    public var vocabularySize: Int { output.rows }

    /// - Parameter rows: rows of activations at most.
    public func makeState(rows: Int, on backend: any ComputeBackend) throws(BackendError) -> State {
        State(
            block: try backend.makeTensor(rows: rows, columns: output.columns),
            logits: try backend.makeTensor(rows: rows, columns: output.rows))
    }

    /// The logits of each row of `input`, which holds the last block's output afterwards. `[rows, exit]` to `[rows, vocabulary]`
    public func logits(_ input: Tensor, state: State, on stream: any ComputeStream) -> Tensor {
        let block = state.block.prefix(input.rows)
        for (weight, bias) in blocks {
            stream.linear(input, weight: weight, bias: bias, into: block)
            stream.silu(block, adding: input, into: input)
        }
        let logits = state.logits.prefix(input.rows)
        stream.linear(input, weight: output, into: logits)
        return logits
    }
}
