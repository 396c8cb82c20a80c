import RedrafterCore

/// A GGUF file of version 2 or 3, mapped into memory and checked from end to end before anything is used.
///
/// Layout: magic, version, tensor count, metadata count, metadata, tensor records, padding, tensor data.
public struct GGUFFile: TensorSource {
    public let file: MappedFile
    public let version: Int
    public let metadata: GGUFMetadata
    public let tensors: [TensorView]
    /// Tensors of types that can be listed but not computed with: name and type.
    public let unsupportedTensors: [String: String]
    /// What is odd but harmless.
    public let warnings: [String]
    /// Every tensor begins at a multiple of this, counted from the start of the data.
    public let alignment: Int
    private let index: [String: Int]

    public var path: String { file.path }

    public func tensor(named name: String) -> TensorView? { index[name].map { tensors[$0] } }

    /// - Throws: `FormatError`, naming the first field that is wrong and its offset.
    public init(path: String) throws(FormatError) { try self.init(file: try MappedFile(path: path)) }

    public init(file: MappedFile) throws(FormatError) {
        try Self.checkMagic(file)
        var cursor = ByteCursor(file: file, offset: 4)
        version = try Self.readVersion(&cursor)
        let tensorCount = try Self.readCount(&cursor, "tensor count", recordBytes: 24)
        let entryCount = try Self.readCount(&cursor, "metadata count", recordBytes: 13)
        let metadata = GGUFMetadata(file: file, entries: try Self.readEntries(&cursor, count: entryCount))
        let alignment = try Self.readAlignment(metadata)
        let records = try Self.readRecords(&cursor, count: tensorCount)

        let dataStart = CheckedSize(cursor.offset).aligned(to: alignment)
        var expected = CheckedSize(0)
        var tensors = [TensorView]()
        var unsupported = [String: String]()
        for record in records {
            guard let size = record.byteCount.value, let begin = expected.value else {
                throw cursor.invalid(
                    "tensor \(record.shownName)", expected: "a size in bytes that fits 63 bits", got: "one whose size overflows",
                    at: record.recordOffset)
            }
            guard record.dataOffset == UInt64(begin) else {
                throw cursor.invalid(
                    "tensor \(record.shownName) data offset", expected: "\(begin) (tensors lie one after the other, aligned to \(alignment))",
                    got: "\(record.dataOffset)", at: record.recordOffset)
            }
            guard let end = (dataStart + begin + size).value, end <= file.bytes.count else {
                let range = (dataStart + begin).value.map { first in
                    "bytes \(first)…\((dataStart + begin + size).value.map(String.init) ?? "2^63")"
                }
                throw cursor.invalid(
                    "tensor \(record.shownName)", expected: "\(range ?? "a size that fits"): the file is truncated or damaged",
                    got: "a file of \(file.bytes.count) bytes", at: record.recordOffset)
            }
            expected = (expected + size).aligned(to: alignment)
            if let type = WeightType(rawValue: record.typeID) {
                tensors.append(
                    TensorView(
                        name: record.name, type: type, shape: record.dimensions.reversed(), file: file,
                        offset: end - size, byteCount: size))
            } else {
                unsupported[record.name] = GGUFTensorType.name(record.typeID)
            }
        }
        var warnings = [String]()
        let dataEnd = (dataStart + expected).value ?? file.bytes.count
        if file.bytes.count > dataEnd {
            warnings.append("\(file.bytes.count - dataEnd) bytes after the last tensor are ignored")
        }
        self.file = file
        self.metadata = metadata
        self.tensors = tensors
        self.unsupportedTensors = unsupported
        self.warnings = warnings
        self.alignment = alignment
        index = Dictionary(uniqueKeysWithValues: tensors.enumerated().map { ($1.name, $0) })
    }

    // MARK: - Header

    private static func checkMagic(_ file: MappedFile) throws(FormatError) {
        let bytes = file.bytes
        if bytes.count >= 4, bytes[0..<4].elementsEqual("GGUF".utf8) {
            guard bytes.count >= 24 else {
                throw .invalid(
                    file: file.path, field: "truncated header", expected: "24 bytes", got: "\(bytes.count) bytes", offset: 0)
            }
            return
        }
        guard bytes.count >= 4 else {
            throw .invalid(
                file: file.path, field: "truncated header", expected: "24 bytes", got: "\(bytes.count) bytes", offset: 0)
        }
        throw .invalid(
            file: file.path, field: "not a GGUF file: magic", expected: "\"GGUF\"",
            got: "\(ForeignFormat.describe(bytes)); download the file again or pass a GGUF file", offset: 0)
    }

