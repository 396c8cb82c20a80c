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
    func tensor(named name: String) -> TensorView?
}
