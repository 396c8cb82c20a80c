import RedrafterCore

/// Writes a GGUF file of version 3: metadata and tensor infos first, then the bytes of each tensor in the order it
/// was declared.
///
///     let writer = try GGUFWriter(path: "model.gguf")
///     try writer.set("general.architecture", .string("llama"))
///     try writer.declare("token_embd.weight", type: .f32, shape: [256, 64])
///     try writer.append(bytes)          // any number of pieces
///     try writer.finish()
///
/// The destination appears complete or not at all; see `AtomicFile`. Mistakes of the caller (a wrong number of bytes,
/// a key twice) throw, since a conversion takes both from a file.
public final class GGUFWriter {
    /// A metadata value to write.
    public enum Value: Sendable {
        /// A value read from another file, of any type.
        case stored(GGUFValue)
        /// An array of strings.
        case strings([ByteSlice])
        /// An array of integers of the given type.
        case integers(GGUFValueType, [Int])
        /// An array of f32.
        case floats([Float])
        /// An array of f64.
        case doubles([Double])
        /// An array of bools.
        case bools([Bool])

        /// A u32.
        public static func uint32(_ value: UInt32) -> Value { .stored(.unsigned(UInt64(value), .uint32)) }
        /// A size as a u32.
        public static func size(_ value: Int) -> Value { .uint32(UInt32(clamping: value)) }
        /// An f32.
        public static func float(_ value: Float) -> Value { .stored(.float(Double(value), .float32)) }
        /// A bool.
        public static func bool(_ value: Bool) -> Value { .stored(.bool(value)) }
        /// A string.
        public static func string(_ value: String) -> Value { .stored(.string(ByteSlice(value))) }
    }

    /// The destination.
    public let path: String
    private let alignment: Int
    private var pairs = [(key: String, value: Value)]()
    private var keys = Set<String>()
    private var declared = [Declared]()
    private var names = Set<String>()
    private var file: AtomicFile?
    private var current = 0  // index into declared of the tensor being written
    private var written = 0  // bytes of it

    private struct Declared {
        var name: String
        var type: GGUFTensorType
        var shape: [Int]
        var byteCount: Int
        var offset: Int
    }

    /// A writer to `path`; nothing is created before the first bytes.
    /// - Parameters:
    ///   - path: the file that is to appear, or be replaced.
    ///   - alignment: of tensor data: a power of two, 32 unless there is a reason.
    public init(path: String, alignment: Int = 32) throws(FormatError) {
        guard alignment.nonzeroBitCount == 1, alignment > 0, alignment <= 65_536 else {
            throw .invalid(
                file: path, field: "general.alignment", expected: "a power of two from 1 to 65536",
                got: "\(alignment)", offset: nil)
        }
        self.path = path
        self.alignment = alignment
        if alignment != 32 { try set("general.alignment", .uint32(UInt32(alignment))) }
    }

    /// Adds a key and its value. - Throws: `FormatError.duplicate`, `.invalid` for keys no reader takes.
    public func set(_ key: String, _ value: Value) throws(FormatError) {
        precondition(file == nil, "metadata after the first tensor bytes")
        guard !key.isEmpty, key.utf8.count <= 65_535 else {
            throw .invalid(
                file: path, field: "a key", expected: "1 to 65535", got: "\(key.utf8.count) bytes",
                offset: nil)
        }
        guard keys.insert(key).inserted else {
            throw .duplicate(file: path, what: "key", name: key, offset: nil)
        }
        if case .integers(let type, let values) = value {
            guard let culprit = values.first(where: { Self.bytes($0, type) == nil }) else {
                pairs.append((key, value))
                return
            }
            throw .invalid(
                file: path, field: key, expected: "a number that fits \(type.name)", got: "\(culprit)",
                offset: nil)
        }
        pairs.append((key, value))
    }

