import RedrafterCore

/// Reads the sections of a GGUF file in order.
struct GGUFParser {
    struct Header {
        var version: Int
        var tensors: Int
        var pairs: Int
    }

    /// A tensor info as stored, its size computed, its place not yet checked.
    struct Info {
        var name: String
        var type: GGUFTensorType
        var shape: [Int]
        var storedOffset: UInt64
        var byteCount: Int
        var position: Int  // of the info in the file
    }

    // The smallest a pair and a tensor info can be: key or name of one byte.
    private static let leastPairBytes = 8 + 1 + 4 + 1
    private static let leastInfoBytes = 8 + 1 + 4 + 8 + 4 + 8
    private static let headerBytes = 24

    private let file: MappedFile
    private var cursor: ByteCursor

    init(_ file: MappedFile) {
        self.file = file
        cursor = ByteCursor(file)
    }

    mutating func header() throws(FormatError) -> Header {
        let bytes = file.bytes
        let magic: [UInt8] = [0x47, 0x47, 0x55, 0x46]
        guard bytes.count < 4 || bytes.prefix(4).elementsEqual(magic) else {
            throw .wrongFormat(
                file: file.path, expected: "GGUF", looksLike: FileSignature.describeAnyhow(bytes))
        }
        guard bytes.count >= Self.headerBytes else {
            throw .truncated(
                file: file.path, what: "truncated header: it", needed: "\(Self.headerBytes) bytes",
                available: "\(bytes.count)", offset: bytes.count)
        }
        _ = try cursor.integer(UInt32.self, "the magic")
        let version = try cursor.integer(UInt32.self, "the version")
        try check(version)
        let tensors = try cursor.integer(UInt64.self, "the tensor count")
        let pairs = try cursor.integer(UInt64.self, "the pair count")
        try check(tensors, of: "tensors", leastBytes: Self.leastInfoBytes, offset: 8)
        try check(pairs, of: "key/value pairs", leastBytes: Self.leastPairBytes, offset: 16)
        let least = CheckedSize(tensors) * Self.leastInfoBytes + CheckedSize(pairs) * Self.leastPairBytes
        guard let needed = least.value, needed <= cursor.remaining else {
            throw .truncated(
                file: file.path,
                what: "the header declares \(tensors) tensors and \(pairs) key/value pairs, which",
                needed: least.value.map { "at least \($0) bytes" } ?? "more bytes than 63 bits count",
                available: "but only \(cursor.remaining) bytes remain", offset: 8)
        }
        return Header(version: Int(version), tensors: Int(tensors), pairs: Int(pairs))
    }

    private func check(_ version: UInt32) throws(FormatError) {
        let got: String
        switch version {
        case 2, 3: return
        case 0: got = "0, which no GGUF file has"
        case 1: got = "1, whose counts have 32 bits"
        case 0x0200_0000, 0x0300_0000:
            got = "\(version.byteSwapped) in big-endian byte order"
        case 4...0xFFFF: got = "\(version), newer than this reader"
        default: got = "0x\(String(version, radix: 16)), which is garbage"
        }
        throw .invalid(
            file: file.path, field: "the GGUF version", expected: "2 or 3, little-endian", got: got, offset: 4
        )
    }

    private func check(_ count: UInt64, of what: String, leastBytes: Int, offset: Int) throws(FormatError) {
        let size = CheckedSize(count) * leastBytes
        guard let needed = size.value, needed <= cursor.remaining else {
            throw .truncated(
                file: file.path, what: "the header declares \(count) \(what), which",
                needed: size.value.map { "at least \($0) bytes" } ?? "more bytes than 63 bits count",
                available: "but only \(cursor.remaining) bytes remain", offset: offset)
        }
    }

    // MARK: Metadata

    mutating func metadata(count: Int) throws(FormatError) -> GGUFMetadata {
        var entries = [GGUFMetadata.Entry]()
        var index = [ByteSlice: Int]()
        for number in 0..<count {
            let position = cursor.offset
            let bytes = try cursor.string("key \(number)", limit: 65_535)
            let key = try printable(bytes, field: "key \(number)", offset: position)
            guard index.updateValue(number, forKey: ByteSlice(key)) == nil else {
                throw .duplicate(file: file.path, what: "key", name: key, offset: position)
            }
            let value = try self.value(key)
            entries.append(GGUFMetadata.Entry(key: key, value: value, offset: position))
        }
        return GGUFMetadata(path: file.path, entries: entries, index: index)
    }

    private mutating func valueType(_ field: @autoclosure () -> String) throws(FormatError) -> GGUFValueType {
        let position = cursor.offset
        let id = try cursor.integer(UInt32.self, field())
        guard let type = GGUFValueType(rawValue: id) else {
            throw .invalid(
                file: file.path, field: field(), expected: "a value type from 0 to 12", got: "\(id)",
                offset: position)
        }
        return type
    }

