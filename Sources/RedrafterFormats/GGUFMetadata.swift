import RedrafterCore

/// A metadata value, with its type as stored.
public enum GGUFValue: Sendable {
    /// u8, u16, u32 or u64.
    case unsigned(UInt64, GGUFValueType)
    /// i8, i16, i32 or i64.
    case signed(Int64, GGUFValueType)
    /// f32 or f64.
    case float(Double, GGUFValueType)
    /// One byte, 0 or 1.
    case bool(Bool)
    /// Bytes that should be UTF-8 but need not be.
    case string(ByteSlice)
    /// Any number of values of one type.
    case array(GGUFArray)

    /// The type as stored.
    public var type: GGUFValueType {
        switch self {
        case .unsigned(_, let type), .signed(_, let type), .float(_, let type): type
        case .bool: .bool
        case .string: .string
        case .array: .array
        }
    }

    /// The value if it is an integer of any width that fits `Int`.
    public var integer: Int? {
        switch self {
        case .unsigned(let value, _): Int(exactly: value)
        case .signed(let value, _): Int(exactly: value)
        default: nil
        }
    }

    /// The value if it is a finite number (integers count).
    public var number: Double? {
        switch self {
        case .unsigned(let value, _): Double(value)
        case .signed(let value, _): Double(value)
        case .float(let value, _): value.isFinite ? value : nil
        default: nil
        }
    }

    /// Type and value in a few words, for errors and reports; escaped.
    public var summary: String {
        switch self {
        case .unsigned(let value, let type): "\(type.name) \(value)"
        case .signed(let value, let type): "\(type.name) \(value)"
        case .float(let value, let type): "\(type.name) \(value)"
        case .bool(let value): "bool \(value)"
        case .string(let value): "str \"\(value.escaped(limit: 60))\""
        case .array(let value): "arr of \(value.count) \(value.elementType.name)"
        }
    }
}

/// An array of metadata, left in the file.
public struct GGUFArray: Sendable {
    /// The type of every element; never `array`.
    public let elementType: GGUFValueType
    /// Number of elements.
    public let count: Int
    let file: MappedFile
    /// The first element for numbers.
    let offset: Int
    /// Where the length of each string stands; empty for other types. `[count]`
    let stringOffsets: [Int]

    /// The strings, if it is an array of strings.
    public var strings: GGUFStringArray? {
        elementType == .string ? GGUFStringArray(file: file, offsets: stringOffsets) : nil
    }

    /// The element at `index` (in range).
    public subscript(index: Int) -> GGUFValue {
        precondition(index >= 0 && index < count, "element \(index) of \(count)")
        let bytes = file.bytes
        func load<Integer: FixedWidthInteger>(_: Integer.Type) -> Integer {
            let position = offset + index * MemoryLayout<Integer>.size
            return Integer(littleEndian: bytes.loadUnaligned(fromByteOffset: position, as: Integer.self))
        }
        return switch elementType {
        case .uint8: .unsigned(UInt64(load(UInt8.self)), .uint8)
        case .int8: .signed(Int64(load(Int8.self)), .int8)
        case .uint16: .unsigned(UInt64(load(UInt16.self)), .uint16)
        case .int16: .signed(Int64(load(Int16.self)), .int16)
        case .uint32: .unsigned(UInt64(load(UInt32.self)), .uint32)
        case .int32: .signed(Int64(load(Int32.self)), .int32)
        case .uint64: .unsigned(load(UInt64.self), .uint64)
        case .int64: .signed(load(Int64.self), .int64)
        case .float32: .float(Double(Float(bitPattern: load(UInt32.self))), .float32)
        case .float64: .float(Double(bitPattern: load(UInt64.self)), .float64)
        case .bool: .bool(load(UInt8.self) != 0)
        case .string: .string(GGUFStringArray(file: file, offsets: stringOffsets).slice(index))
        case .array: preconditionFailure("arrays of arrays do not pass the reader")
        }
    }

    /// All elements as integers; nil when they are of another type or one does not fit `Int`.
    public var integers: [Int]? {
        var result = [Int]()
        guard elementType.byteCount != nil, elementType != .bool else { return nil }
        result.reserveCapacity(count)
        for index in 0..<count {
            guard let value = self[index].integer else { return nil }
            result.append(value)
        }
        return result
    }

    /// All elements as floats (infinities and NaN as they are); nil for other types.
    public var floats: [Float]? {
        guard elementType == .float32 || elementType == .float64 else { return nil }
        var result = [Float]()
        result.reserveCapacity(count)
        for index in 0..<count {
            if case .float(let value, _) = self[index] { result.append(Float(value)) }
        }
        return result
    }
}

/// The strings of a metadata array, a vocabulary or merges: nothing is copied, nothing decoded.
///
/// Elements are bare pointers into the mapping, for speed; they are valid as long as the array or the file lives.
/// `slice` gives one that keeps the mapping alive.
public struct GGUFStringArray: RandomAccessCollection, Sendable {
    let file: MappedFile
    let offsets: [Int]