    /// Declares the next tensor.
    /// - Parameters:
    ///   - name: unique in the file.
    ///   - type: of its elements.
    ///   - shape: dimensions, slowest first.
    /// - Throws: `FormatError` for shapes and names that no reader takes.
    public func declare(_ name: String, type: WeightType, shape: [Int]) throws(FormatError) {
        try declare(name, type: GGUFTensorType(type), shape: shape)
    }

    /// Declares the next tensor, of any type of ggml.
    public func declare(_ name: String, type: GGUFTensorType, shape: [Int]) throws(FormatError) {
        precondition(file == nil, "a tensor declared after the first tensor bytes")
        let quoted = "tensor \"\(name)\""
        guard (1...63).contains(name.utf8.count) else {
            throw .invalid(
                file: path, field: "the name of \(quoted)", expected: "1 to 63",
                got: "\(name.utf8.count) bytes", offset: nil)
        }
        guard names.insert(name).inserted else {
            throw .duplicate(file: path, what: "tensor", name: name, offset: nil)
        }
        guard (1...4).contains(shape.count), shape.allSatisfy({ $0 > 0 }), let columns = shape.last,
            columns % type.blockLength == 0
        else {
            throw .invalid(
                file: path, field: "the shape of \(quoted)",
                expected:
                    "1 to 4 positive dimensions, rows a multiple of \(type.blockLength) for \(type.name)",
                got: "\(shape)", offset: nil)
        }
        let size =
            CheckedSize(product: shape.dropLast())
            * (CheckedSize(columns / type.blockLength) * type.blockBytes)
        let offset = declared.last.map { (CheckedSize($0.offset) + $0.byteCount).aligned(to: alignment) }
        guard let byteCount = size.value, let start = (offset ?? CheckedSize(0)).value else {
            throw .overflow(file: path, what: quoted, got: "\(shape) of \(type.name)", offset: nil)
        }
        declared.append(Declared(name: name, type: type, shape: shape, byteCount: byteCount, offset: start))
    }

    /// Appends bytes of the tensor that is due; a piece never spans two tensors.
    /// - Throws: `FormatError.invalid` for more bytes than declared, and what `AtomicFile` throws.
    public func append(_ bytes: UnsafeRawBufferPointer) throws(FormatError) {
        let file = try open()
        guard current < declared.count, bytes.count <= declared[current].byteCount - written else {
            let due = current < declared.count ? declared[current].byteCount - written : 0
            throw .invalid(
                file: path, field: "the data of tensor \(current)", expected: "at most \(due)",
                got: "\(bytes.count) bytes", offset: nil)
        }
        try file.write(bytes)
        written += bytes.count
        if written == declared[current].byteCount {
            current += 1
            written = 0
            try pad(file)
        }
    }

    /// The same for an array.
    public func append(_ bytes: [UInt8]) throws(FormatError) {
        try bytes.withUnsafeBufferPointer { (raw) throws(FormatError) in
            try append(UnsafeRawBufferPointer(raw))
        }
    }

    /// Completes the file and gives it its name.
    /// - Throws: `FormatError.missingField` when data of a tensor is missing, and what `AtomicFile` throws.
    public func finish() throws(FormatError) {
        let file = try open()
        guard current == declared.count else {
            throw .missingField(
                file: path, field: "the data of tensor \"\(declared[current].name)\"",
                expected: "\(declared[current].byteCount - written) more bytes")
        }
        try file.commit()
    }

    private func open() throws(FormatError) -> AtomicFile {
        if let file { return file }
        let header = header()
        let total = declared.last.map { CheckedSize(header.count) + $0.offset + $0.byteCount }
        let file = try AtomicFile(path: path, expectedBytes: (total ?? CheckedSize(header.count)).value)
        try file.write(header)
        self.file = file
        if !declared.isEmpty { try pad(file) }
        return file
    }

    private func pad(_ file: AtomicFile) throws(FormatError) {
        let surplus = file.count % alignment
        if surplus > 0 { try file.write([UInt8](repeating: 0, count: alignment - surplus)) }
    }

