/// What is looked for in text: a string as it stands, or a regular expression.
public struct TextPattern: Sendable, Hashable {
    enum Kind: Sendable, Hashable {
        case literal([UInt8])
        case expression(Pattern)
    }

    let kind: Kind

    /// A string, not empty.
    init(literal: [UInt8]) { kind = .literal(literal) }

    init(_ pattern: Pattern) { kind = .expression(pattern) }

    /// The source of the expression; nil for a string.
    var source: String? { if case .expression(let pattern) = kind { pattern.source } else { nil } }

    /// Every match, the leftmost first, none overlapping.
    func forEachMatch(in text: UnsafeBufferPointer<UInt8>, _ body: (Range<Int>) -> Void) {
        switch kind {
        case .expression(let pattern): pattern.forEachMatch(in: text, body)
        case .literal(let literal):
            guard let first = literal.first, literal.count <= text.count else { return }
            var at = 0
            while at <= text.count - literal.count {
                guard text[at] == first, (1..<literal.count).allSatisfy({ text[at + $0] == literal[$0] })
                else {
                    at += 1
                    continue
                }
                body(at..<at + literal.count)
                at += literal.count
            }
        }
    }

    /// The text with every match replaced; nil where there is none.
    func replaced(in text: [UInt8], with content: [UInt8]) -> [UInt8]? {
        if case .literal(let literal) = kind, literal.count == 1 {
            return Self.replaced(literal[0], in: text, with: content)
        }
        var result = [UInt8]()
        var end = 0
        var hasMatch = false
        text.withUnsafeBufferPointer { bytes in
            forEachMatch(in: bytes) { match in
                if !hasMatch { result.reserveCapacity(bytes.count + bytes.count / 4) }
                hasMatch = true
                result.append(contentsOf: bytes[end..<match.lowerBound])
                result.append(contentsOf: content)
                end = match.upperBound
            }
        }
        guard hasMatch else { return nil }
        result.append(contentsOf: text[end...])
        return result
    }

    /// The same for one byte: spaces that become blanks.
    private static func replaced(_ byte: UInt8, in text: [UInt8], with content: [UInt8]) -> [UInt8]? {
        guard let first = text.firstIndex(of: byte) else { return nil }
        var result = [UInt8]()
        result.reserveCapacity(text.count + text.count / 2)
        var start = 0
        for at in first..<text.count where text[at] == byte {
            result.append(contentsOf: text[start..<at])
            result.append(contentsOf: content)
            start = at + 1
        }
        result.append(contentsOf: text[start...])
        return result
    }
}
