import RedrafterCore

/// Reads little-endian fields of a mapped file one after the other, never past its end.
struct ByteCursor {
    let file: MappedFile
    private(set) var offset = 0

    init(_ file: MappedFile) { self.file = file }

    var remaining: Int { file.bytes.count - offset }

    /// The next integer. `field` names it in the error.
    mutating func integer<Integer: FixedWidthInteger>(
        _ type: Integer.Type = Integer.self, _ field: @autoclosure () -> String
    ) throws(FormatError) -> Integer {
        let size = MemoryLayout<Integer>.size
        guard size <= remaining else { throw truncated(field(), needed: "\(size) bytes") }
        let value = file.bytes.loadUnaligned(fromByteOffset: offset, as: Integer.self)
        offset += size
        return Integer(littleEndian: value)
    }

    /// A string as GGUF stores it: a length of 64 bits, then the bytes.
    mutating func string(
        _ field: @autoclosure () -> String, limit: Int = .max
    ) throws(FormatError) -> UnsafeRawBufferPointer {
        let start = offset
        let length = try integer(UInt64.self, "the length of \(field())")
        guard let count = Int(exactly: length), count <= remaining else {
            throw .truncated(
                file: file.path, what: field(), needed: "\(length) bytes", available: "\(remaining) left",
                offset: start)
        }
        guard count <= limit else {
            throw .invalid(
                file: file.path, field: "the length of \(field())", expected: "at most \(limit) bytes",
                got: "\(count)", offset: start)
        }
        defer { offset += count }
        return file.bytes(at: offset, count: count)
    }

    /// Skips bytes that must be there.
    mutating func skip(
        _ count: CheckedSize, of text: @autoclosure () -> String, _ field: @autoclosure () -> String
    ) throws(FormatError) {
        guard let bytes = count.value else {
            throw .overflow(file: file.path, what: field(), got: text(), offset: offset)
        }
        guard bytes <= remaining else { throw truncated(field(), needed: "\(bytes) bytes") }
        offset += bytes
    }

    private func truncated(_ what: String, needed: String) -> FormatError {
        .truncated(
            file: file.path, what: what, needed: needed, available: "\(remaining) left", offset: offset)
    }
}
