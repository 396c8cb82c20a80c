import RedrafterCore

extension JSONValue {
    /// The value as JSON text that may be shown: no character in it moves a cursor or turns the reading direction.
    ///
    /// - Parameters:
    ///   - isPretty: two blanks of indentation a level, one member a line; else no blanks at all.
    ///   - isEscaped: write format, separator and C1 controls as `\u` escapes, as ASCII controls always are; else they stay
    ///     as they are, like other characters beyond ASCII.
    public func text(isPretty: Bool = false, isEscaped: Bool = true) -> String {
        String(decoding: encoded(isPretty: isPretty, isEscaped: isEscaped), as: UTF8.self)
    }

    /// The same as UTF-8 for a file; characters beyond ASCII stay as they are unless asked for otherwise.
    public func encoded(isPretty: Bool = false, isEscaped: Bool = false) -> [UInt8] {
        var writer = JSONWriter(isPretty: isPretty, isEscaped: isEscaped)
        writer.write(self, level: 0)
        return writer.output
    }
}

/// Writes values as text.
private struct JSONWriter {
    let isPretty: Bool
    let isEscaped: Bool
    var output = [UInt8]()

    init(isPretty: Bool, isEscaped: Bool) {
        self.isPretty = isPretty
        self.isEscaped = isEscaped
    }

    mutating func write(_ value: JSONValue, level: Int) {
        switch value {
        case .null: append("null")
        case .bool(let flag): append(flag ? "true" : "false")
        case .integer(let number): append(String(number))
        case .number(let number): number.text.withBytes { output.append(contentsOf: $0) }
        case .string(let text): write(text)
        case .array(let elements):
            list("[", "]", count: elements.count, level: level) { writer, index in
                writer.write(elements[index], level: level + 1)
            }
        case .object(let object):
            list("{", "}", count: object.count, level: level) { writer, index in
                writer.write(object[index].key)
                writer.append(writer.isPretty ? ": " : ":")
                writer.write(object[index].value, level: level + 1)
            }
        }
    }

    private mutating func append(_ text: String) { output.append(contentsOf: text.utf8) }

    private mutating func list(
        _ open: String, _ close: String, count: Int, level: Int, _ element: (inout JSONWriter, Int) -> Void
    ) {
        append(open)
        for index in 0..<count {
            if index > 0 { append(",") }
            newLine(level + 1)
            element(&self, index)
        }
        if count > 0 { newLine(level) }
        append(close)
    }

    private mutating func newLine(_ level: Int) {
        guard isPretty else { return }
        append("\n")
        output.append(contentsOf: repeatElement(0x20, count: level * 2))
    }

    private mutating func write(_ text: ByteSlice) {
        append("\"")
        text.withBytes { bytes in
            var index = 0
            while index < bytes.count {
                guard let (scalar, length) = UTF8Text.scalar(in: bytes, at: index) else {
                    // A slice that is no UTF-8 (a token of a GGUF file): JSON cannot hold its bytes.
                    append("\u{FFFD}")
                    index += 1
                    continue
                }
                if !escape(scalar) { output.append(contentsOf: bytes[index..<index + length]) }
                index += length
            }
        }
        append("\"")
    }

    /// Writes the escape of a character that needs one.
    private mutating func escape(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0x22: append("\\\"")
        case 0x5C: append("\\\\")
        case 0x0A: append("\\n")
        case 0x0D: append("\\r")
        case 0x09: append("\\t")
        case 0..<0x20, 0x7F: codeUnit(UInt16(scalar.value))
        case 0..<0x80: return false
        default:
            guard isEscaped else { return false }
            switch scalar.properties.generalCategory {
            case .control, .format, .lineSeparator, .paragraphSeparator, .privateUse, .unassigned:
                UTF16.encode(scalar)?.forEach { codeUnit($0) }
            default: return false
            }
        }
        return true
    }

    private mutating func codeUnit(_ unit: UInt16) {
        let digits = String(unit, radix: 16)
        append("\\u" + String(repeating: "0", count: 4 - digits.count) + digits)
    }
}
