import RedrafterCore

extension JSONValue {
    /// Nesting deeper than this is rejected, so that neither parser nor destructor can exhaust a stack.
    public static let depthLimit = 128
    /// Numbers longer than this many bytes are rejected.
    public static let numberLimit = 1024

    /// Parses a JSON file (RFC 8259, strictly: UTF-8 without BOM, one value, no comments, no trailing commas, no
    /// NaN, no lone surrogates, no key twice in an object). The strings keep the mapping alive.
    /// - Throws: `FormatError.syntax`, `.duplicate`, `.wrongFormat` for a Git LFS pointer, and what `MappedFile` throws.
    public init(path: String) throws(FormatError) {
        let file = try MappedFile(path: path)
        do { try self.init(file: file, bytes: file.bytes) } catch {
            // What is no JSON at all has a name, often: a Git LFS pointer, a page of an error.
            if case .syntax = error, let looks = FileSignature.describeForeignToJSON(file.bytes) {
                throw .wrongFormat(file: path, expected: "JSON", looksLike: looks)
            }
            throw error
        }
    }

    /// Parses a part of a mapped file.
    public init(file: MappedFile, bytes: UnsafeRawBufferPointer) throws(FormatError) {
        var parser = try JSONParser(bytes, owner: file, path: file.path, start: file.offset(of: bytes))
        self = try parser.document()
    }

    /// Parses bytes in memory; `path` names them in errors.
    public init(parsing bytes: some Sequence<UInt8>, path: String) throws(FormatError) {
        let storage = ByteStorage(bytes)
        var parser = try JSONParser(storage.bytes, owner: storage, path: path, start: 0)
        self = try parser.document()
    }
}

/// A recursive-descent parser with bounded depth; one pass, linear time.
struct JSONParser {
    private let bytes: UnsafeRawBufferPointer
    private let owner: AnyObject
    private let path: String
    /// Offset of the text in its file, for errors.
    private let start: Int
    /// Offset of the next byte in the text.
    private(set) var offset = 0

    /// Checks what concerns the text as a whole. `bytes` belong to `owner`, which every string will keep alive.
    init(
        _ bytes: UnsafeRawBufferPointer, owner: AnyObject, path: String, start: Int
    ) throws(FormatError) {
        self.bytes = bytes
        self.owner = owner
        self.path = path
        self.start = start
        guard !bytes.isEmpty else { throw error("the text is empty") }
        // The hash table of an object counts members in 32 bits.
        guard bytes.count <= Int(UInt32.max) else {
            throw .unsupported(
                file: path, what: "a JSON text of \(bytes.count) bytes", supported: "up to 4 GiB")
        }
        if bytes.count >= 3, bytes[0] == 0xEF, bytes[1] == 0xBB, bytes[2] == 0xBF {
            throw error("a byte order mark before the text")
        }
        if let position = UTF8Text.firstInvalid(in: bytes) {
            throw error("the text is not UTF-8", at: position)
        }
    }

    /// The whole text as one value.
    mutating func document() throws(FormatError) -> JSONValue {
        skipSpace()
        let value = try value(depth: 0)
        try end()
        return value
    }

    /// The whole text as one object whose members `body` takes one by one, so that nothing is kept of an object
    /// too large to trust; `body` consumes the value. Looks for no duplicate keys.
    mutating func documentMembers(
        _ body: (inout JSONParser, ByteSlice) throws(FormatError) -> Void
    ) throws(FormatError) {
        skipSpace()
        try members(body)
        try end()
    }

    private mutating func end() throws(FormatError) {
        skipSpace()
        guard offset == bytes.count else { throw error("text after the end of the value") }
    }

    private var next: UInt8? { offset < bytes.count ? bytes[offset] : nil }

    private func error(_ problem: String, at position: Int? = nil) -> FormatError {
        .syntax(file: path, problem: problem, offset: start + (position ?? offset))
    }

    private func unexpected(_ expected: String) -> FormatError {
        guard let next else { return error("the text ends where \(expected) is expected") }
        let shown =
            UTF8Text.scalar(in: bytes, at: offset).map { TerminalText.escaped(String($0.scalar)) }
            ?? "\(next)"
        return error("'\(shown)' where \(expected) is expected")
    }

    private mutating func skipSpace() {
        while offset < bytes.count {
            switch bytes[offset] {
            case 0x20, 0x09, 0x0A, 0x0D: offset += 1
            default: return
            }
        }
    }