    private static func readVersion(_ cursor: inout ByteCursor) throws(FormatError) -> Int {
        let version = try cursor.integer(UInt32.self, "version")
        switch version {
        case 2, 3: return Int(version)
        case 0: throw cursor.invalid("version", expected: "2 or 3", got: "0, which no writer uses", at: 4)
        case 1:
            throw cursor.invalid("version", expected: "2 or 3", got: "1 (32-bit counts); convert the model anew", at: 4)
        default:
            let isSwapped = version.byteSwapped >= 1 && version.byteSwapped <= 3
            throw cursor.invalid(
                "version", expected: "2 or 3",
                got: isSwapped
                    ? "0x\(String(version, radix: 16)), a big-endian file; convert it to little-endian"
                    : "\(version), newer than this program", at: 4)
        }
    }

    private static func readCount(
        _ cursor: inout ByteCursor, _ field: String, recordBytes: Int
    ) throws(FormatError) -> Int {
        let at = cursor.offset
        let count = try cursor.integer(UInt64.self, field)
        let most = cursor.remaining / recordBytes
        guard let value = Int(exactly: count), value <= most else {
            throw cursor.invalid(
                field, expected: "at most \(most)",
                got: "\(count): declares \(count) records but only \(cursor.remaining) bytes remain", at: at)
        }
        return value
    }

    // MARK: - Metadata

    private static func readEntries(_ cursor: inout ByteCursor, count: Int) throws(FormatError) -> [GGUFEntry] {
        var entries = [GGUFEntry]()
        var seen = Set<String>()
        for number in 0..<count {
            let at = cursor.offset
            let keyRange = try cursor.string("metadata key \(number)")
            guard !keyRange.isEmpty, keyRange.count <= 65_535 else {
                throw cursor.invalid("metadata key \(number)", expected: "1 to 65535 bytes", got: "\(keyRange.count)", at: at)
            }
            let key = String(decoding: cursor.file.bytes[keyRange], as: UTF8.self)
            let shown = TerminalText.escaped(key)
            guard seen.insert(key).inserted else {
                throw cursor.invalid("metadata key \(shown)", expected: "each key once", got: "a duplicate", at: at)
            }
            let type = try readType(&cursor, "type of \(shown)")
            entries.append(try readValue(&cursor, key: key, shown: shown, type: type))
        }
        return entries
    }

    private static func readType(_ cursor: inout ByteCursor, _ field: String) throws(FormatError) -> GGUFValueType {
        let at = cursor.offset
        let raw = try cursor.integer(UInt32.self, field)
        guard let type = GGUFValueType(rawValue: raw) else {
            throw cursor.invalid(field, expected: "a value type from 0 to 12", got: "\(raw)", at: at)
        }
        return type
    }

    private static func readValue(
        _ cursor: inout ByteCursor, key: String, shown: String, type: GGUFValueType
    ) throws(FormatError) -> GGUFEntry {
        if let size = type.fixedBytes {
            let at = try cursor.skip(CheckedSize(size), shown)
            if type == .bool, cursor.file.bytes[at] > 1 {
                throw cursor.invalid(shown, expected: "a bool of 0 or 1", got: "\(cursor.file.bytes[at])", at: at)
            }
            return GGUFEntry(
                key: key, type: type, elementType: nil, count: 1, range: at..<at + size, stringOffsets: [])
        }
        if type == .string {
            let range = try cursor.string(shown)
            return GGUFEntry(key: key, type: type, elementType: nil, count: 1, range: range, stringOffsets: [])
        }
        let elementType = try readType(&cursor, "element type of \(shown)")
        guard elementType != .array else {
            throw cursor.invalid("element type of \(shown)", expected: "no nested arrays", got: "array")
        }
        let count = try readCount(
            &cursor, "array count of \(shown)", recordBytes: elementType.fixedBytes ?? 8)
        let start = cursor.offset
        var offsets = ContiguousArray<Int>()
        if let size = elementType.fixedBytes {
            _ = try cursor.skip(CheckedSize(count) * size, shown)
            if elementType == .bool, let bad = cursor.file.bytes[start..<cursor.offset].first(where: { $0 > 1 }) {
                throw cursor.invalid(shown, expected: "bools of 0 or 1", got: "\(bad)", at: start)
            }
        } else {
            offsets.reserveCapacity(count)
            for number in 0..<count {
                offsets.append(cursor.offset)
                _ = try cursor.string("\(shown)[\(number)]")
            }
        }
        return GGUFEntry(
            key: key, type: type, elementType: elementType, count: count, range: start..<cursor.offset,
            stringOffsets: offsets)
    }

