/// The gated feed-forward block, `down · (SiLU(gate · x) ⊙ (up · x))`, with its gradient.
public struct GatedPass {
    private let input: Matrix  // [rows, hidden]
    private let gates: Matrix  // [rows, feedForward], before SiLU
    private let ups: Matrix  // [rows, feedForward]
    private let activated: Matrix  // [rows, feedForward], SiLU of the gates
    private let products: Matrix  // [rows, feedForward]
    private let weights: (gate: Matrix, up: Matrix, down: Matrix)
    private let scratch: ThreadScratch

    /// - Parameters:
    ///   - input: `[rows, hidden]`
    ///   - gate: `[feedForward, hidden]`
    ///   - up: `[feedForward, hidden]`
    ///   - down: `[hidden, feedForward]`
    ///   - output: what the result is added to. `[rows, hidden]`
    ///   - scratch: memory that lasts until `back`.
    public init(
        _ input: Matrix, gate: Matrix, up: Matrix, down: Matrix, addingTo output: Matrix,
        scratch: ThreadScratch
    ) {
        self.input = input
        self.scratch = scratch
        weights = (gate, up, down)
        func matrix() -> Matrix { scratch.matrix(input.rows, gate.rows) }
        (gates, ups, activated, products) = (matrix(), matrix(), matrix(), matrix())
        gates.assign(input, timesTransposed: gate)
        ups.assign(input, timesTransposed: up)
        activated.assign(siluOf: gates)
        products.assign(activated, elementwise: ups)
        output.assign(products, timesTransposed: down, accumulates: true)
    }

    /// - Parameters:
    ///   - upstream: the gradient of the output. `[rows, hidden]`
    ///   - gradients: what the weights' gradients are added to.
    ///   - gradient: overwritten with the input's gradient. `[rows, hidden]`
    public func back(
        _ upstream: Matrix, gradients: (gate: Matrix, up: Matrix, down: Matrix), into gradient: Matrix
    ) {
        let (outer, inner) = (
            scratch.matrix(input.rows, gates.columns), scratch.matrix(input.rows, gates.columns)
        )
        gradients.down.add(transposed: upstream, times: products)
        outer.assign(upstream, times: weights.down)
        inner.assign(outer, elementwise: activated)
        gradients.up.add(transposed: inner, times: input)
        gradient.assign(inner, times: weights.up)
        inner.assign(outer, elementwise: ups)
        outer.assign(siluGradientAt: gates, upstream: inner)
        gradients.gate.add(transposed: outer, times: input)
        gradient.assign(outer, times: weights.gate, accumulates: true)
    }
}
