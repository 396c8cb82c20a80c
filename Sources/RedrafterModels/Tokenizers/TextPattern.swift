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
}
