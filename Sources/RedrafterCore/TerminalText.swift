/// Text from outside made safe for a terminal or a log.
///
/// Names and metadata of a file are input of whoever wrote it; printed raw they can move the cursor, set the
/// window's title, fill the clipboard or reverse the reading direction.
public enum TerminalText {
    /// Bytes an escaped text may have unless the caller asks for more.
    public static let defaultLimit = 200

    /// The text with control, format and separator characters written as `\n`, `\x1b` or `\u{202e}`, cut to `limit`
    /// bytes at a character boundary, with `…` where something was cut.
    public static func escaped(_ text: some StringProtocol, limit: Int = defaultLimit) -> String {
        var output = Output(limit: limit)
        for scalar in text.unicodeScalars where !output.append(scalar) { break }
        return output.text
    }

    /// The same for bytes that should be UTF-8; a byte that belongs to no character becomes `\xNN`.
    public static func escaped(bytes: UnsafeRawBufferPointer, limit: Int = defaultLimit) -> String {
        var output = Output(limit: limit)
        var index = 0
        while index < bytes.count {
            if let (scalar, length) = UTF8Text.scalar(in: bytes, at: index) {
                guard output.append(scalar) else { break }
                index += length
            } else {
                guard output.append(piece: hexadecimal(bytes[index])) else { break }
                index += 1
            }
        }
        return output.text
    }

    /// The same for any bytes.
    public static func escaped(bytes: some Collection<UInt8>, limit: Int = defaultLimit) -> String {
        // A character more than fits, so that what is cut is cut visibly.
        [UInt8](bytes.prefix(max(0, min(limit, Int.max - 8)) + 8)).withUnsafeBytes {
            escaped(bytes: $0, limit: limit)
        }
    }

    private static func hexadecimal(_ byte: UInt8) -> String {
        (byte < 16 ? "\\x0" : "\\x") + String(byte, radix: 16)
    }

    private struct Output {
        var text = ""
        var room: Int

        init(limit: Int) { room = max(0, limit) }

        mutating func append(_ scalar: Unicode.Scalar) -> Bool {
            if scalar.value >= 0x20 && scalar.value < 0x7F { return append(piece: String(scalar)) }
            switch scalar.value {
            case 0x0A: return append(piece: "\\n")
            case 0x09: return append(piece: "\\t")
            case 0x0D: return append(piece: "\\r")
            case 0...0x7F: return append(piece: hexadecimal(UInt8(scalar.value)))
            default: break
            }
            switch scalar.properties.generalCategory {
            case .control, .format, .lineSeparator, .paragraphSeparator, .privateUse, .unassigned:
                return append(piece: "\\u{" + String(scalar.value, radix: 16) + "}")
            default:
                return append(piece: String(scalar))
            }
        }

        /// False once the text is full; the caller stops then.
        mutating func append(piece: String) -> Bool {
            let length = piece.utf8.count
            guard length <= room else {
                text += "…"
                return false
            }
            text += piece
            room -= length
            return true
        }
    }
}

/// Strict UTF-8: no overlong forms, no surrogates, nothing above U+10FFFF.
public enum UTF8Text {
    /// The character that begins at `index` and its length in bytes; nil where the bytes are no UTF-8.
    public static func scalar(
        in bytes: UnsafeRawBufferPointer, at index: Int
    ) -> (scalar: Unicode.Scalar, length: Int)? {
        let first = bytes[index]
        if first < 0x80 { return (Unicode.Scalar(first), 1) }
        let length: Int
        var value: UInt32
        switch first {
        case 0xC2...0xDF: (length, value) = (2, UInt32(first & 0x1F))
        case 0xE0...0xEF: (length, value) = (3, UInt32(first & 0x0F))
        case 0xF0...0xF4: (length, value) = (4, UInt32(first & 0x07))
        default: return nil
        }
        guard bytes.count - index >= length else { return nil }
        for step in 1..<length {
            let byte = bytes[index + step]
            guard byte & 0xC0 == 0x80 else { return nil }
            value = value << 6 | UInt32(byte & 0x3F)
        }
        let least: [UInt32] = [0, 0, 0x80, 0x800, 0x10000]
        guard value >= least[length], let scalar = Unicode.Scalar(value) else { return nil }
        return (scalar, length)
    }

    /// The offset of the first byte that belongs to no character; nil when all of `bytes` is UTF-8.
    public static func firstInvalid(in bytes: UnsafeRawBufferPointer) -> Int? {
        var index = 0
        while index < bytes.count {
            // Eight ASCII bytes at a time: most of a file's text is that.
            if bytes.count - index >= 8,
                bytes.loadUnaligned(fromByteOffset: index, as: UInt64.self) & 0x8080_8080_8080_8080 == 0
            {
                index += 8
            } else if bytes[index] < 0x80 {
                index += 1
            } else if let (_, length) = scalar(in: bytes, at: index) {
                index += length
            } else {
                return index
            }
        }
        return nil
    }
}
