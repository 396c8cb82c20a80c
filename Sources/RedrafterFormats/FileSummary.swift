import RedrafterCore

/// What `inspect` shows of a model file, as text or as JSON.
///
/// Everything that came from the file is escaped in `text` and is plain data in `json`.
public struct FileSummary: Sendable {
    /// One tensor.
    public struct Tensor: Sendable {
        /// The name, escaped.
        public var name: String
        /// The type's name, in small letters.
        public var type: String
        /// Dimensions, slowest first.
        public var shape: [Int]
        /// Offset in its file.
        public var offset: Int
        public var byteCount: Int
        /// The file's name, for models of several files.
        public var file: String?
        /// Whether this engine computes with the type.
        public var isSupported: Bool

        /// Number of elements.
        public var elementCount: Int { CheckedSize(product: shape).value ?? 0 }
    }

    /// All tensors of one type.
    public struct TypeTotal: Sendable {
        public var type: String
        public var tensors: Int
        public var byteCount: Int
        public var parameters: Int
    }

    /// One file of several.
    public struct Part: Sendable {
        /// The file's name without its folder.
        public var name: String
        public var tensors: Int
        /// Bytes of the file.
        public var byteCount: Int
    }

    /// A metadata pair.
    public struct Field: Sendable {
        public var key: String
        /// The type as stored: `u32`, `arr[str]`, …
        public var type: String
        /// The value; arrays abbreviated to their first elements.
        public var value: JSONValue
        /// Number of elements, for arrays.
        public var count: Int?
    }

    /// The path as given.
    public var path: String
    /// `GGUF` or `safetensors`.
    public var format: String
    /// The format's version, where it has one.
    public var version: Int?
    /// The model's architecture, where the file names one.
    public var architecture: String?
    /// Bytes of all files.
    public var fileBytes: Int
    /// The files, where there are several.
    public var parts: [Part]
    /// Alignment of tensor data, for GGUF.
    public var alignment: Int?
    public var metadata: [Field]
    /// In file order.
    public var tensors: [Tensor]
    public var warnings: [String]
    /// What the file is as a drafter, where it is one.
    public var drafter: DrafterWeights?

    /// Elements shown of a metadata array.
    public static let shownElements = 4

    /// Opens whatever `path` names (GGUF, safetensors, an index, a directory of Hugging Face, a drafter) and sums it up.
    /// - Parameters:
    ///   - path: a file or a directory.
    ///   - kinds: the kinds of drafters that are known; other drafters are plain files.
    /// - Throws: `FormatError`.
    public init(path: String, kinds: [DrafterKind]) throws(FormatError) {
        let source = try DrafterSource(path: path, kinds: kinds)
        switch source.files {
        case .gguf(let file): self.init(file)
        case .safetensors(let model, _): self.init(model)
        }
        guard source.layout != nil else { return }
        let weights = try DrafterWeights(source, path: path)
        drafter = weights
        if let damage = weights.damage { warnings.append(damage) }
    }

    /// The summary of a GGUF file.
    public init(_ file: GGUFFile) {
        path = file.path
        format = "GGUF"
        version = file.version
        architecture = file.architecture
        fileBytes = file.parts.reduce(0) { $0 + $1.bytes.count }
        parts = file.parts.count > 1 ? Part.parts(of: file) : []
        alignment = file.alignment
        metadata = file.metadata.entries.map { Field($0.key, $0.value) }
        tensors = file.allTensors.map {
            Tensor(
                name: $0.name, type: $0.type.name, shape: $0.shape, offset: $0.offset,
                byteCount: $0.byteCount,
                file: file.parts.count > 1 ? FilePath.name(of: file.parts[$0.part].path) : nil,
                isSupported: $0.type.weightType != nil)
        }
        warnings = file.warnings
    }

    /// The summary of a model in safetensors.
    public init(_ model: SafetensorsModel) {
        self.init(path: model.path, files: model.files, warnings: model.warnings)
    }

    private init(path: String, files: [SafetensorsFile], warnings: [String]) {
        self.path = path
        format = "safetensors"
        parts =
            files.count > 1
            ? files.map {
                Part(
                    name: FilePath.name(of: $0.path), tensors: $0.allTensors.count,
                    byteCount: $0.file.bytes.count)
            } : []
        version = nil
        architecture = nil
        fileBytes = files.reduce(0) { $0 + $1.file.bytes.count }
        alignment = nil
        metadata =
            files.first.map { file in
                file.metadata.map { Field(key: $0.key, type: "str", value: .string($0.value), count: nil) }
            } ?? []
        tensors = files.flatMap { file in
            file.allTensors.map {
                Tensor(
                    name: TerminalText.escaped($0.name), type: $0.type.rawValue.lowercased(), shape: $0.shape,
                    offset: $0.offset, byteCount: $0.byteCount,
                    file: files.count > 1 ? FilePath.name(of: file.path) : nil,
                    isSupported: $0.type.weightType != nil)
            }
        }
        self.warnings = warnings
    }

    /// Elements of all tensors.
    public var parameters: Int { tensors.reduce(CheckedSize(0)) { $0 + $1.elementCount }.value ?? 0 }

    /// Totals by type, most bytes first.
    public var types: [TypeTotal] {
        var totals = [String: TypeTotal]()
        for tensor in tensors {
            var total =
                totals[tensor.type] ?? TypeTotal(type: tensor.type, tensors: 0, byteCount: 0, parameters: 0)
            total.tensors += 1
            total.byteCount += tensor.byteCount
            total.parameters = (CheckedSize(total.parameters) + tensor.elementCount).value ?? Int.max
            totals[tensor.type] = total
        }
        return totals.values.sorted { ($1.byteCount, $0.type) < ($0.byteCount, $1.type) }
    }
}

extension FileSummary.Part {
    fileprivate static func parts(of file: GGUFFile) -> [Self] {
        var tensors = [Int](repeating: 0, count: file.parts.count)
        for tensor in file.allTensors { tensors[tensor.part] += 1 }
        return zip(file.parts, tensors).map { part, tensors in
            Self(name: FilePath.name(of: part.path), tensors: tensors, byteCount: part.bytes.count)
        }
    }
}

extension FileSummary.Field {
    fileprivate init(_ key: String, _ value: GGUFValue) {
        self.key = key
        switch value {
        case .array(let array):
            type = "arr[\(array.elementType.name)]"
            count = array.count
            self.value = .array(
                (0..<min(array.count, FileSummary.shownElements)).map { Self.json(array[$0]) })
        default:
            type = value.type.name
            count = nil
            self.value = Self.json(value)
        }
    }

    private static func json(_ value: GGUFValue) -> JSONValue {
        switch value {
        case .unsigned(let number, _): Int(exactly: number).map(JSONValue.integer) ?? .string("\(number)")
        case .signed(let number, _): .integer(Int(number))
        case .float(let number, .float32) where number.isFinite: .number(JSONNumber(Float(number)))
        case .float(let number, _): number.isFinite ? .double(number) : .string("\(number)")
        case .bool(let flag): .bool(flag)
        case .string(let text): .string(text)
        case .array(let array): .integer(array.count)
        }
    }
}
