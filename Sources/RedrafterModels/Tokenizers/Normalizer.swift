/// A change of text before it is cut into words.
public enum Normalizer: Sendable, Hashable {
    case form(NormalizationForm)
    case lowercase
    case replace(TextPattern, with: [UInt8])
    /// Puts text before all that is not empty.
    case prepend([UInt8])
    /// Takes whitespace off the ends.
    case strip(left: Bool, right: Bool)
    /// Drops marks.
    case stripAccents
    /// Control characters dropped, blanks of all kinds as spaces (`Nmt`).
    case plainBlanks

    /// The changed text; nil where nothing changes.
    func changed(_ text: [UInt8]) -> [UInt8]? {
        switch self {
        case .form(let form): return text.withUnsafeBufferPointer { form.normalized($0) }
        case .lowercase:
            return Self.mapScalars(text) { scalar, result in
                if scalar.isASCII {
                    let byte = UInt8(scalar.value)
                    result.append((65...90).contains(byte) ? byte + 32 : byte)
                } else {
                    result.append(contentsOf: scalar.properties.lowercaseMapping.utf8)
                }
            }
        case .replace(let pattern, let content): return pattern.replaced(in: text, with: content)
        case .prepend(let prefix): return text.isEmpty ? nil : prefix + text
        case .strip(let left, let right): return Self.stripped(text, left: left, right: right)
        case .stripAccents:
            guard text.contains(where: { $0 >= 0xCC }) else { return nil }
            return Self.mapScalars(text) { scalar, result in
                let isMark = GeneralCategory.bit(of: scalar) & GeneralCategory.mark != 0
                if !isMark || !CompatibilityMapping.isOld(scalar) {
                    result.append(contentsOf: String(scalar).utf8)
                }
            }
        case .plainBlanks:
            return Self.mapScalars(text) { scalar, result in
                switch scalar.value {
                case 0x01...0x08, 0x0B, 0x0E...0x1F, 0x7F, 0x8F, 0x9F: break
                case 0x09, 0x0A, 0x0C, 0x0D, 0x1680, 0x200B...0x200F, 0x2028, 0x2029, 0x2581, 0xFEFF, 0xFFFD:
                    result.append(0x20)
                default: result.append(contentsOf: String(scalar).utf8)
                }
            }
        }
    }

    private static func mapScalars(
        _ text: [UInt8], _ map: (Unicode.Scalar, inout [UInt8]) -> Void
    ) -> [UInt8] {
        text.withUnsafeBufferPointer { bytes in
            ValidText.mapped(bytes) { part, result in
                for scalar in part.unicodeScalars { map(scalar, &result) }
            }
        }
    }

    private static func stripped(_ text: [UInt8], left: Bool, right: Bool) -> [UInt8]? {
        text.withUnsafeBufferPointer { bytes in
            var (start, end) = (0, bytes.count)
            while left, start < end, case let (scalar, length) = UTF8Scanner.scalar(in: bytes, at: start),
                scalar?.properties.isWhitespace == true
            {
                start += length
            }
            while right, end > start, let (scalar, length) = UTF8Scanner.last(in: bytes, before: end),
                scalar.properties.isWhitespace
            {
                end -= length
            }
            return start == 0 && end == bytes.count ? nil : Array(bytes[start..<end])
        }
    }
}
