/// Cuts the source of a template into tokens, with the whitespace control of Jinja's `trim_blocks` and `lstrip_blocks`.
///
/// One pass, linear time.
struct Lexer {
    private let source: [UInt8]
    private var at = 0
    private(set) var line = 1
    private var tokens: [Token] = []
    /// The text before ended a line: a tag may be the first of its own.
    private var startsLine = true

    init(_ source: [UInt8]) { self.source = Self.normalised(source) }

    /// Line ends become `\n`; the last one goes.
    private static func normalised(_ source: [UInt8]) -> [UInt8] {
        var result = [UInt8]()
        result.reserveCapacity(source.count)
        var index = 0
        while index < source.count {
            if source[index] == UInt8(ascii: "\r") {
                result.append(UInt8(ascii: "\n"))
                if index + 1 < source.count, source[index + 1] == UInt8(ascii: "\n") { index += 1 }
            } else {
                result.append(source[index])
            }
            index += 1
        }
        if result.last == UInt8(ascii: "\n") { result.removeLast() }
        return result
    }

    /// All tokens; the last one is the end. On an error, `line` is its line.
    mutating func run() throws(Fault) -> [Token] {
        while at < source.count { try nextText() }
        append(.end)
        return tokens
    }

    // MARK: Text

    private enum Tag { case block, output, comment }

    /// Text up to a tag, and the tag.
    private mutating func nextText() throws(Fault) {
        let start = at
        while at < source.count, tag(at: at) == nil { at += 1 }
        guard let tag = tag(at: at) else {
            appendData(start..<source.count, lines: start..<source.count)
            return
        }
        let place = at
        at += 2
        let sign = takeSign()
        appendData(stripped(start..<place, sign, isOutput: tag == .output), lines: start..<place)
        if tag == .block, let end = rawBegin() {
            countLines(place..<end)
            at = end
            startsLine = source[end - 1] == UInt8(ascii: "\n")
            return try raw()
        }
        startsLine = false
        switch tag {
        case .comment: try comment()
        case .block:
            append(.blockBegin)
            try code(closing: UInt8(ascii: "%"))
        case .output:
            append(.outputBegin)
            try code(closing: UInt8(ascii: "}"))
        }
    }

    private func tag(at index: Int) -> Tag? {
        guard index + 1 < source.count, source[index] == UInt8(ascii: "{") else { return nil }
        return switch source[index + 1] {
        case UInt8(ascii: "%"): .block
        case UInt8(ascii: "{"): .output
        case UInt8(ascii: "#"): .comment
        default: nil
        }
    }

    private mutating func takeSign() -> UInt8? {
        guard at < source.count, source[at] == UInt8(ascii: "-") || source[at] == UInt8(ascii: "+") else {
            return nil
        }
        at += 1
        return source[at - 1]
    }

    /// The text before a tag without what the tag's sign, or its standing alone on its line, takes away.
    private func stripped(_ range: Range<Int>, _ sign: UInt8?, isOutput: Bool) -> Range<Int> {
        if sign == UInt8(ascii: "-") {
            var end = range.upperBound
            while end > range.lowerBound, let length = spaceLength(before: end, from: range.lowerBound) {
                end -= length
            }
            return range.lowerBound..<end
        }
        guard sign == nil, !isOutput else { return range }
        var start = range.upperBound
        while start > range.lowerBound, source[start - 1] != UInt8(ascii: "\n") {
            guard let length = spaceLength(before: start, from: range.lowerBound) else { return range }
            start -= length
        }
        return start > range.lowerBound || startsLine ? range.lowerBound..<start : range
    }

    private mutating func appendData(_ range: Range<Int>, lines: Range<Int>) {
        if !range.isEmpty {
            tokens.append(Token(kind: .data, line: line, text: TemplateString(Array(source[range]))))
        }
        countLines(lines)
    }

    private mutating func countLines(_ range: Range<Int>) {
        for index in range where source[index] == UInt8(ascii: "\n") { line += 1 }
    }

    private mutating func append(_ kind: Token.Kind) { tokens.append(Token(kind: kind, line: line)) }

    // MARK: White space

    /// Bytes of the white space character at a place.
    private func spaceLength(at index: Int) -> Int? {
        guard index < source.count else { return nil }
        let first = source[index]
        if first < 0x80 { return Unicode.Scalar(first).isPythonSpace ? 1 : nil }
        let length = TemplateString.length(ofScalar: first)
        guard index + length <= source.count,
            let scalar = TemplateString(Array(source[index..<index + length])).text.unicodeScalars.first
        else { return nil }
        return scalar.isPythonSpace ? length : nil
    }

    private func spaceLength(before end: Int, from start: Int) -> Int? {
        var index = end - 1
        while index > start, source[index] & 0xC0 == 0x80 { index -= 1 }
        guard let length = spaceLength(at: index), index + length == end else { return nil }
        return length
    }

    private mutating func skipSpace() {
        while let length = spaceLength(at: at) {
            if source[at] == UInt8(ascii: "\n") { line += 1 }
            at += length
        }
    }

    private func skippingSpace(_ start: Int) -> Int {
        var index = start
        while let length = spaceLength(at: index) { index += length }
        return index
    }

    // MARK: Raw blocks and comments

    private func hasBytes(_ text: StaticString, at index: Int) -> Bool {
        let count = text.utf8CodeUnitCount
        return index + count <= source.count
            && source[index..<index + count].elementsEqual(
                UnsafeBufferPointer(start: text.utf8Start, count: count))
    }

