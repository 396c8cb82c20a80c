import RedrafterCore

/// One tensor of a file: its name, type, shape and bytes, all checked against the file's size.
public struct TensorView: Sendable {
    /// The name as stored, escaped where it is no printable text.
    public let name: String
    public let type: WeightType
    /// Dimensions, slowest first (rows, then columns), as in Hugging Face; GGUF stores them the other way round.
    public let shape: [Int]
    /// The file the bytes belong to; keeps the mapping alive.
    public let file: MappedFile
    /// Offset of the tensor in `file`.
    public let offset: Int
    public let byteCount: Int

    public init(name: String, type: WeightType, shape: [Int], file: MappedFile, offset: Int, byteCount: Int) {
        self.name = name
        self.type = type
        self.shape = shape
        self.file = file
        self.offset = offset
        self.byteCount = byteCount
    }
}

/// Tensors by name, from a GGUF file or from safetensors shards.
public protocol TensorSource: Sendable {
    /// Path shown in errors.
    var path: String { get }
    /// All tensors in file order.
    var tensors: [TensorView] { get }
    /// The tensor of this name; nil when there is none or its type is none of `WeightType`.
    func tensor(named name: String) -> TensorView?
    /// The name of the type of a tensor that exists but that this engine does not compute with; else nil.
    func unsupportedType(of name: String) -> String?
}

extension TensorSource {
    public func unsupportedType(of name: String) -> String? { nil }

    /// The tensor of this name.
    /// - Throws: `FormatError.missingField` when there is none, `.unsupported` naming its type.
    public func requiredTensor(named name: String) throws(FormatError) -> TensorView {
        if let tensor = tensor(named: name) { return tensor }
        if let type = unsupportedType(of: name) {
            throw .unsupported(
                file: path, what: "type \(type) of tensor \"\(name)\"",
                supported: WeightType.allCases.map(\.name).joined(separator: ", "))
        }
        throw .missingField(file: path, field: "tensor \"\(name)\"", expected: "a weight of this name")
    }
}

extension TensorView {
    /// The bytes in the file; valid as long as `file` lives.
    public var bytes: UnsafeRawBufferPointer { file.bytes(at: offset, count: byteCount) }

    /// Number of elements.
    public var elementCount: Int { shape.reduce(1, *) }
}
