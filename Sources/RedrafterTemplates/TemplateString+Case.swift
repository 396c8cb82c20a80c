extension TemplateString {
    /// Each code point replaced by a text of the same origin.
    private func mapped(_ change: (_ index: Int, _ all: [TemplateScalar]) -> String) -> TemplateString {
        let all = scalars
        var result = TemplateString()
        result.isMarkup = isMarkup
        result.reserve(count)
        for index in all.indices { result.append(change(index, all).utf8, isInput: all[index].isInput) }
        return result
    }

    var uppercased: TemplateString { mapped { $1[$0].scalar.properties.uppercaseMapping } }

    var lowercased: TemplateString { mapped { Self.lower($0, $1) } }

    /// The lower case of a code point; a sigma at the end of a word has one of its own.
    private static func lower(_ index: Int, _ all: [TemplateScalar]) -> String {
        let scalar = all[index].scalar
        guard scalar.value == 0x3A3 else { return scalar.properties.lowercaseMapping }
        func isCased(_ scalar: Unicode.Scalar) -> Bool { scalar.properties.isCased }
        var before = index - 1
        while before >= 0, index - before < 64, all[before].scalar.properties.isCaseIgnorable { before -= 1 }
        var after = index + 1
        while after < all.count, after - index < 64, all[after].scalar.properties.isCaseIgnorable {
            after += 1
        }
        let isFinal =
            before >= 0 && isCased(all[before].scalar) && !(after < all.count && isCased(all[after].scalar))
        return isFinal ? "\u{3C2}" : "\u{3C3}"
    }

    var capitalized: TemplateString {
        mapped { $0 == 0 ? $1[0].scalar.properties.titlecaseMapping : Self.lower($0, $1) }
    }

    /// Python's `title`: a capital behind everything that is no letter.
    var titled: TemplateString {
        mapped { index, all in
            let isInside = index > 0 && all[index - 1].scalar.isCasedLetter
            return isInside ? Self.lower(index, all) : all[index].scalar.properties.titlecaseMapping
        }
    }

    /// Jinja's `title`: a capital behind blanks, hyphens and opening brackets.
    var titledByBlanks: TemplateString {
        mapped { index, all in
            let startsWord = index == 0 || Self.beginsWords(all[index - 1].scalar)
            return startsWord ? all[index].scalar.properties.uppercaseMapping : Self.lower(index, all)
        }
    }

    private static func beginsWords(_ scalar: Unicode.Scalar) -> Bool {
        scalar.isPythonSpace || "-({[<".unicodeScalars.contains(scalar)
    }

    var swappedCase: TemplateString {
        mapped { index, all in
            let properties = all[index].scalar.properties
            return properties.isUppercase
                ? Self.lower(index, all)
                : properties.isLowercase ? properties.uppercaseMapping : String(all[index].scalar)
        }
    }

    var isLowercase: Bool {
        let all = scalars.map(\.scalar)
        return all.contains { $0.properties.isLowercase }
            && !all.contains { $0.properties.isUppercase || $0.isTitlecase }
    }

    var isUppercase: Bool {
        let all = scalars.map(\.scalar)
        return all.contains { $0.properties.isUppercase }
            && !all.contains { $0.properties.isLowercase || $0.isTitlecase }
    }

    var isTitled: Bool {
        var (hasWord, isInside) = (false, false)
        for item in scalars {
            let properties = item.scalar.properties
            if properties.isUppercase || item.scalar.isTitlecase {
                if isInside { return false }
                (hasWord, isInside) = (true, true)
            } else if properties.isLowercase {
                guard isInside else { return false }
            } else {
                isInside = false
            }
        }
        return hasWord
    }

    /// Python's `isdigit` and its like: not empty, and all code points of a kind.
    func isAll(_ name: String) -> Bool {
        if name == "isascii" { return bytes.allSatisfy { $0 < 0x80 } }
        return !isEmpty && scalars.allSatisfy { Self.isOfKind(name, $0.scalar) }
    }

    /// Stretches of letters, digits and underscores.
    var wordCount: Int {
        var (count, isInside) = (0, false)
        for item in scalars {
            let isPart = item.scalar == "_" || Self.isOfKind("isalnum", item.scalar)
            if isPart, !isInside { count += 1 }
            isInside = isPart
        }
        return count
    }

    private static func isOfKind(_ name: String, _ scalar: Unicode.Scalar) -> Bool {
        let category = scalar.properties.generalCategory
        let isLetter = [
            .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter,
        ].contains(category)
        let numeric = scalar.properties.numericType
        return switch name {
        case "isspace": scalar.isPythonSpace
        case "isdecimal": numeric == .decimal
        case "isdigit": numeric == .decimal || numeric == .digit
        case "isnumeric": numeric != nil
        case "isalpha": isLetter
        default: isLetter || numeric != nil
        }
    }
}

extension TemplateString {
    /// Without characters at the ends: those of the set, or white space.
    func trimmed(_ characters: Set<Unicode.Scalar>?, start trimsStart: Bool = true, end trimsEnd: Bool = true)
        -> TemplateString
    {
        func goes(_ scalar: Unicode.Scalar) -> Bool { characters?.contains(scalar) ?? scalar.isPythonSpace }
        var (low, high) = (0, count)
        while trimsStart, low < high, case let next = scalar(at: low), goes(next.scalar) { low = next.end }
        while trimsEnd, low < high, case let last = scalar(before: high), goes(last.scalar) {
            high = last.start
        }
        return self[low..<high]
    }

    /// The place behind the last character that is no white space.
    var trimmedEnd: Int {
        var end = count
        while end > 0, case let last = scalar(before: end), last.scalar.isPythonSpace { end = last.start }
        return end
    }

    func hasSuffix(_ other: TemplateString) -> Bool {
        count >= other.count && bytes[(count - other.count)...].elementsEqual(other.bytes)
    }

    /// Lines as Python's `splitlines` cuts them.
    func lines(keepsEnds: Bool) -> [Range<Int>] {
        var lines = [Range<Int>]()
        var (start, at) = (0, 0)
        while at < count {
            let (scalar, next) = scalar(at: at)
            guard scalar.isPythonLineEnd else {
                at = next
                continue
            }
            var end = next
            if scalar == "\r", end < count, bytes[end] == UInt8(ascii: "\n") { end += 1 }
            lines.append(start..<(keepsEnds ? end : at))
            (start, at) = (end, end)
        }
        if start < count { lines.append(start..<count) }
        return lines
    }

    /// With the characters that HTML gives a meaning escaped, and marked as safe.
    var escapedHTML: TemplateString {
        var result = TemplateString()
        for segment in segments {
            for byte in bytes[segment.range] {
                switch byte {
                case UInt8(ascii: "&"): result.append("&amp;".utf8, isInput: segment.isInput)
                case UInt8(ascii: "<"): result.append("&lt;".utf8, isInput: segment.isInput)
                case UInt8(ascii: ">"): result.append("&gt;".utf8, isInput: segment.isInput)
                case UInt8(ascii: "'"): result.append("&#39;".utf8, isInput: segment.isInput)
                case UInt8(ascii: "\""): result.append("&#34;".utf8, isInput: segment.isInput)
                default: result.append(byte: byte, isInput: segment.isInput)
                }
            }
        }
        result.isMarkup = true
        return result
    }
}