    private mutating func value(_ key: String) throws(FormatError) -> GGUFValue {
        let type = try valueType("the value type of \(key)")
        switch type {
        case .uint8: return .unsigned(UInt64(try cursor.integer(UInt8.self, key)), type)
        case .int8: return .signed(Int64(try cursor.integer(Int8.self, key)), type)
        case .uint16: return .unsigned(UInt64(try cursor.integer(UInt16.self, key)), type)
        case .int16: return .signed(Int64(try cursor.integer(Int16.self, key)), type)
        case .uint32: return .unsigned(UInt64(try cursor.integer(UInt32.self, key)), type)
        case .int32: return .signed(Int64(try cursor.integer(Int32.self, key)), type)
        case .uint64: return .unsigned(try cursor.integer(UInt64.self, key), type)
        case .int64: return .signed(try cursor.integer(Int64.self, key), type)
        case .float32: return .float(Double(Float(bitPattern: try cursor.integer(UInt32.self, key))), type)
        case .float64: return .float(Double(bitPattern: try cursor.integer(UInt64.self, key)), type)
        case .bool:
            let position = cursor.offset
            let byte = try cursor.integer(UInt8.self, key)
            try checkBool(byte, key, position)
            return .bool(byte == 1)
        case .string:
            return .string(ByteSlice(owner: file, bytes: try cursor.string("the value of \(key)")))
        case .array:
            return .array(try array(key))
        }
    }

    private func checkBool(_ byte: UInt8, _ key: String, _ offset: Int) throws(FormatError) {
        guard byte <= 1 else {
            throw .invalid(
                file: file.path, field: key, expected: "0 or 1", got: "bool \(byte)", offset: offset)
        }
    }

    private mutating func array(_ key: String) throws(FormatError) -> GGUFArray {
        let position = cursor.offset
        let type = try valueType("the element type of \(key)")
        guard type != .array else {
            throw .invalid(
                file: file.path, field: "the element type of \(key)", expected: "a type that does not nest",
                got: "an array", offset: position)
        }
        let declared = try cursor.integer(UInt64.self, "the length of \(key)")
        let bytes = CheckedSize(declared) * (type.byteCount ?? 8)
        guard let needed = bytes.value else {
            throw .overflow(
                file: file.path, what: key, got: "\(declared) \(type.name) elements", offset: position)
        }
        guard needed <= cursor.remaining else {
            throw .truncated(
                file: file.path, what: "\(key) declares \(declared) \(type.name) elements, it",
                needed: "at least \(needed) bytes", available: "but only \(cursor.remaining) bytes remain",
                offset: position)
        }
        let count = Int(declared)
        let start = cursor.offset
        var stringOffsets = [Int]()
        switch type {
        case .string:
            for number in 0..<count {
                stringOffsets.append(cursor.offset)
                _ = try cursor.string("element \(number) of \(key)")
            }
        case .bool:
            for number in 0..<count {
                try checkBool(file.bytes[start + number], "element \(number) of \(key)", start + number)
            }
            try cursor.skip(bytes, of: "\(needed)", key)
        default:
            try cursor.skip(bytes, of: "\(needed)", key)
        }
        return GGUFArray(
            elementType: type, count: count, file: file, offset: start, stringOffsets: stringOffsets)
    }

    /// A key or name as text: not empty, UTF-8, nothing that moves a cursor.
    private func printable(
        _ bytes: UnsafeRawBufferPointer, field: String, offset: Int
    ) throws(FormatError) -> String {
        let shown = TerminalText.escaped(bytes: bytes, limit: 100)
        guard !bytes.isEmpty else {
            throw .invalid(file: file.path, field: field, expected: "a name", got: "empty", offset: offset)
        }
        guard UTF8Text.firstInvalid(in: bytes) == nil else {
            throw .invalid(
                file: file.path, field: field, expected: "UTF-8 text", got: "\"\(shown)\"", offset: offset)
        }
        let text = String(decoding: bytes, as: UTF8.self)
        guard TerminalText.escaped(text, limit: .max) == text else {
            throw .invalid(
                file: file.path, field: field, expected: "a name without control characters",
                got: "\"\(shown)\"", offset: offset)
        }
        return text
    }

    // MARK: Tensors

    mutating func tensorInfos(count: Int) throws(FormatError) -> [Info] {
        var infos = [Info]()
        var names = Set<ByteSlice>()
        for number in 0..<count {
            let info = try tensorInfo(number)
            guard names.insert(ByteSlice(info.name)).inserted else {
                throw .duplicate(file: file.path, what: "tensor", name: info.name, offset: info.position)
            }
            infos.append(info)
        }
        return infos
    }