    // MARK: Header

    private func header() -> [UInt8] {
        var output = [UInt8]("GGUF".utf8)
        Self.put(UInt32(3), &output)
        Self.put(UInt64(declared.count), &output)
        Self.put(UInt64(pairs.count), &output)
        for (key, value) in pairs {
            Self.put(string: key.utf8, &output)
            Self.put(value, &output)
        }
        for tensor in declared {
            Self.put(string: tensor.name.utf8, &output)
            Self.put(UInt32(tensor.shape.count), &output)
            for extent in tensor.shape.reversed() { Self.put(UInt64(extent), &output) }
            Self.put(tensor.type.id, &output)
            Self.put(UInt64(tensor.offset), &output)
        }
        return output
    }

    private static func put(_ value: some FixedWidthInteger, _ output: inout [UInt8]) {
        withUnsafeBytes(of: value.littleEndian) { output.append(contentsOf: $0) }
    }

    private static func put(string: some Collection<UInt8>, _ output: inout [UInt8]) {
        put(UInt64(string.count), &output)
        output.append(contentsOf: string)
    }

    private static func put(_ value: Value, _ output: inout [UInt8]) {
        func array(_ type: GGUFValueType, _ count: Int) {
            put(GGUFValueType.array.rawValue, &output)
            put(type.rawValue, &output)
            put(UInt64(count), &output)
        }
        switch value {
        case .stored(.array(let elements)):
            array(elements.elementType, elements.count)
            for index in 0..<elements.count { put(scalar: elements[index], &output) }
        case .stored(let scalar):
            put(scalar.type.rawValue, &output)
            put(scalar: scalar, &output)
        case .strings(let strings):
            array(.string, strings.count)
            for string in strings { put(scalar: .string(string), &output) }
        case .integers(let type, let values):
            array(type, values.count)
            for value in values { output.append(contentsOf: bytes(value, type) ?? []) }
        case .floats(let values):
            array(.float32, values.count)
            for value in values { put(value.bitPattern, &output) }
        case .doubles(let values):
            array(.float64, values.count)
            for value in values { put(value.bitPattern, &output) }
        case .bools(let values):
            array(.bool, values.count)
            for value in values { put(UInt8(value ? 1 : 0), &output) }
        }
    }

    private static func put(scalar: GGUFValue, _ output: inout [UInt8]) {
        switch scalar {
        case .unsigned(let value, let type):
            let count = type.byteCount ?? 8
            withUnsafeBytes(of: value.littleEndian) { output.append(contentsOf: $0.prefix(count)) }
        case .signed(let value, let type):
            let count = type.byteCount ?? 8
            withUnsafeBytes(of: value.littleEndian) { output.append(contentsOf: $0.prefix(count)) }
        case .float(let value, .float32): put(Float(value).bitPattern, &output)
        case .float(let value, _): put(value.bitPattern, &output)
        case .bool(let value): put(UInt8(value ? 1 : 0), &output)
        case .string(let value):
            put(UInt64(value.count), &output)
            value.withBytes { output.append(contentsOf: $0) }
        case .array: preconditionFailure("an array inside an array")
        }
    }

    /// An integer as stored; nil when it does not fit the type or the type is none of integers.
    private static func bytes(_ value: Int, _ type: GGUFValueType) -> [UInt8]? {
        func encode<Integer: FixedWidthInteger>(_: Integer.Type) -> [UInt8]? {
            guard let exact = Integer(exactly: value) else { return nil }
            var output = [UInt8]()
            put(exact, &output)
            return output
        }
        return switch type {
        case .uint8: encode(UInt8.self)
        case .int8: encode(Int8.self)
        case .uint16: encode(UInt16.self)
        case .int16: encode(Int16.self)
        case .uint32: encode(UInt32.self)
        case .int32: encode(Int32.self)
        case .uint64: encode(UInt64.self)
        case .int64: encode(Int64.self)
        default: nil
        }
    }
}