    /// The value that begins at the next byte.
    mutating func value(depth: Int) throws(FormatError) -> JSONValue {
        switch next ?? 0 {
        case UInt8(ascii: "\""): return .string(try string())
        case UInt8(ascii: "{"): return try object(depth: depth)
        case UInt8(ascii: "["): return try array(depth: depth)
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return try number()
        case UInt8(ascii: "t"): return try literal("true", .bool(true))
        case UInt8(ascii: "f"): return try literal("false", .bool(false))
        case UInt8(ascii: "n"): return try literal("null", .null)
        default: throw unexpected("a value")
        }
    }

    private mutating func literal(_ text: StaticString, _ value: JSONValue) throws(FormatError) -> JSONValue {
        let length = text.utf8CodeUnitCount
        let expected = UnsafeBufferPointer(start: text.utf8Start, count: length)
        guard bytes.count - offset >= length, bytes[offset..<offset + length].elementsEqual(expected) else {
            throw unexpected("a value (true, false, null)")
        }
        offset += length
        return value
    }

    // MARK: Containers

    private func checkDepth(_ depth: Int) throws(FormatError) {
        guard depth < JSONValue.depthLimit else {
            throw error("nested deeper than \(JSONValue.depthLimit) levels")
        }
    }

    private mutating func array(depth: Int) throws(FormatError) -> JSONValue {
        try checkDepth(depth)
        offset += 1
        skipSpace()
        var elements = [JSONValue]()
        if next == UInt8(ascii: "]") {
            offset += 1
            return .array(elements)
        }
        while true {
            elements.append(try value(depth: depth + 1))
            skipSpace()
            switch next {
            case UInt8(ascii: ","):
                offset += 1
                skipSpace()
            case UInt8(ascii: "]"):
                offset += 1
                return .array(elements)
            default: throw unexpected("',' or ']'")
            }
        }
    }

    private mutating func object(depth: Int) throws(FormatError) -> JSONValue {
        try checkDepth(depth)
        let position = offset
        var keys = [ByteSlice]()
        var values = [JSONValue]()
        try members { (parser, key) throws(FormatError) in
            keys.append(key)
            values.append(try parser.value(depth: depth + 1))
        }
        switch JSONObject.make(keys: keys, values: values) {
        case .success(let object): return .object(object)
        case .failure(let duplicate):
            throw .duplicate(
                file: path, what: "key", name: keys[duplicate.index].escaped(), offset: start + position)
        }
    }

    /// Goes through the object that begins at the next byte; `body` consumes the value of each key.
    mutating func members(
        _ body: (inout JSONParser, ByteSlice) throws(FormatError) -> Void
    ) throws(FormatError) {
        guard next == UInt8(ascii: "{") else { throw unexpected("an object") }
        offset += 1
        skipSpace()
        if next == UInt8(ascii: "}") {
            offset += 1
            return
        }
        while true {
            guard next == UInt8(ascii: "\"") else { throw unexpected("a key in quotes") }
            let key = try string()
            skipSpace()
            guard next == UInt8(ascii: ":") else { throw unexpected("':'") }
            offset += 1
            skipSpace()
            try body(&self, key)
            skipSpace()
            switch next {
            case UInt8(ascii: ","):
                offset += 1
                skipSpace()
            case UInt8(ascii: "}"):
                offset += 1
                return
            default: throw unexpected("',' or '}'")
            }
        }
    }

    // MARK: Numbers

    private mutating func digits() throws(FormatError) -> Int {
        let start = offset
        while let byte = next, byte &- UInt8(ascii: "0") < 10 { offset += 1 }
        guard offset > start else { throw unexpected("a digit") }
        return offset - start
    }