    private static func readAlignment(_ metadata: GGUFMetadata) throws(FormatError) -> Int {
        let key = "general.alignment"
        guard let entry = metadata.entries.first(where: { $0.key == key }) else { return 32 }
        let value = entry.type == .uint32 ? metadata.integerValue(entry.type, at: entry.range.lowerBound) : nil
        guard let value, value > 0, value <= 65_536, value.nonzeroBitCount == 1 else {
            throw .invalid(
                file: metadata.file.path, field: key, expected: "a uint32 power of two up to 65536",
                got: value.map(String.init) ?? entry.type.name, offset: entry.range.lowerBound)
        }
        return value
    }

    // MARK: - Tensor records

    private struct Record {
        var name: String
        var shownName: String
        var recordOffset: Int
        var dimensions: [Int]  // fastest first, as stored
        var typeID: UInt32
        var byteCount: CheckedSize
        var dataOffset: UInt64
    }

    private static func readRecords(_ cursor: inout ByteCursor, count: Int) throws(FormatError) -> [Record] {
        var records = [Record]()
        var seen = Set<String>()
        for number in 0..<count {
            let at = cursor.offset
            let nameRange = try cursor.string("name of tensor \(number)")
            guard !nameRange.isEmpty, nameRange.count < 64 else {
                throw cursor.invalid("name of tensor \(number)", expected: "1 to 63 bytes", got: "\(nameRange.count)", at: at)
            }
            let name = String(decoding: cursor.file.bytes[nameRange], as: UTF8.self)
            let shown = "\"\(TerminalText.escaped(name))\""
            guard seen.insert(name).inserted else {
                throw cursor.invalid("tensor \(shown)", expected: "each tensor once", got: "a duplicate", at: at)
            }
            let dimensionsAt = cursor.offset
            let dimensionCount = try cursor.integer(UInt32.self, "dimensions of tensor \(shown)")
            guard (1...4).contains(dimensionCount) else {
                throw cursor.invalid(
                    "dimensions of tensor \(shown)", expected: "1 to 4", got: "\(dimensionCount)", at: dimensionsAt)
            }
            var dimensions = [Int]()
            for axis in 0..<dimensionCount {
                let here = cursor.offset
                let value = try cursor.integer(UInt64.self, "dimension \(axis) of tensor \(shown)")
                guard let size = Int(exactly: value), size > 0 else {
                    throw cursor.invalid(
                        "dimension \(axis) of tensor \(shown)", expected: "1 to 2^63 − 1", got: "\(Int64(bitPattern: value))",
                        at: here)
                }
                dimensions.append(size)
            }
            let typeAt = cursor.offset
            let typeID = try cursor.integer(UInt32.self, "type of tensor \(shown)")
            guard let geometry = GGUFTensorType.geometry(typeID) else {
                throw cursor.invalid(
                    "type of tensor \(shown)", expected: "a known tensor type", got: GGUFTensorType.name(typeID), at: typeAt)
            }
            guard dimensions[0] % geometry.block == 0 else {
                throw cursor.invalid(
                    "tensor \(shown)", expected: "rows of a multiple of \(geometry.block) elements (\(GGUFTensorType.name(typeID)))",
                    got: "\(dimensions[0])", at: dimensionsAt)
            }
            let elements = CheckedSize(product: dimensions)
            let bytes =
                elements.value == nil
                ? elements
                : CheckedSize(dimensions[0] / geometry.block) * geometry.bytes
                    * CheckedSize(product: dimensions.dropFirst())
            let dataOffset = try cursor.integer(UInt64.self, "data offset of tensor \(shown)")
            records.append(
                Record(
                    name: name, shownName: shown, recordOffset: at, dimensions: dimensions, typeID: typeID,
                    byteCount: bytes, dataOffset: dataOffset))
        }
        return records
    }
}
