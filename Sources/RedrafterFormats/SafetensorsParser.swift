import RedrafterCore

/// Reads and checks the header of a safetensors file.
struct SafetensorsParser {
    private static let headerLimit: UInt64 = 100_000_000
    private static let metadataLimit = 16 << 20
    private static let dimensionLimit = 32

    private let file: MappedFile
    private(set) var metadata = [(key: String, value: String)]()
    private(set) var tensors = [SafetensorsFile.TensorInfo]()
    private var names = Set<ByteSlice>()
    private var dataStart = 0
    private var dataBytes = 0
    /// Bytes of all tensors so far: more than the data has means that some overlap, however many follow.
    private var declaredBytes = CheckedSize(0)

    init(_ file: MappedFile) { self.file = file }

    mutating func parse() throws(FormatError) {
        let header = try headerBytes()
        dataStart = 8 + header.count
        dataBytes = file.bytes.count - dataStart
        var json = try JSONParser(header, owner: file, path: file.path, start: 8)
        // Member by member: a header of 100 MB is never held as a tree.
        try json.documentMembers { (json, name) throws(FormatError) in
            guard names.insert(name).inserted else {
                throw .duplicate(
                    file: file.path, what: "tensor", name: name.escaped(), offset: 8 + json.offset)
            }
            if name == "__metadata__" {
                try readMetadata(&json)
            } else {
                try readTensor(name, try json.value(depth: 1))
            }
        }
        try checkCoverage()
    }

    private func headerBytes() throws(FormatError) -> UnsafeRawBufferPointer {
        let size = file.bytes.count
        let field = "the header length"
        // Any bytes may be a length, also those other formats begin with; only an impossible one is a sign of them.
        guard size >= 8 else {
            if let other = FileSignature.describe(file.bytes) { throw foreign(other) }
            throw .truncated(
                file: file.path, what: field, needed: "8 bytes", available: "\(size)", offset: 0)
        }
        var cursor = ByteCursor(file)
        let length = try cursor.integer(UInt64.self, field)
        guard length <= Self.headerLimit, length <= size - 8 else {
            if let other = FileSignature.describe(file.bytes), other != FileSignature.safetensors {
                throw foreign(other)
            }
            guard length <= Self.headerLimit else {
                throw .invalid(
                    file: file.path, field: field, expected: "at most \(Self.headerLimit)", got: "\(length)",
                    offset: 0)
            }
            throw .truncated(
                file: file.path, what: "the header", needed: "\(length) bytes",
                available: "\(size - 8) after its length", offset: 0)
        }
        guard length >= 2 else {
            throw .invalid(
                file: file.path, field: field, expected: "at least 2 for {}", got: "\(length)", offset: 0)
        }
        return file.bytes(at: 8, count: Int(length))
    }

    private func foreign(_ other: String) -> FormatError {
        .wrongFormat(file: file.path, expected: "safetensors", looksLike: other)
    }

    private mutating func readMetadata(_ json: inout JSONParser) throws(FormatError) {
        let start = json.offset
        var keys = Set<ByteSlice>()
        try json.members { (json, key) throws(FormatError) in
            let value = try json.value(depth: 2)
            guard let text = value.string, let name = key.string else {
                throw .invalid(
                    file: file.path, field: "__metadata__ \"\(key.escaped())\"", expected: "a string",
                    got: value.summary, offset: 8 + json.offset)
            }
            guard keys.insert(key).inserted else {
                throw .duplicate(file: file.path, what: "key", name: name, offset: 8 + json.offset)
            }
            guard json.offset - start <= Self.metadataLimit else {
                throw .invalid(
                    file: file.path, field: "__metadata__", expected: "at most 16 MiB", got: "more",
                    offset: 8 + start)
            }
            metadata.append((name, text))
        }
    }

