import RedrafterCore

/// The tensors of an output file: where each comes from and what it becomes.
struct DrafterPlan {
    let layout: DrafterLayout
    private(set) var items = [Item]()
    private var fallbacks = [String]()

    init(layout: DrafterLayout) { self.layout = layout }

    /// One tensor of the output.
    struct Item {
        var name: String
        var tensor: DrafterTensor
        var type: WeightType
        var byteCount: Int
    }

    /// Values that did not survive.
    struct Damage {
        var nonFinite = 0
        var beyondRange = 0
    }

    /// Adds a tensor. Rows that are no multiple of the type's block become F16.
    mutating func add(_ tensor: DrafterTensor, name: String, type wanted: WeightType) {
        let columns = tensor.shape.last ?? 1
        var type = wanted
        if type.rowBytes(columns: columns) == nil {
            type = .f16
            fallbacks.append(name)
        }
        let rows = tensor.elementCount / columns
        items.append(
            Item(
                name: name, tensor: tensor, type: type,
                byteCount: rows * (type.rowBytes(columns: columns) ?? 0)))
    }

    /// The type of all tensors; nil where they differ.
    var commonType: WeightType? {
        guard let first = items.first?.type, items.allSatisfy({ $0.type == first }) else { return nil }
        return first
    }

    func report(files: [String], _ damage: Damage) -> DrafterWriter.Report {
        var warnings = [String]()
        if let first = fallbacks.first {
            warnings.append(
                "\(fallbacks.count) tensors are stored as f16, for their rows are no multiple of the type's block: "
                    + "\(first)" + (fallbacks.count > 1 ? ", …" : ""))
        }
        if damage.nonFinite > 0 { warnings.append("\(damage.nonFinite) weights are NaN or infinite") }
        if damage.beyondRange > 0 {
            warnings.append(
                "\(damage.beyondRange) weights exceed what their type can hold and became infinite or were cut"
            )
        }
        return DrafterWriter.Report(
            layout: layout, files: files, tensors: items.count,
            weightBytes: items.reduce(0) { $0 + $1.byteCount }, warnings: warnings)
    }
}

extension DrafterPlan.Item {
    /// Elements decoded at a time.
    private static let pieceElements = 1 << 20

    /// Hands the content over in pieces, in the type of the output; the bytes as they are where that is their type.
    func write(
        _ damage: inout DrafterPlan.Damage, to append: (UnsafeRawBufferPointer) throws(FormatError) -> Void
    ) throws(FormatError) {
        guard tensor.type != type else {
            damage.nonFinite += tensor.withBytes { Quantization.nonFiniteCount(type: type, bytes: $0) }
            try tensor.withBytes(append)
            return
        }
        let columns = tensor.shape.last ?? 1
        let rows = tensor.elementCount / columns
        let step = max(1, min(rows, Self.pieceElements / columns))
        guard let sourceBytes = tensor.type.rowBytes(columns: columns),
            let rowBytes = type.rowBytes(columns: columns)
        else { return }
        var values = [Float](repeating: 0, count: step * columns)
        var output = [UInt8](repeating: 0, count: step * rowBytes)
        var row = 0
        while row < rows {
            let count = min(step, rows - row)
            tensor.withBytes { bytes in
                values.withUnsafeMutableBufferPointer { target in
                    Quantization.dequantize(
                        type: tensor.type,
                        bytes: UnsafeRawBufferPointer(
                            rebasing: bytes[row * sourceBytes..<(row + count) * sourceBytes]),
                        into: UnsafeMutableBufferPointer(rebasing: target[0..<count * columns]))
                }
            }
            try convert(&values, count * columns, &output, count * rowBytes, &damage)
            try output.withUnsafeBufferPointer { (bytes) throws(FormatError) in
                try append(
                    UnsafeRawBufferPointer(UnsafeBufferPointer(rebasing: bytes[0..<count * rowBytes])))
            }
            row += count
        }
    }

    private func convert(
        _ values: inout [Float], _ elements: Int, _ output: inout [UInt8], _ size: Int,
        _ damage: inout DrafterPlan.Damage
    ) throws(FormatError) {
        let limit = Quantization.largestMagnitude(of: type)
        for value in values[0..<elements] {
            let magnitude = abs(value)
            if !(magnitude < .infinity) {
                damage.nonFinite += 1
            } else if magnitude > limit {
                damage.beyondRange += 1
            }
        }
        let type = type
        try output.withUnsafeMutableBufferPointer { (target) throws(FormatError) in
            try values.withUnsafeBufferPointer { (values) throws(FormatError) in
                try Quantization.quantize(
                    type: type, values: UnsafeBufferPointer(rebasing: values[0..<elements]),
                    into: UnsafeMutableRawBufferPointer(
                        UnsafeMutableBufferPointer(rebasing: target[0..<size])))
            }
        }
    }
}
