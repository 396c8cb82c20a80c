import RedrafterCore

/// One safetensors file, mapped and validated as a whole when it is opened.
///
///     header length   header (JSON)                     data
///         u64          {"name": {"dtype": …}, …}        begins at 8 + header length, at any alignment
///
/// After `init` the tensors cover the data exactly: no hole, no overlap, nothing after the last. Choices where the
/// format leaves room: white space around the header's object is accepted, unknown members of an entry are ignored,
/// at most 32 dimensions, at most 16 MiB of `__metadata__`.
public struct SafetensorsFile: TensorSource {
    /// One tensor as the header declares it.
    public struct TensorInfo: Sendable {
        /// The name as stored; not necessarily printable, never used as a path.
        public let name: String
        /// The element type.
        public let type: SafetensorsType
        /// Dimensions, slowest first; empty for a scalar. Dimensions may be zero.
        public let shape: [Int]
        /// Offset in the file.
        public let offset: Int
        /// Size in bytes.
        public let byteCount: Int
    }

    /// The mapping all views belong to.
    public let file: MappedFile
    /// The `__metadata__` of the header in order.
    public let metadata: [(key: String, value: String)]
    /// Every tensor in order of its data, foreign types included.
    public let allTensors: [TensorInfo]
    /// The tensors of F32, F16 and BF16 in order of their data.
    public let tensors: [TensorView]
    /// Into `allTensors`, by the bytes of the name.
    private let index: [ByteSlice: Int]

    /// The path as given.
    public var path: String { file.path }

    /// Maps and validates the file at `path`. - Throws: `FormatError`.
    public init(path: String) throws(FormatError) { try self.init(file: MappedFile(path: path)) }

    /// Validates a mapped file. - Throws: `FormatError`.
    public init(file: MappedFile) throws(FormatError) {
        var parser = SafetensorsParser(file)
        try parser.parse()
        self.file = file
        metadata = parser.metadata
        allTensors = parser.tensors
        var index = [ByteSlice: Int]()
        for (position, tensor) in parser.tensors.enumerated() {
            guard index.updateValue(position, forKey: ByteSlice(tensor.name)) == nil else {
                throw .duplicate(file: file.path, what: "tensor", name: tensor.name, offset: nil)
            }
        }
        self.index = index
        tensors = parser.tensors.compactMap { Self.view($0, file) }
    }

    public func tensor(named name: String) -> TensorView? {
        index[ByteSlice(name)].flatMap { Self.view(allTensors[$0], file) }
    }

    public func unsupportedType(of name: String) -> String? {
        index[ByteSlice(name)].flatMap {
            allTensors[$0].type.weightType == nil ? allTensors[$0].type.rawValue : nil
        }
    }

    private static func view(_ info: TensorInfo, _ file: MappedFile) -> TensorView? {
        info.type.weightType.map {
            TensorView(
                name: TerminalText.escaped(info.name), type: $0, shape: info.shape, file: file,
                offset: info.offset, byteCount: info.byteCount)
        }
    }
}
