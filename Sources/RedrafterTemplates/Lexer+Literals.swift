extension Lexer {
    /// The number at a place.
    static func number(
        in source: [UInt8], at start: Int
    ) throws(Fault) -> (kind: Token.Kind, end: Int) {
        func isDigit(_ index: Int, radix: Int = 10) -> Bool {
            guard index < source.count else { return false }
            let byte = source[index]
            let value: Int
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): value = Int(byte) - 48
            case UInt8(ascii: "a")...UInt8(ascii: "f"): value = Int(byte) - 87
            case UInt8(ascii: "A")...UInt8(ascii: "F"): value = Int(byte) - 55
            default: return false
            }
            return value < radix
        }
        func digits(_ start: Int, radix: Int = 10) -> Int {
            var index = start
            while true {
                if isDigit(index, radix: radix) {
                    index += 1
                } else if index < source.count, source[index] == UInt8(ascii: "_"),
                    isDigit(index + 1, radix: radix)
                {
                    index += 2
                } else {
                    return index
                }
            }
        }
        func text(_ range: Range<Int>) -> String {
            String(decoding: source[range].filter { $0 != UInt8(ascii: "_") }, as: UTF8.self)
        }
        func letter(_ index: Int) -> UInt8 { index < source.count ? source[index] | 0x20 : 0 }

        if source[start] == UInt8(ascii: "0") {
            let radix = [UInt8(ascii: "x"): 16, UInt8(ascii: "o"): 8, UInt8(ascii: "b"): 2][letter(start + 1)]
            if let radix {
                let end = digits(start + 2, radix: radix)
                guard end > start + 2, let value = Int(text(start + 2..<end), radix: radix) else {
                    throw .unsupported("an integer of more than 64 bits", nearest: "\(Int.max)")
                }
                return (.integer(value), end)
            }
        }
        var end = digits(start)
        var isFraction = false
        // `x.1.2` is two indices.
        if start == 0 || source[start - 1] != UInt8(ascii: ".") {
            if end < source.count, source[end] == UInt8(ascii: "."), isDigit(end + 1) {
                isFraction = true
                end = digits(end + 1)
            }
            if letter(end) == UInt8(ascii: "e") {
                let hasSign =
                    end + 1 < source.count
                    && [UInt8(ascii: "+"), UInt8(ascii: "-")].contains(source[end + 1])
                let exponent = end + (hasSign ? 2 : 1)
                if isDigit(exponent) {
                    isFraction = true
                    end = digits(exponent)
                }
            }
        }
        let text = text(start..<end)
        if isFraction { return (.double(Double(text) ?? .infinity), end) }
        guard let value = Int(text) else {
            throw .unsupported("an integer of more than 64 bits", nearest: "\(Int.max)")
        }
        return (.integer(value), end)
    }

    /// The string whose opening quote stands at a place, with its escapes decoded.
    static func string(in source: [UInt8], at start: Int) throws(Fault) -> (text: TemplateString, end: Int) {
        let quote = source[start]
        var text = [UInt8]()
        var at = start + 1
        while at < source.count, source[at] != quote {
            guard source[at] == UInt8(ascii: "\\") else {
                text.append(source[at])
                at += 1
                continue
            }
            guard at + 1 < source.count else { break }
            at = try escape(in: source, at: at + 1, into: &text)
        }
        guard at < source.count else { throw .syntax("a string without its closing quote") }
        return (TemplateString(text), at + 1)
    }

    /// - Parameter at: behind the backslash. - Returns: the end of the escape.
    private static func escape(
        in source: [UInt8], at: Int, into text: inout [UInt8]
    ) throws(Fault) -> Int {
        switch source[at] {
        case UInt8(ascii: "\n"): break
        case UInt8(ascii: "n"): text.append(0x0A)
        case UInt8(ascii: "t"): text.append(0x09)
        case UInt8(ascii: "r"): text.append(0x0D)
        case UInt8(ascii: "b"): text.append(0x08)
        case UInt8(ascii: "f"): text.append(0x0C)
        case UInt8(ascii: "v"): text.append(0x0B)
        case UInt8(ascii: "a"): text.append(0x07)
        case UInt8(ascii: "\\"), UInt8(ascii: "'"), UInt8(ascii: "\""): text.append(source[at])
        case UInt8(ascii: "x"): return try code(in: source, at: at + 1, digits: 2, into: &text)
        case UInt8(ascii: "u"): return try code(in: source, at: at + 1, digits: 4, into: &text)
        case UInt8(ascii: "U"): return try code(in: source, at: at + 1, digits: 8, into: &text)
        case UInt8(ascii: "N"): throw .unsupported("the escape \\N{…} in a string", nearest: "\\uXXXX")
        case UInt8(ascii: "0")...UInt8(ascii: "7"):
            var end = at
            var value: UInt32 = 0
            while end < source.count, end < at + 3,
                (UInt8(ascii: "0")...UInt8(ascii: "7")).contains(source[end])
            {
                value = value * 8 + UInt32(source[end] - 48)
                end += 1
            }
            try append(value, to: &text)
            return end
        default:
            text.append(UInt8(ascii: "\\"))
            text.append(source[at])
        }
        return at + 1
    }

    private static func code(
        in source: [UInt8], at start: Int, digits: Int, into text: inout [UInt8]
    ) throws(Fault) -> Int {
        guard start + digits <= source.count,
            let value = UInt32(String(decoding: source[start..<start + digits], as: UTF8.self), radix: 16)
        else { throw .syntax("an incomplete escape in a string") }
        try append(value, to: &text)
        return start + digits
    }

    private static func append(_ value: UInt32, to text: inout [UInt8]) throws(Fault) {
        guard let scalar = Unicode.Scalar(value), let encoded = UTF8.encode(scalar) else {
            throw .unsupported("half of a surrogate pair in a string", nearest: "\\UXXXXXXXX")
        }
        text.append(contentsOf: encoded)
    }
}
