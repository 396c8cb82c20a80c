import RedrafterCore

/// A GGUF file (versions 2 and 3, little-endian), mapped and validated as a whole when it is opened.
///
///     magic  version  tensor count  pair count  │ pairs … │ tensor infos … │ padding │ tensor data …
///     "GGUF"   u32        u64           u64
///
/// After `init` every view lies inside the file, no two overlap, names are unique and printable, and no number
/// from the file was used as a size without a check. Nothing is allocated in proportion to a count the file
/// claims: lists grow with the bytes actually read. Choices where the format leaves room:
///
/// - tensors of no dimensions and dimensions of zero are rejected, no weight has them;
/// - arrays of arrays are rejected; a bool is 0 or 1;
/// - tensor data lies in the order of the infos without gaps, as ggml demands;
/// - bytes after the last tensor are accepted with a warning.
///
/// A model may lie in several files, each with a part of the tensors (`name-00001-of-00003.gguf`): opening any of them opens all
/// (`GGUFFile+Parts.swift`).
public struct GGUFFile: TensorSource {
    /// One tensor as the file declares it, whether this engine computes with its type or not.
    public struct TensorInfo: Sendable {
        /// Printable UTF-8 of at most 63 bytes.
        public let name: String
        /// The element type.
        public let type: GGUFTensorType
        /// Dimensions, slowest first (the file has them the other way round).
        public let shape: [Int]
        /// Offset in its file.
        public let offset: Int
        /// Size in the file without padding.
        public let byteCount: Int
        /// The file it is in, among `parts`.
        public internal(set) var part = 0
    }

    /// The mapping of the metadata: of the first part, where there are several.
    public let file: MappedFile
    /// All files, part after part.
    public internal(set) var parts: [MappedFile]
    /// 2 or 3.
    public let version: Int
    /// Tensor data begins at multiples of this many bytes.
    public let alignment: Int
    /// The key/value pairs.
    public let metadata: GGUFMetadata
    /// Every tensor in file order, foreign types included.
    public internal(set) var allTensors: [TensorInfo]
    /// Tensors of the types this engine computes with, in file order.
    public internal(set) var tensors: [TensorView]
    /// Name and type of the tensors of other types.
    public internal(set) var unsupportedTensors: [String: String]
    /// What is odd but no error, one sentence each.
    public internal(set) var warnings: [String]
    /// Into `allTensors`, by the bytes of the name.
    var index: [ByteSlice: Int]

    /// The path as given.
    public var path: String { file.path }

    /// Maps and validates the file at `path`, and the other parts of its model where it is one of several. - Throws: `FormatError`.
    public init(path: String) throws(FormatError) { try self.init(joining: MappedFile(path: path)) }

    /// Validates a mapped file, which may be a part of a model. - Throws: `FormatError`.
    public init(file: MappedFile) throws(FormatError) {
        var parser = GGUFParser(file)
        let header = try parser.header()
        let metadata = try parser.metadata(count: header.pairs)
        let alignment = try Self.alignment(metadata)
        let infos = try parser.tensorInfos(count: header.tensors)
        let (tensors, warnings) = try parser.place(infos, alignment: alignment)
        self.file = file
        parts = [file]
        self.version = header.version
        self.alignment = alignment
        self.metadata = metadata
        self.warnings = warnings
        allTensors = tensors
        index = Dictionary(
            uniqueKeysWithValues: tensors.enumerated().map { (ByteSlice($0.element.name), $0.offset) })
        self.tensors = tensors.compactMap { Self.view($0, file) }
        unsupportedTensors = Self.unsupported(tensors)
    }

    static func unsupported(_ tensors: [TensorInfo]) -> [String: String] {
        let foreign = tensors.filter { $0.type.weightType == nil }
        return Dictionary(foreign.map { ($0.name, $0.type.name) }) { first, _ in first }
    }

    /// The value of `general.architecture`, where there is one.
    public var architecture: String? {
        if case .string(let name)? = metadata["general.architecture"] { name.string } else { nil }
    }

    public func tensor(named name: String) -> TensorView? {
        index[ByteSlice(name)].flatMap { Self.view(allTensors[$0], parts[allTensors[$0].part]) }
    }

    public func unsupportedType(of name: String) -> String? {
        index[ByteSlice(name)].map { allTensors[$0].type }.flatMap { $0.weightType == nil ? $0.name : nil }
    }

    static func view(_ info: TensorInfo, _ file: MappedFile) -> TensorView? {
        info.type.weightType.map {
            TensorView(
                name: info.name, type: $0, shape: info.shape, file: file, offset: info.offset,
                byteCount: info.byteCount)
        }
    }

    private static func alignment(_ metadata: GGUFMetadata) throws(FormatError) -> Int {
        let key = "general.alignment"
        guard let value = metadata[key] else { return 32 }
        guard case .unsigned(let alignment, .uint32) = value, alignment.nonzeroBitCount == 1,
            alignment <= 65_536
        else {
            let offset = metadata.entries.first { $0.key == key }?.offset
            throw .invalid(
                file: metadata.path, field: key, expected: "a power of two from 1 to 65536 as u32",
                got: value.summary, offset: offset)
        }
        return Int(alignment)
    }
}
