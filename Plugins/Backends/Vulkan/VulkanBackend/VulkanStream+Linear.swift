import CVulkan
import RedrafterCore

extension VulkanStream {
    /// Matrices of a dispatch; see `linear.glsl`.
    private static let matricesAtOnce = 3

    func linear(
        _ input: Tensor, weights: [any WeightHandle], biases: [Tensor?], into outputs: [Tensor],
        accumulate: Bool
    ) {
        precondition(weights.count == outputs.count && weights.count == biases.count)
        record { () throws(BackendError) in
            var products = [Product]()
            for index in weights.indices {
                let (weight, output) = (weights[index].onVulkan, outputs[index])
                precondition(
                    output.rows == input.rows && output.columns == weight.rows, "linear: output shape")
                precondition(weight.columns == input.columns, "linear: input shape")
                products += Product.all(
                    weight, bias: biases[index]?.onVulkan, into: output.onVulkan, accumulates: accumulate)
            }
            try run(products, on: try panel(of: input), rows: input.rows)
        }
    }

    func gatedLinear(
        _ input: Tensor, gate: any WeightHandle, up: any WeightHandle, activation: GateActivation,
        into output: Tensor
    ) {
        let (gate, up) = (gate.onVulkan, up.onVulkan)
        precondition(gate.rows == up.rows && gate.columns == up.columns && gate.columns == input.columns)
        precondition(output.rows == input.rows && output.columns == gate.rows)
        record { () throws(BackendError) in
            let panel = try panel(of: input)
            let (gates, ups) = (
                Product.all(gate, into: output.onVulkan), Product.all(up, into: output.onVulkan)
            )
            if let views = try commonViews(gates, ups) {
                for (index, view) in views.enumerated() {
                    try dispatch(
                        [gates[index], ups[index]], view: view, on: panel, rows: input.rows,
                        isIndependent: index > 0, activation: activation)
                }
                return
            }
            let other = try scratch(.gated, output.rows * output.columns * 4)
            try run(gates + Product.all(up, into: other), on: panel, rows: input.rows)
            elementwise(activation == .silu ? 0 : 4, output.onVulkan, other, into: output)
        }
    }

    /// The views that hold the parts of two weights side by side; nil where there are none.
    private func commonViews(_ first: [Product], _ second: [Product]) throws(BackendError) -> [VkBufferView]?
    {
        guard first.count == second.count else { return nil }
        var views = [VkBufferView]()
        for (one, other) in zip(first, second) {
            let view = try one.part.piece.sharedView().view
            guard one.weight.type == other.weight.type, one.part.rows == other.part.rows,
                try other.part.piece.sharedView().view == view
            else { return nil }
            views.append(view)
        }
        return views
    }

    /// A part of a weight times the rows of a panel.
    private struct Product {
        let weight: VulkanWeight
        let part: VulkanWeight.Part
        let bias: MemoryPiece?
        let output: MemoryPiece
        let accumulates: Bool

        static func all(
            _ weight: VulkanWeight, bias: MemoryPiece? = nil, into output: MemoryPiece,
            accumulates: Bool = false
        ) -> [Product] {
            weight.parts.map {
                Product(
                    weight: weight, part: $0, bias: bias, output: output, accumulates: accumulates)
            }
        }

        /// Whether both can be one dispatch, where their weights lie in one view and their outputs in one binding.
        func agrees(with other: Product) -> Bool {
            weight.type == other.weight.type && bias == nil && other.bias == nil && !accumulates
                && !other.accumulates && output !== other.output && output.buffer == other.output.buffer
        }
    }

    /// The input with whole blocks of 32 columns, zeros behind its own.
    private func panel(of input: Tensor) throws(BackendError) -> MemoryPiece {
        guard input.columns % 32 != 0 else { return input.onVulkan }
        let columns = (input.columns + 31) / 32 * 32
        let padded = try scratch(.padded, input.rows * columns * 4)
        try copy(
            input, rows: Array(0..<input.rows), columns: columns, into: padded, stride: columns, from: 0)
        return padded
    }

    /// All products, neighbours that agree in one dispatch.
    private func run(_ products: [Product], on panel: MemoryPiece, rows: Int) throws(BackendError) {
        var start = 0
        while start < products.count {
            let (view, _) = try products[start].part.piece.sharedView()
            var end = start + 1
            while end < products.count, end - start < Self.matricesAtOnce,
                products[start..<end].allSatisfy({ $0.agrees(with: products[end]) }),
                try products[end].part.piece.sharedView().view == view,
                span(of: products[start...end]).count <= device.description.storageBufferBytes
            { end += 1 }
            try dispatch(
                Array(products[start..<end]), view: view, on: panel, rows: rows, isIndependent: start > 0)
            start = end
        }
    }

    /// The bytes of a buffer from the first to the last output.
    private func span(of products: ArraySlice<Product>) -> Range<Int> {
        let starts = products.map { $0.output.offset }
        let ends = products.map { $0.output.offset + $0.output.byteCount }
        return (starts.min() ?? 0)..<(ends.max() ?? 0)
    }

    /// `output = panel · weightᵀ` of up to three weights, in tiles of rows of equal size; or
    /// `output = activation(panel · first weightᵀ) ⊙ (panel · second weightᵀ)`.
    private func dispatch(
        _ products: [Product], view: VkBufferView, on panel: MemoryPiece, rows: Int, isIndependent: Bool,
        activation: GateActivation? = nil
    ) throws(BackendError) {
        let tuning = device.tuning
        let first = products[0]
        let tiles = (rows + tuning.tileRows - 1) / tuning.tileRows
        let tileRows = (rows + tiles - 1) / tiles
        let blocks = (first.weight.columns + 31) / 32
        let bytes = span(of: products[...])
        var push = [Int32]()
        var strips = 0
        for product in products {
            let outputStart = (product.output.offset - bytes.lowerBound) / 4 + product.part.rows.lowerBound
            push += [
                Int32(try product.part.piece.sharedView().firstTexel), Int32(product.part.rows.count),
                Int32(outputStart), Int32(product.weight.rows),
            ]
            strips = max(strips, (product.part.rows.count + 31) / 32)
            retain(product.part.piece)
            retain(product.output)
        }
        push += [Int32](repeating: 0, count: 4 * (Self.matricesAtOnce - products.count))
        let adds: Int32 = (first.bias == nil ? 0 : 1) + (first.accumulates ? 2 : 0)
        push += [
            Int32(blocks), Int32(first.weight.stripSlots), Int32(blocks * 8), Int32(rows),
            Int32(first.part.rows.lowerBound), adds,
        ]
        let stripsInGroup = tuning.linearWidth / 8
        try dispatch(
            tuning.sharesInputs ? .linearShared : .linear,
            [
                first.weight.type.rawValue, UInt32(tileRows), UInt32(tuning.linearSplits),
                UInt32(tuning.linearWidth), activation == nil ? 0 : 1,
                UInt32(bitPattern: tuning.hasConstantAdds ? adds : -1), activation?.rawValue ?? 0,
            ],
            [
                rdv_binding(index: 0, view: view, buffer: nil, offset: 0, bytes: 0),
                try texels(1, panel, isFloat: true),
                rdv_binding(
                    index: 2, view: nil, buffer: first.output.buffer, offset: UInt64(bytes.lowerBound),
                    bytes: UInt64(bytes.count)), storage(3, first.bias ?? first.output),
            ], push: push,
            groups: (
                (strips + stripsInGroup - 1) / stripsInGroup, tiles, activation == nil ? products.count : 1
            ),
            isIndependent: isIndependent)
    }
}
