import RedrafterCore

/// A matrix in the upper left corner of a larger one of zeros, for rewriting weights. Float types stay; quantised ones become F32.
public struct TensorGrid: Sendable {
    private let type: WeightType
    private let columns: Int
    private var bytes: [UInt8]

    /// - Parameters:
    ///   - tensor: at most as large as the grid. A bias is a column: its elements follow each other as rows do.
    ///   - rows: of the grid.
    ///   - columns: of the grid.
    ///   - places: the row of the grid for each row of the tensor; nil for the same.
    public init(_ tensor: DrafterTensor, rows: Int, columns: Int, places: [Int]? = nil) {
        type = tensor.type.isFloat ? tensor.type : .f32
        self.columns = columns
        bytes = [UInt8](repeating: 0, count: rows * columns * type.blockBytes)
        let (size, rowBytes) = (type.blockBytes, tensor.columns * type.blockBytes)
        let isCopied = tensor.type.isFloat
        guard let sourceBytes = tensor.type.rowBytes(columns: tensor.columns) else { return }
        bytes.withUnsafeMutableBytes { target in
            tensor.withBytes { source in
                for row in 0..<tensor.rows {
                    let from = UnsafeRawBufferPointer(
                        rebasing: source[row * sourceBytes..<(row + 1) * sourceBytes])
                    let start = (places?[row] ?? row) * columns * size
                    let to = UnsafeMutableRawBufferPointer(rebasing: target[start..<start + rowBytes])
                    if isCopied {
                        to.copyMemory(from: from)
                    } else {
                        Quantization.dequantize(
                            type: tensor.type, bytes: from, into: to.bindMemory(to: Float.self))
                    }
                }
            }
        }
    }

    /// Sets one element.
    public mutating func set(row: Int, column: Int, _ value: Float) throws(FormatError) {
        let start = (row * columns + column) * type.blockBytes
        let (type, size) = (type, type.blockBytes)
        try bytes.withUnsafeMutableBufferPointer { (target) throws(FormatError) in
            try [value].withUnsafeBufferPointer { (values) throws(FormatError) in
                try Quantization.quantize(
                    type: type, values: values,
                    into: UnsafeMutableRawBufferPointer(
                        UnsafeMutableBufferPointer(rebasing: target[start..<start + size])))
            }
        }
    }

    /// The grid as a part of a drafter.
    public func tensor(_ specification: TensorSpecification) -> DrafterTensor {
        DrafterTensor(
            name: specification.name, type: type, shape: specification.shape, content: ByteSlice(bytes))
    }
}