    public var startIndex: Int { 0 }
    public var endIndex: Int { offsets.count }

    /// The element as a slice that keeps the mapping alive.
    public func slice(_ index: Int) -> ByteSlice { ByteSlice(owner: file, bytes: self[index]) }

    public subscript(index: Int) -> UnsafeRawBufferPointer {
        let offset = offsets[index]
        let length = UInt64(littleEndian: file.bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
        // The reader has checked that the string lies inside the file.
        return file.bytes(at: offset + 8, count: Int(truncatingIfNeeded: length))
    }
}

/// The key/value pairs of a GGUF file in file order.
public struct GGUFMetadata: Sendable {
    /// One pair and where it stands.
    public struct Entry: Sendable {
        /// The key; printable UTF-8.
        public let key: String
        /// The value.
        public let value: GGUFValue
        /// Offset of the key in the file.
        public let offset: Int
    }

    /// Path shown in errors.
    public let path: String
    /// All pairs in file order; keys are unique.
    public let entries: [Entry]
    /// By the bytes of the key.
    private let index: [ByteSlice: Int]

    init(path: String, entries: [Entry], index: [ByteSlice: Int]) {
        self.path = path
        self.entries = entries
        self.index = index
    }

    /// All keys in file order.
    public var keys: [String] { entries.map(\.key) }

    /// Whether the key is there.
    public func contains(_ key: String) -> Bool { index[ByteSlice(key)] != nil }

    /// The value of a key, of whatever type.
    public subscript(key: String) -> GGUFValue? { index[ByteSlice(key)].map { entries[$0].value } }

    /// An integer of any width; nil when the key is absent.
    /// - Throws: `FormatError.invalid` when the value is no integer or does not fit `Int`.
    public func integer(_ key: String) throws(FormatError) -> Int? {
        try get(key, expected: "an integer") { $0.integer }
    }

    /// A finite number; nil when the key is absent. - Throws: `FormatError.invalid` for anything else.
    public func float(_ key: String) throws(FormatError) -> Double? {
        try get(key, expected: "a finite number") { $0.number }
    }

    /// A truth value; nil when the key is absent. - Throws: `FormatError.invalid` for anything else.
    public func bool(_ key: String) throws(FormatError) -> Bool? {
        try get(key, expected: "a bool") { if case .bool(let value) = $0 { value } else { nil } }
    }

    /// A string's bytes, which need not be UTF-8; nil when the key is absent. - Throws: `FormatError.invalid`.
    public func slice(_ key: String) throws(FormatError) -> ByteSlice? {
        try get(key, expected: "a string") { if case .string(let value) = $0 { value } else { nil } }
    }

    /// The same as a pointer into the mapping, valid as long as the file lives.
    public func bytes(_ key: String) throws(FormatError) -> UnsafeRawBufferPointer? {
        try slice(key)?.unownedBytes
    }

    /// A string, where what is no UTF-8 becomes U+FFFD; nil when the key is absent. - Throws: `FormatError.invalid`.
    public func string(_ key: String) throws(FormatError) -> String? {
        try slice(key)?.withBytes { String(decoding: $0, as: UTF8.self) }
    }

    /// An array of strings; nil when the key is absent. - Throws: `FormatError.invalid` for another type.
    public func stringArray(_ key: String) throws(FormatError) -> GGUFStringArray? {
        try get(key, expected: "an array of strings") { Self.array($0)?.strings }
    }

    /// An array of integers of any width; nil when the key is absent. - Throws: `FormatError.invalid`.
    public func integerArray(_ key: String) throws(FormatError) -> [Int]? {
        try get(key, expected: "an array of integers") { Self.array($0)?.integers }
    }

    /// An array of floats; nil when the key is absent. - Throws: `FormatError.invalid`.
    public func floatArray(_ key: String) throws(FormatError) -> [Float]? {
        try get(key, expected: "an array of floats") { Self.array($0)?.floats }
    }

    /// `value`, or the error that the key is missing: `try metadata.required("k", metadata.integer("k"))`.
    public func required<Value>(_ key: String, _ value: Value?, expected: String = "a value")
        throws(FormatError)
        -> Value
    {
        guard let value else { throw .missingField(file: path, field: key, expected: expected) }
        return value
    }

    /// An integer that must be there. - Throws: `FormatError.missingField`, `.invalid`.
    public func size(_ key: String) throws(FormatError) -> Int {
        try required(key, try integer(key), expected: "a size")
    }

    private static func array(_ value: GGUFValue) -> GGUFArray? {
        if case .array(let array) = value { array } else { nil }
    }

    private func get<Value>(
        _ key: String, expected: String, _ convert: (GGUFValue) -> Value?
    ) throws(FormatError) -> Value? {
        guard let position = index[ByteSlice(key)] else { return nil }
        let entry = entries[position]
        guard let value = convert(entry.value) else {
            throw .invalid(
                file: path, field: key, expected: expected, got: entry.value.summary, offset: entry.offset)
        }
        return value
    }
}
