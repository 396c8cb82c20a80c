import CVulkan
import RedrafterCore

extension VulkanStream {
    /// Rows that a thread holds: their sums fit its registers.
    static let maximumTileRows = 8

    func linear(
        _ input: Tensor, weights: [any WeightHandle], biases: [Tensor?], into outputs: [Tensor],
        accumulate: Bool
    ) {
        precondition(weights.count == outputs.count && weights.count == biases.count)
        record { () throws(BackendError) in
            let panel = try panel(of: input)
            for index in weights.indices {
                let (weight, output) = (weights[index].onVulkan, outputs[index])
                precondition(
                    output.rows == input.rows && output.columns == weight.rows, "linear: output shape")
                precondition(weight.columns == input.columns, "linear: input shape")
                try product(
                    panel, rows: input.rows, weight, bias: biases[index]?.onVulkan, into: output.onVulkan,
                    accumulate: accumulate, isIndependent: index > 0)
            }
        }
    }

    func gatedLinear(_ input: Tensor, gate: any WeightHandle, up: any WeightHandle, into output: Tensor) {
        let (gate, up) = (gate.onVulkan, up.onVulkan)
        precondition(gate.rows == up.rows && gate.columns == up.columns && gate.columns == input.columns)
        precondition(output.rows == input.rows && output.columns == gate.rows)
        record { () throws(BackendError) in
            let panel = try panel(of: input)
            let other = try scratch(.gated, output.rows * output.columns * 4)
            try product(panel, rows: input.rows, gate, into: output.onVulkan)
            try product(panel, rows: input.rows, up, into: other, isIndependent: true)
            elementwise(0, output.onVulkan, other, into: output)
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

    /// `output = panel · weightᵀ`, in tiles of rows of equal size.
    private func product(
        _ panel: MemoryPiece, rows: Int, _ weight: VulkanWeight, bias: MemoryPiece? = nil,
        into output: MemoryPiece, accumulate: Bool = false, isIndependent: Bool = false
    ) throws(BackendError) {
        let tuning = device.tuning
        let tiles = (rows + Self.maximumTileRows - 1) / Self.maximumTileRows
        let tileRows = (rows + tiles - 1) / tiles
        let blocks = (weight.columns + 31) / 32
        for (index, part) in weight.parts.enumerated() {
            let strips = (part.rows.count + 31) / 32
            let stripsInGroup = tuning.linearWidth / 8
            try dispatch(
                tuning.sharesInputs ? .linearShared : .linear,
                [
                    weight.type.rawValue, UInt32(tileRows), UInt32(tuning.linearSplits),
                    UInt32(tuning.linearWidth),
                ],
                [
                    try texels(0, part.piece), try texels(1, panel, isFloat: true), storage(2, output),
                    storage(3, bias ?? output),
                ],
                push: [
                    Int32(blocks), Int32(strips), Int32(weight.stripSlots), Int32(part.rows.count),
                    Int32(part.rows.lowerBound), Int32(weight.rows), Int32(blocks * 8), Int32(rows),
                    bias == nil ? 0 : 1, accumulate ? 1 : 0,
                ], groups: ((strips + stripsInGroup - 1) / stripsInGroup, tiles, 1),
                isIndependent: isIndependent || index > 0)
        }
    }
}