    /// The end of `raw %}` where that is what stands behind the sign of a block.
    private func rawBegin() -> Int? {
        var index = skippingSpace(at)
        guard hasBytes("raw", at: index) else { return nil }
        index = skippingSpace(index + 3)
        if hasBytes("-%}", at: index) { return skippingSpace(index + 3) }
        return hasBytes("%}", at: index) ? index + 2 : nil
    }

    private mutating func raw() throws(Fault) {
        let start = at
        guard start < source.count else { return }
        while at < source.count {
            guard hasBytes("{%", at: at) else {
                at += 1
                continue
            }
            let place = at
            at += 2
            let sign = takeSign()
            let name = skippingSpace(at)
            if hasBytes("endraw", at: name), let end = blockEnd(at: skippingSpace(name + 6)) {
                appendData(stripped(start..<place, sign, isOutput: false), lines: start..<place)
                countLines(place..<end)
                at = end
                startsLine = source[end - 1] == UInt8(ascii: "\n")
                return
            }
            at = place + 1
        }
        throw .syntax("'raw' without 'endraw'")
    }

    /// The end of a block's closing tag with the white space that goes with it.
    private func blockEnd(at index: Int) -> Int? {
        if hasBytes("+%}", at: index) { return index + 3 }
        if hasBytes("-%}", at: index) { return skippingSpace(index + 3) }
        guard hasBytes("%}", at: index) else { return nil }
        return hasBytes("\n", at: index + 2) ? index + 3 : index + 2
    }

    private mutating func comment() throws(Fault) {
        let start = at
        while at < source.count, !hasBytes("#}", at: at) { at += 1 }
        guard at < source.count else {
            throw .syntax("a comment without '#}'")
        }
        let sign = at > start ? source[at - 1] : 0
        var end = at + 2
        if sign == UInt8(ascii: "-") {
            end = skippingSpace(end)
        } else if sign != UInt8(ascii: "+"), hasBytes("\n", at: end) {
            end += 1
        }
        countLines(start..<end)
        startsLine = source[end - 1] == UInt8(ascii: "\n")
        at = end
    }

    // MARK: Code

    /// Tokens up to the tag's end.
    private mutating func code(closing: UInt8) throws(Fault) {
        let isBlock = closing == UInt8(ascii: "%")
        var open: [Token.Symbol] = []
        while true {
            if open.isEmpty, let end = isBlock ? blockEnd(at: at) : outputEnd(at: at) {
                append(isBlock ? .blockEnd : .outputEnd)
                countLines(at..<end)
                at = end
                startsLine = source[end - 1] == UInt8(ascii: "\n")
                return
            }
            guard at < source.count else {
                append(.end)
                return
            }
            if spaceLength(at: at) != nil {
                skipSpace()
                continue
            }
            switch source[at] {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): try number()
            case UInt8(ascii: "'"), UInt8(ascii: "\""): try string(quote: source[at])
            case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
                UInt8(ascii: "_"), 0x80...:
                try name()
            default: try symbol(&open)
            }
        }
    }

    private func outputEnd(at index: Int) -> Int? {
        if hasBytes("-}}", at: index) { return skippingSpace(index + 3) }
        return hasBytes("}}", at: index) ? index + 2 : nil
    }

    private mutating func symbol(_ open: inout [Token.Symbol]) throws(Fault) {
        guard
            let symbol = Token.Symbol.allCases.first(where: { symbol in
                symbol.rawValue.utf8.count <= source.count - at
                    && source[at..<at + symbol.rawValue.utf8.count].elementsEqual(symbol.rawValue.utf8)
            })
        else { throw .syntax("the character '\(character)' has no meaning here") }
        switch symbol {
        case .leftBrace: open.append(.rightBrace)
        case .leftParenthesis: open.append(.rightParenthesis)
        case .leftBracket: open.append(.rightBracket)
        case .rightBrace, .rightParenthesis, .rightBracket:
            guard let expected = open.popLast() else { throw .syntax("'\(symbol.rawValue)' closes nothing") }
            guard expected == symbol else {
                throw .syntax("'\(symbol.rawValue)' where '\(expected.rawValue)' is expected")
            }
        default: break
        }
        append(.symbol(symbol))
        at += symbol.rawValue.utf8.count
    }

    private var character: String {
        let end = min(source.count, at + TemplateString.length(ofScalar: source[at]))
        return String(decoding: source[at..<end], as: UTF8.self)
    }

    private mutating func number() throws(Fault) {
        let (kind, end) = try Self.number(in: source, at: at)
        append(kind)
        at = end
    }

    private mutating func string(quote: UInt8) throws(Fault) {
        let (text, end) = try Self.string(in: source, at: at)
        tokens.append(Token(kind: .string, line: line, text: text))
        countLines(at..<end)
        at = end
    }

    private mutating func name() throws(Fault) {
        let start = at
        while at < source.count {
            let length = TemplateString.length(ofScalar: source[at])
            let end = min(source.count, at + length)
            guard let scalar = String(decoding: source[at..<end], as: UTF8.self).unicodeScalars.first else {
                break
            }
            guard
                scalar == "_"
                    || (at == start ? scalar.properties.isXIDStart : scalar.properties.isXIDContinue)
            else {
                guard at > start else { throw .syntax("the character '\(scalar)' has no meaning here") }
                break
            }
            at = end
        }
        append(.name(String(decoding: source[start..<at], as: UTF8.self)))
    }
}
