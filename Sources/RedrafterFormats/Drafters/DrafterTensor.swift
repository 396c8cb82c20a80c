import RedrafterCore

/// One weight of a drafter, as it lies in its file.
public struct DrafterTensor: Sendable {
    /// The canonical name; see `DrafterWeights`.
    public let name: String
    public let type: WeightType
    /// Dimensions, slowest first: `[rows, columns]` of a matrix, `[rows]` of a bias.
    public let shape: [Int]
    /// The content; keeps the file or the memory it lies in alive.
    public let content: ByteSlice

    /// A tensor of these bytes. That shape, type and bytes agree is checked when it becomes a part of `DrafterWeights`.
    public init(name: String, type: WeightType, shape: [Int], content: ByteSlice) {
        self.name = name
        self.type = type
        self.shape = shape
        self.content = content
    }

    /// An F32 tensor with memory of its own. `[shape]`
    public init(name: String, shape: [Int], values: [Float]) {
        self.init(
            name: name, type: .f32, shape: shape,
            content: values.withUnsafeBytes { ByteSlice($0) })
    }

    init(name: String, _ view: TensorView) {
        self.init(
            name: name, type: view.type, shape: view.shape,
            content: ByteSlice(owner: view.file, bytes: view.bytes))
    }

    /// Rows of a matrix; the elements of a bias.
    public var rows: Int { shape.first ?? 0 }
    /// Columns of a matrix; 1 of a bias.
    public var columns: Int { shape.count > 1 ? shape[shape.count - 1] : 1 }
    public var elementCount: Int { CheckedSize(product: shape).value ?? 0 }
    public var byteCount: Int { content.count }

    /// Lends the bytes to `body`; the pointer is valid during the call only.
    public func withBytes<Result, Failure: Error>(
        _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try content.withBytes(body)
    }

    /// All elements, decoded. Meant for biases and tests: a head has millions of elements.
    public var values: [Float] {
        withBytes { bytes in
            [Float](unsafeUninitializedCapacity: elementCount) { output, count in
                Quantization.dequantize(
                    type: type, bytes: bytes,
                    into: UnsafeMutableBufferPointer(rebasing: output[0..<elementCount]))
                count = elementCount
            }
        }
    }

    /// The same content under another name.
    func renamed(_ name: String) -> DrafterTensor {
        DrafterTensor(name: name, type: type, shape: shape, content: content)
    }

    /// Bytes that type and shape ask for; nil for shapes no weight has.
    var expectedByteCount: Int? {
        guard (1...2).contains(shape.count), shape.allSatisfy({ $0 > 0 }), let columns = shape.last,
            let row = type.rowBytes(columns: columns)
        else { return nil }
        return (CheckedSize(product: shape.dropLast()) * row).value
    }
}
