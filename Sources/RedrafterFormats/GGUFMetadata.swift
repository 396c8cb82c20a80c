import RedrafterCore

/// The type of a metadata value, with GGUF's own numbers.
public enum GGUFValueType: UInt32, Sendable {
    case uint8 = 0
    case int8, uint16, int16, uint32, int32, float32, bool, string, array, uint64, int64, float64

    /// Bytes of one value; nil for strings and arrays, whose length is in the file.
    var fixedBytes: Int? {
        switch self {
        case .uint8, .int8, .bool: 1
        case .uint16, .int16: 2
        case .uint32, .int32, .float32: 4
        case .uint64, .int64, .float64: 8
        case .string, .array: nil
        }
    }

    public var name: String { String(describing: self) }
}

/// Where a metadata value lies in the file; read when it is asked for.
struct GGUFEntry: Sendable {
    let key: String
    let type: GGUFValueType
    /// Of the elements, where `type` is an array.
    let elementType: GGUFValueType?
    let count: Int
    /// Bytes of the value; for an array, of its elements.
    let range: Range<Int>
    /// Where each string of a string array begins, length field included.
    let stringOffsets: ContiguousArray<Int>
}

/// Byte strings that lie one after the other in a mapped file: a vocabulary, merges.
public struct GGUFStringArray: RandomAccessCollection, Sendable {
    let file: MappedFile
    let offsets: ContiguousArray<Int>

    public var startIndex: Int { 0 }
    public var endIndex: Int { offsets.count }

    public subscript(index: Int) -> UnsafeRawBufferPointer {
        let at = offsets[index]
        let length = file.bytes.loadUnaligned(fromByteOffset: at, as: UInt64.self)
        return UnsafeRawBufferPointer(rebasing: file.bytes[(at + 8)..<(at + 8 + Int(UInt64(littleEndian: length)))])
    }
}

/// The key/value pairs of a GGUF file, in file order.
///
/// Getters return nil for a missing key and throw where a key is there with another type than asked for.
public struct GGUFMetadata: Sendable {
    let file: MappedFile
    let entries: [GGUFEntry]
    private let index: [String: Int]

    init(file: MappedFile, entries: [GGUFEntry]) {
        self.file = file
        self.entries = entries
        index = Dictionary(entries.enumerated().map { ($1.key, $0) }, uniquingKeysWith: { first, _ in first })
    }

    public var keys: [String] { entries.map(\.key) }

    public func contains(_ key: String) -> Bool { index[key] != nil }

    /// An integer of any width that fits `Int`.
    public func integer(_ key: String) throws(FormatError) -> Int? {
        guard let entry = entry(key) else { return nil }
        guard let value = integerValue(entry.type, at: entry.range.lowerBound) else {
            throw wrongType(entry, expected: "an integer")
        }
        return value
    }

    public func float(_ key: String) throws(FormatError) -> Double? {
        guard let entry = entry(key) else { return nil }
        guard let value = floatValue(entry.type, at: entry.range.lowerBound) else {
            throw wrongType(entry, expected: "a floating-point number")
        }
        return value
    }

    public func bool(_ key: String) throws(FormatError) -> Bool? {
        guard let entry = entry(key) else { return nil }
        guard entry.type == .bool else { throw wrongType(entry, expected: "bool") }
        return file.bytes[entry.range.lowerBound] != 0
    }

    /// The bytes of a string; they need not be UTF-8.
    public func bytes(_ key: String) throws(FormatError) -> UnsafeRawBufferPointer? {
        guard let entry = entry(key) else { return nil }
        guard entry.type == .string else { throw wrongType(entry, expected: "string") }
        return UnsafeRawBufferPointer(rebasing: file.bytes[entry.range])
    }

    /// A string; what is no UTF-8 becomes U+FFFD.
    public func string(_ key: String) throws(FormatError) -> String? {
        try bytes(key).map { String(decoding: $0, as: UTF8.self) }
    }

    public func stringArray(_ key: String) throws(FormatError) -> GGUFStringArray? {
        guard let entry = entry(key) else { return nil }
        guard entry.type == .array, entry.elementType == .string else {
            throw wrongType(entry, expected: "an array of strings")
        }
        return GGUFStringArray(file: file, offsets: entry.stringOffsets)
    }

    public func integerArray(_ key: String) throws(FormatError) -> [Int]? {
        try array(key, expected: "an array of integers", integerValue)
    }

    public func floatArray(_ key: String) throws(FormatError) -> [Float]? {
        try array(key, expected: "an array of floating-point numbers") { type, offset in
            floatValue(type, at: offset).map { Float($0) }
        }
    }

    /// Elements of an array, or nil for other values.
    public func arrayCount(_ key: String) -> Int? {
        entry(key).flatMap { $0.type == .array ? $0.count : nil }
    }

    private func entry(_ key: String) -> GGUFEntry? { index[key].map { entries[$0] } }

    private func array<Value>(
        _ key: String, expected: String, _ read: (GGUFValueType, Int) -> Value?
    ) throws(FormatError) -> [Value]? {
        guard let entry = entry(key) else { return nil }
        guard entry.type == .array, let type = entry.elementType, let size = type.fixedBytes else {
            throw wrongType(entry, expected: expected)
        }
        var result = [Value]()
        result.reserveCapacity(entry.count)
        for offset in stride(from: entry.range.lowerBound, to: entry.range.upperBound, by: size) {
            guard let value = read(type, offset) else { throw wrongType(entry, expected: expected) }
            result.append(value)
        }
        return result
    }

    private func wrongType(_ entry: GGUFEntry, expected: String) -> FormatError {
        .invalid(
            file: file.path, field: TerminalText.escaped(entry.key), expected: expected,
            got: entry.type.name + (entry.elementType.map { " of \($0.name)" } ?? ""), offset: entry.range.lowerBound)
    }

    func integerValue(_ type: GGUFValueType, at offset: Int) -> Int? {
        func load<Value: FixedWidthInteger>(_: Value.Type) -> Int? {
            Int(exactly: Value(littleEndian: file.bytes.loadUnaligned(fromByteOffset: offset, as: Value.self)))
        }
        switch type {
        case .uint8: return load(UInt8.self)
        case .int8: return load(Int8.self)
        case .uint16: return load(UInt16.self)
        case .int16: return load(Int16.self)
        case .uint32: return load(UInt32.self)
        case .int32: return load(Int32.self)
        case .uint64: return load(UInt64.self)
        case .int64: return load(Int64.self)
        case .float32, .float64, .bool, .string, .array: return nil
        }
    }

    func floatValue(_ type: GGUFValueType, at offset: Int) -> Double? {
        switch type {
        case .float32:
            Double(Float(bitPattern: UInt32(littleEndian: file.bytes.loadUnaligned(fromByteOffset: offset, as: UInt32.self))))
        case .float64:
            Double(bitPattern: UInt64(littleEndian: file.bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self)))
        default: nil
        }
    }
}
