import RedrafterCore

/// Reads little-endian values from a mapped file, in order and never past its end.
struct ByteCursor {
    let file: MappedFile
    private(set) var offset: Int

    init(file: MappedFile, offset: Int = 0) {
        self.file = file
        self.offset = offset
    }

    var remaining: Int { file.bytes.count - offset }

    /// A fixed-width integer; `field` names it in the error.
    mutating func integer<Value: FixedWidthInteger>(
        _ type: Value.Type, _ field: @autoclosure () -> String
    ) throws(FormatError) -> Value {
        let size = MemoryLayout<Value>.size
        guard size <= remaining else { throw truncated(field(), needed: size) }
        defer { offset += size }
        return Value(littleEndian: file.bytes.loadUnaligned(fromByteOffset: offset, as: Value.self))
    }

    /// Skips `count` bytes and returns where they begin.
    mutating func skip(_ count: CheckedSize, _ field: @autoclosure () -> String) throws(FormatError) -> Int {
        guard let count = count.value, count <= remaining else {
            throw truncated(field(), needed: count.value)
        }
        defer { offset += count }
        return offset
    }

    /// A u64 length and that many bytes, as a range of the file.
    mutating func string(_ field: @autoclosure () -> String) throws(FormatError) -> Range<Int> {
        let at = offset
        let length = try integer(UInt64.self, field())
        guard let count = Int(exactly: length), count <= remaining else {
            throw .invalid(
                file: file.path, field: field(), expected: "a length of at most \(remaining) bytes (what remains)",
                got: "\(length)", offset: at)
        }
        defer { offset += count }
        return offset..<offset + count
    }

    func invalid(_ field: String, expected: String, got: String, at: Int? = nil) -> FormatError {
        .invalid(file: file.path, field: field, expected: expected, got: got, offset: at ?? offset)
    }

    private func truncated(_ field: String, needed: Int?) -> FormatError {
        invalid(field, expected: needed.map { "\($0) bytes" } ?? "a size that fits", got: "\(remaining) bytes remaining")
    }
}