    private mutating func number() throws(FormatError) -> JSONValue {
        let start = offset
        let isNegative = next == UInt8(ascii: "-")
        if isNegative { offset += 1 }
        let leadingZero = next == UInt8(ascii: "0")
        let integerDigits = try digits()
        guard !leadingZero || integerDigits == 1 else {
            throw error("a number with a leading zero", at: start)
        }
        var isInteger = true
        if next == UInt8(ascii: ".") {
            isInteger = false
            offset += 1
            _ = try digits()
        }
        if next == UInt8(ascii: "e") || next == UInt8(ascii: "E") {
            isInteger = false
            offset += 1
            if next == UInt8(ascii: "+") || next == UInt8(ascii: "-") { offset += 1 }
            _ = try digits()
        }
        guard offset - start <= JSONValue.numberLimit else {
            throw error(
                "a number of \(offset - start) characters, more than \(JSONValue.numberLimit)", at: start)
        }
        // −0 keeps its sign as text.
        if isInteger, integerDigits <= 19, !(isNegative && leadingZero) {
            var value = 0
            var hasOverflow = false
            for position in (isNegative ? start + 1 : start)..<offset {
                let digit = Int(bytes[position] & 0x0F)
                let (scaled, first) = value.multipliedReportingOverflow(by: 10)
                let (sum, second) =
                    isNegative
                    ? scaled.subtractingReportingOverflow(digit) : scaled.addingReportingOverflow(digit)
                hasOverflow = hasOverflow || first || second
                value = sum
            }
            if !hasOverflow { return .integer(value) }
        }
        return .number(JSONNumber(text: slice(start, offset)))
    }

    // MARK: Strings

    private func slice(_ start: Int, _ end: Int) -> ByteSlice {
        ByteSlice(owner: owner, bytes: UnsafeRawBufferPointer(rebasing: bytes[start..<end]))
    }

    private mutating func string() throws(FormatError) -> ByteSlice {
        offset += 1
        let start = offset
        while offset < bytes.count {
            switch bytes[offset] {
            case UInt8(ascii: "\""):
                offset += 1
                return slice(start, offset - 1)
            case UInt8(ascii: "\\"):
                return try escapedString(from: start)
            case 0..<0x20:
                throw error("a control character inside a string")
            default:
                offset += 1
            }
        }
        throw error("the text ends inside a string", at: start - 1)
    }

    /// Continues a string at its first backslash, decoding into memory of its own.
    private mutating func escapedString(from start: Int) throws(FormatError) -> ByteSlice {
        var decoded = [UInt8](bytes[start..<offset])
        while let byte = next {
            offset += 1
            switch byte {
            case UInt8(ascii: "\""): return ByteSlice(decoded)
            case UInt8(ascii: "\\"): try escape(into: &decoded)
            case 0..<0x20: throw error("a control character inside a string", at: offset - 1)
            default: decoded.append(byte)
            }
        }
        throw error("the text ends inside a string", at: start - 1)
    }

    private mutating func escape(into decoded: inout [UInt8]) throws(FormatError) {
        guard let letter = next else { throw unexpected("an escape") }
        let position = offset - 1
        offset += 1
        switch letter {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): decoded.append(letter)
        case UInt8(ascii: "b"): decoded.append(0x08)
        case UInt8(ascii: "f"): decoded.append(0x0C)
        case UInt8(ascii: "n"): decoded.append(0x0A)
        case UInt8(ascii: "r"): decoded.append(0x0D)
        case UInt8(ascii: "t"): decoded.append(0x09)
        case UInt8(ascii: "u"):
            var value = try codeUnit(position)
            if (0xD800...0xDBFF).contains(value) {
                guard next == UInt8(ascii: "\\"), offset + 1 < bytes.count,
                    bytes[offset + 1] == UInt8(ascii: "u")
                else { throw error("a surrogate without its partner", at: position) }
                offset += 2
                let low = try codeUnit(position)
                guard (0xDC00...0xDFFF).contains(low) else {
                    throw error("a surrogate without its partner", at: position)
                }
                value = 0x10000 + (value - 0xD800) << 10 + (low - 0xDC00)
            }
            guard let scalar = Unicode.Scalar(value) else {
                throw error("a surrogate without its partner", at: position)
            }
            decoded.append(contentsOf: UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter)
        default:
            offset -= 1
            throw unexpected("one of the escapes of JSON")
        }
    }

    private mutating func codeUnit(_ position: Int) throws(FormatError) -> UInt32 {
        guard bytes.count - offset >= 4 else { throw error("an incomplete \\u escape", at: position) }
        var value: UInt32 = 0
        for _ in 0..<4 {
            let byte = bytes[offset]
            let digit: UInt8
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): digit = byte - UInt8(ascii: "0")
            case UInt8(ascii: "a")...UInt8(ascii: "f"): digit = byte - UInt8(ascii: "a") + 10
            case UInt8(ascii: "A")...UInt8(ascii: "F"): digit = byte - UInt8(ascii: "A") + 10
            default: throw unexpected("a hexadecimal digit")
            }
            value = value << 4 | UInt32(digit)
            offset += 1
        }
        return value
    }
}
