/// Text from a file, made safe to show on a terminal or to write to a log.
public enum TerminalText {
    /// Escapes control characters (C0, C1, ESC, bidirectional and zero-width controls) and cuts the text to `limit` bytes.
    public static func escaped(_ text: some StringProtocol, limit: Int = 200) -> String {
        var result = ""
        var length = 0
        for scalar in text.unicodeScalars {
            let piece = escape(scalar)
            length += piece.utf8.count
            guard length <= limit else { return result + "…" }
            result += piece
        }
        return result
    }

    /// The same for bytes that may be no UTF-8: what cannot be decoded becomes U+FFFD.
    public static func escaped(bytes: some Collection<UInt8>, limit: Int = 200) -> String {
        escaped(String(decoding: bytes.prefix(limit + 4), as: UTF8.self), limit: limit)
    }

    private static func escape(_ scalar: Unicode.Scalar) -> String {
        switch scalar.value {
        case 0x0A: return "\\n"
        case 0x09: return "\\t"
        case 0x0D: return "\\r"
        case 0..<0x20, 0x7F..<0xA0:
            let hex = String(scalar.value, radix: 16)
            return "\\x" + (hex.count < 2 ? "0" : "") + hex
        case 0x200B...0x200F, 0x2028...0x202E, 0x2060...0x206F, 0xFEFF, 0x061C:
            return "\\u{" + String(scalar.value, radix: 16) + "}"
        default: return String(scalar)
        }
    }
}