    private mutating func readTensor(_ name: ByteSlice, _ entry: JSONValue) throws(FormatError) {
        let quoted = "tensor \"\(name.escaped(limit: 100))\""
        guard let object = entry.object, let text = name.string else {
            throw invalid(quoted, entry, "an object with dtype, shape and data_offsets")
        }
        let type = try type(object["dtype"], quoted)
        let shape = try shape(object["shape"], quoted)
        let (begin, end) = try offsets(object["data_offsets"], quoted)
        let shown = "\(shape) of \(type.rawValue)"
        let bits = CheckedSize(product: shape) * type.bits
        guard let bits = bits.value else {
            throw .overflow(file: file.path, what: quoted, got: shown, offset: nil)
        }
        guard bits % 8 == 0 else {
            throw .invalid(
                file: file.path, field: "the size of \(quoted)", expected: "whole bytes", got: "\(bits) bits",
                offset: nil)
        }
        guard end <= dataBytes else {
            throw .truncated(
                file: file.path, what: quoted, needed: "bytes \(inFile(begin))…\(inFile(end))",
                available: "\(file.bytes.count)", offset: nil)
        }
        guard end - begin == bits / 8 else {
            throw .invalid(
                file: file.path, field: "data_offsets of \(quoted)", expected: "\(bits / 8) for \(shown)",
                got: "\(end - begin) bytes", offset: nil)
        }
        declaredBytes = declaredBytes + (end - begin)
        guard let declared = declaredBytes.value, declared <= dataBytes else {
            throw .invalid(
                file: file.path, field: "data_offsets of \(quoted)", expected: "tensors that share no bytes",
                got: "\(begin)…\(end), which overlaps others", offset: nil)
        }
        tensors.append(
            SafetensorsFile.TensorInfo(
                name: text, type: type, shape: shape, offset: dataStart + begin, byteCount: end - begin))
    }

    private func type(_ value: JSONValue?, _ quoted: String) throws(FormatError) -> SafetensorsType {
        let value = try require(value, "dtype of \(quoted)")
        guard let type = value.string.flatMap(SafetensorsType.init(rawValue:)) else {
            throw invalid("dtype of \(quoted)", value, "a type of safetensors such as F32, F16 or BF16")
        }
        return type
    }

    private func shape(_ value: JSONValue?, _ quoted: String) throws(FormatError) -> [Int] {
        let value = try require(value, "shape of \(quoted)")
        guard let array = value.array, array.count <= Self.dimensionLimit else {
            throw invalid("shape of \(quoted)", value, "an array of at most \(Self.dimensionLimit) numbers")
        }
        var shape = [Int]()
        for element in array {
            guard let extent = element.integer, extent >= 0 else {
                throw invalid("a dimension of \(quoted)", element, "a whole number from 0 to 2^63 - 1")
            }
            shape.append(extent)
        }
        return shape
    }

    private func offsets(_ value: JSONValue?, _ quoted: String) throws(FormatError) -> (Int, Int) {
        let value = try require(value, "data_offsets of \(quoted)")
        guard let array = value.array, array.count == 2 else {
            throw invalid("data_offsets of \(quoted)", value, "an array of two numbers")
        }
        guard let begin = array[0].integer, let end = array[1].integer, begin >= 0 else {
            let culprit = (array[0].integer ?? -1) < 0 ? array[0] : array[1]
            throw invalid("data_offsets of \(quoted)", culprit, "whole numbers from 0 to 2^63 - 1")
        }
        guard begin <= end else {
            throw .invalid(
                file: file.path, field: "data_offsets of \(quoted)",
                expected: "an end that is not before the begin", got: "\(begin)…\(end)", offset: nil)
        }
        return (begin, end)
    }

    private func require(_ value: JSONValue?, _ field: String) throws(FormatError) -> JSONValue {
        guard let value else { throw .missingField(file: file.path, field: field, expected: "a value") }
        return value
    }

    private func invalid(_ field: String, _ value: JSONValue, _ expected: String) -> FormatError {
        .invalid(file: file.path, field: field, expected: expected, got: value.summary, offset: nil)
    }

    /// An offset in the data as one in the file.
    private func inFile(_ offset: Int) -> String {
        (CheckedSize(dataStart) + offset).value.map(String.init) ?? "2^63"
    }

    /// Sorts by offset and checks that each tensor begins where the one before ends.
    private mutating func checkCoverage() throws(FormatError) {
        tensors.sort { ($0.offset, $0.byteCount, $0.name) < ($1.offset, $1.byteCount, $1.name) }
        var end = dataStart
        for tensor in tensors {
            guard tensor.offset == end else {
                let problem = tensor.offset < end ? "which overlaps another tensor" : "which leaves a hole"
                throw .invalid(
                    file: file.path, field: "the begin of tensor \"\(tensor.name)\"",
                    expected: "\(end - dataStart)", got: "\(tensor.offset - dataStart), \(problem)",
                    offset: nil)
            }
            end += tensor.byteCount
        }
        guard end == file.bytes.count else {
            throw .invalid(
                file: file.path, field: "the data after the last tensor", expected: "none",
                got: "\(file.bytes.count - end) bytes", offset: end)
        }
    }
}