    private mutating func tensorInfo(_ number: Int) throws(FormatError) -> Info {
        let position = cursor.offset
        // 63 bytes and a NUL are what ggml keeps of a name.
        let bytes = try cursor.string("the name of tensor \(number)", limit: 63)
        let name = try printable(bytes, field: "the name of tensor \(number)", offset: position)
        let quoted = "tensor \"\(name)\""
        let dimensionsAt = cursor.offset
        let dimensions = try cursor.integer(UInt32.self, "the number of dimensions of \(quoted)")
        guard (1...4).contains(dimensions) else {
            throw .invalid(
                file: file.path, field: "the number of dimensions of \(quoted)", expected: "1 to 4",
                got: "\(dimensions)", offset: dimensionsAt)
        }
        var shape = [Int]()
        for axis in 0..<Int(dimensions) {
            let at = cursor.offset
            let extent = try cursor.integer(UInt64.self, "dimension \(axis) of \(quoted)")
            guard let value = Int(exactly: extent), value > 0 else {
                throw .invalid(
                    file: file.path, field: "dimension \(axis) of \(quoted)", expected: "a positive number",
                    got: "\(Int64(bitPattern: extent))", offset: at)
            }
            shape.append(value)
        }
        let typeAt = cursor.offset
        let type = try tensorType(quoted)
        let byteCount = try size(of: quoted, type: type, dimensions: shape, offset: typeAt)
        let storedOffset = try cursor.integer(UInt64.self, "the offset of \(quoted)")
        return Info(
            name: name, type: type, shape: shape.reversed(), storedOffset: storedOffset, byteCount: byteCount,
            position: position)
    }

    private mutating func tensorType(_ quoted: String) throws(FormatError) -> GGUFTensorType {
        let position = cursor.offset
        let id = try cursor.integer(UInt32.self, "the type of \(quoted)")
        if let type = GGUFTensorType(id: id) { return type }
        let got =
            GGUFTensorType.retiredName(id: id).map { "\(id) (\($0), withdrawn from the format)" } ?? "\(id)"
        throw .invalid(
            file: file.path, field: "the type of \(quoted)", expected: "a type id of ggml", got: got,
            offset: position)
    }

    private func size(
        of quoted: String, type: GGUFTensorType, dimensions: [Int], offset: Int
    ) throws(FormatError) -> Int {
        let shown = dimensions.map(String.init).joined(separator: " x ")
        guard dimensions[0] % type.blockLength == 0 else {
            throw .invalid(
                file: file.path, field: "the row length of \(quoted)",
                expected: "a multiple of \(type.blockLength) for \(type.name)", got: "\(dimensions[0])",
                offset: offset)
        }
        // The element count must fit as well: ggml computes with it in 63 bits.
        let elements = CheckedSize(product: dimensions)
        let rows = CheckedSize(product: dimensions.dropFirst())
        let bytes = rows * (CheckedSize(dimensions[0] / type.blockLength) * type.blockBytes)
        guard elements.value != nil, let result = bytes.value else {
            throw .overflow(file: file.path, what: quoted, got: "\(shown) of \(type.name)", offset: offset)
        }
        return result
    }

    /// Checks that the data of all tensors follows the infos without gaps, inside the file.
    func place(
        _ infos: [Info], alignment: Int
    ) throws(FormatError) -> (tensors: [GGUFFile.TensorInfo], warnings: [String]) {
        let fileSize = file.bytes.count
        let quotedFirst = infos.first.map { "tensor \"\($0.name)\"" } ?? "the data"
        guard let dataStart = CheckedSize(cursor.offset).aligned(to: alignment).value else {
            throw .overflow(file: file.path, what: quotedFirst, got: "offset past 63 bits", offset: nil)
        }
        var tensors = [GGUFFile.TensorInfo]()
        tensors.reserveCapacity(infos.count)
        var expected = 0
        for info in infos {
            let quoted = "tensor \"\(info.name)\""
            let start = CheckedSize(info.storedOffset) + dataStart
            let end = start + info.byteCount
            guard let first = start.value, let last = end.value else {
                throw .overflow(
                    file: file.path, what: quoted,
                    got: "\(info.byteCount) bytes at offset \(info.storedOffset)", offset: info.position)
            }
            let relative = first - dataStart
            guard relative % alignment == 0 else {
                throw .invalid(
                    file: file.path, field: "the offset of \(quoted)",
                    expected: "a multiple of the alignment \(alignment)", got: "\(relative), misaligned",
                    offset: info.position)
            }
            guard last <= fileSize else {
                throw .truncated(
                    file: file.path, what: quoted, needed: "bytes \(first)…\(last)", available: "\(fileSize)",
                    offset: info.position)
            }
            guard relative == expected else {
                let problem = relative < expected ? "overlaps the tensor before" : "leaves a gap"
                throw .invalid(
                    file: file.path, field: "the offset of \(quoted)", expected: "\(expected)",
                    got: "\(relative), which \(problem)", offset: info.position)
            }
            guard let next = CheckedSize(last - dataStart).aligned(to: alignment).value else {
                throw .overflow(
                    file: file.path, what: quoted, got: "\(info.byteCount) bytes and padding",
                    offset: info.position)
            }
            expected = next
            tensors.append(
                GGUFFile.TensorInfo(
                    name: info.name, type: info.type, shape: info.shape, offset: first,
                    byteCount: info.byteCount))
        }
        return (tensors, trailing(after: tensors.isEmpty ? cursor.offset : dataStart + expected))
    }

    private func trailing(after end: Int) -> [String] {
        let surplus = file.bytes.count - end
        guard surplus > 0 else { return [] }
        return ["\(surplus) bytes after the end of the last tensor are ignored"]
    }
}
