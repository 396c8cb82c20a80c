/// A code point of a text, its bytes and where it came from.
struct TemplateScalar {
    var scalar: Unicode.Scalar
    var range: Range<Int>
    var isInput: Bool
}

extension TemplateString {
    /// Number of code points, as Python's `len` counts.
    var scalarCount: Int { bytes.reduce(0) { $0 + ($1 & 0xC0 == 0x80 ? 0 : 1) } }

    /// The place of the code point after that many others; the end where there are fewer.
    func offset(ofScalar index: Int, from start: Int = 0) -> Int {
        var left = index
        var at = start
        while at < bytes.count {
            if bytes[at] & 0xC0 != 0x80 {
                if left == 0 { return at }
                left -= 1
            }
            at += 1
        }
        return bytes.count
    }

    /// Bytes of the code point that begins with this byte.
    static func length(ofScalar first: UInt8) -> Int {
        first < 0x80 ? 1 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4
    }

    /// The code point at a place where one begins.
    func scalar(at index: Int) -> (scalar: Unicode.Scalar, end: Int) {
        let first = bytes[index]
        guard first >= 0x80 else { return (Unicode.Scalar(first), index + 1) }
        let length = Self.length(ofScalar: first)
        var value = UInt32(first) & (length == 2 ? 0x1F : length == 3 ? 0x0F : 0x07)
        let end = min(index + length, bytes.count)
        for at in (index + 1)..<max(end, index + 1) { value = value << 6 | UInt32(bytes[at] & 0x3F) }
        return (Unicode.Scalar(value) ?? "\u{FFFD}", end)
    }

    /// The code point before a place.
    func scalar(before index: Int) -> (scalar: Unicode.Scalar, start: Int) {
        var start = index - 1
        while start > 0, bytes[start] & 0xC0 == 0x80 { start -= 1 }
        return (scalar(at: start).scalar, start)
    }

    /// All code points.
    var scalars: [TemplateScalar] {
        var result = [TemplateScalar]()
        result.reserveCapacity(bytes.count)
        for segment in segments {
            var at = segment.range.lowerBound
            while at < segment.range.upperBound {
                let (scalar, end) = scalar(at: at)
                result.append(TemplateScalar(scalar: scalar, range: at..<end, isInput: segment.isInput))
                at = end
            }
        }
        return result
    }

    /// Each code point as a text.
    var characters: [TemplateString] {
        var plain = self
        plain.isMarkup = false
        return scalars.map { plain[$0.range] }
    }
}

extension Unicode.Scalar {
    /// White space as Python's `str` has it.
    var isPythonSpace: Bool {
        switch value {
        case 9...13, 28...32, 0x85, 0xA0, 0x1680, 0x2000...0x200A, 0x2028, 0x2029, 0x202F, 0x205F, 0x3000:
            true
        default: false
        }
    }

    /// A line ends here, as Python's `splitlines` has it.
    var isPythonLineEnd: Bool {
        switch value {
        case 10...13, 28...30, 0x85, 0x2028, 0x2029: true
        default: false
        }
    }

    /// Upper, lower or title case: a letter by which Python's `title` and `islower` go.
    var isCasedLetter: Bool { properties.isUppercase || properties.isLowercase || isTitlecase }
    var isTitlecase: Bool { properties.generalCategory == .titlecaseLetter }

    /// Shown as it is by Python's `repr`.
    var isPythonPrintable: Bool {
        if value == 32 { return true }
        return switch properties.generalCategory {
        case .control, .format, .surrogate, .privateUse, .unassigned, .lineSeparator, .paragraphSeparator,
            .spaceSeparator:
            false
        default: true
        }
    }
}
