import RedrafterCore

/// Writes a safetensors file: tensors are declared first, then their bytes appended in the same order.
///
/// The header is padded with blanks so that the data begins at a multiple of 8 bytes. The destination appears complete
/// or not at all; see `AtomicFile`.
public final class SafetensorsWriter {
    /// The destination.
    public let path: String
    private let metadata: [(key: String, value: String)]
    private var declared = [(name: String, type: SafetensorsType, shape: [Int], begin: Int, end: Int)]()
    private var names = Set<String>()
    private var file: AtomicFile?
    private var written = 0  // bytes of data
    private let observer: ((UnsafeRawBufferPointer) -> Void)?

    /// A writer to `path`; nothing is created before the first bytes. Keys of `metadata` must be unique.
    /// - Parameters:
    ///   - path: the destination.
    ///   - metadata: texts for the header.
    ///   - observer: sees all bytes of the file in order, the header included: for a digest.
    public init(
        path: String, metadata: [(key: String, value: String)] = [],
        observer: ((UnsafeRawBufferPointer) -> Void)? = nil
    ) {
        self.path = path
        self.metadata = metadata
        self.observer = observer
    }

    /// Declares the next tensor.
    /// - Parameters:
    ///   - name: unique in the file.
    ///   - type: of its elements.
    ///   - shape: dimensions, slowest first.
    /// - Throws: `FormatError.duplicate`, `.invalid`, `.overflow`.
    public func declare(_ name: String, type: SafetensorsType, shape: [Int]) throws(FormatError) {
        precondition(file == nil, "a tensor declared after the first tensor bytes")
        guard name != "__metadata__", names.insert(name).inserted else {
            throw .duplicate(file: path, what: "tensor", name: name, offset: nil)
        }
        let bits = CheckedSize(product: shape) * type.bits
        let begin = declared.last?.end ?? 0
        guard let bits = bits.value, let end = (CheckedSize(begin) + bits / 8).value else {
            throw .overflow(
                file: path, what: "tensor \"\(name)\"", got: "\(shape) of \(type.rawValue)", offset: nil)
        }
        guard bits % 8 == 0 else {
            throw .invalid(
                file: path, field: "the size of tensor \"\(name)\"", expected: "whole bytes",
                got: "\(bits) bits", offset: nil)
        }
        declared.append((name, type, shape, begin, end))
    }

    /// Appends bytes of the data; a piece may span tensors.
    /// - Throws: `FormatError.invalid` for more bytes than declared, and what `AtomicFile` throws.
    public func append(_ bytes: UnsafeRawBufferPointer) throws(FormatError) {
        let file = try open()
        let due = (declared.last?.end ?? 0) - written
        guard bytes.count <= due else {
            throw .invalid(
                file: path, field: "the data", expected: "at most \(due)", got: "\(bytes.count) bytes",
                offset: nil)
        }
        try file.write(bytes)
        observer?(bytes)
        written += bytes.count
    }

    /// The same for an array.
    public func append(_ bytes: [UInt8]) throws(FormatError) {
        try bytes.withUnsafeBufferPointer { (raw) throws(FormatError) in
            try append(UnsafeRawBufferPointer(raw))
        }
    }

    /// Completes the file and gives it its name.
    /// - Throws: `FormatError.missingField` when data is missing, and what `AtomicFile` throws.
    public func finish() throws(FormatError) {
        let file = try open()
        let due = (declared.last?.end ?? 0) - written
        guard due == 0 else {
            throw .missingField(file: path, field: "tensor data", expected: "\(due) more bytes")
        }
        try file.commit()
    }

    private func open() throws(FormatError) -> AtomicFile {
        if let file { return file }
        let header = header()
        let file = try AtomicFile(
            path: path, expectedBytes: (CheckedSize(header.count) + (declared.last?.end ?? 0)).value)
        try file.write(header)
        header.withUnsafeBytes { observer?($0) }
        self.file = file
        return file
    }

    private func header() -> [UInt8] {
        var members = [(ByteSlice, JSONValue)]()
        if !metadata.isEmpty {
            let pairs = metadata.map { (ByteSlice($0.key), JSONValue.string($0.value)) }
            members.append((ByteSlice("__metadata__"), .object(JSONObject(pairs))))
        }
        for tensor in declared {
            let entry = JSONValue.object([
                "dtype": .string(tensor.type.rawValue),
                "shape": .array(tensor.shape.map(JSONValue.integer)),
                "data_offsets": .array([.integer(tensor.begin), .integer(tensor.end)]),
            ])
            members.append((ByteSlice(tensor.name), entry))
        }
        var text = JSONValue.object(JSONObject(members)).encoded()
        text.append(contentsOf: repeatElement(0x20, count: (8 - text.count % 8) % 8))
        return withUnsafeBytes(of: UInt64(text.count).littleEndian) { [UInt8]($0) } + text
    }
}
