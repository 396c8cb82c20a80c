/// Finds tokens in text by their spelling: the leftmost first, the longest of those that begin at one place.
///
/// Spellings lie in a trie, so a place costs at most the length of the longest spelling, however many there are.
struct AddedTokenMatcher: Sendable {
    /// A token found, and what part of the text it takes.
    struct Match {
        var range: Range<Int>
        var token: Int32
        /// Where the next one may begin: behind the spelling, even where whitespace behind it is taken along.
        var resume: Int
    }

    // Nodes of the trie; a node's children are a list linked by `sibling`.
    private var roots = [Int32](repeating: -1, count: 256)
    private var bytes: [UInt8] = []
    private var child: [Int32] = []
    private var sibling: [Int32] = []
    private var tokens: [Int32] = []  // −1: no spelling ends here
    private var controls: Set<Int32> = []
    private var matching: [Int32: TokenizerDefinition.Matching] = [:]

    var isEmpty: Bool { bytes.isEmpty }

    /// Adds a token; an empty spelling is never found.
    mutating func insert(
        _ spelling: some Sequence<UInt8>, token: Int32, isControl: Bool,
        _ matching: TokenizerDefinition.Matching
    ) {
        var node: Int32 = -1
        for byte in spelling { node = step(from: node, byte) }
        guard node >= 0, tokens[Int(node)] < 0 else { return }
        tokens[Int(node)] = token
        if isControl { controls.insert(token) }
        if !matching.isEmpty { self.matching[token] = matching }
    }

    private mutating func step(from parent: Int32, _ byte: UInt8) -> Int32 {
        let first = parent < 0 ? roots[Int(byte)] : child[Int(parent)]
        var node = first
        while node >= 0 {
            if bytes[Int(node)] == byte { return node }
            node = parent < 0 ? -1 : sibling[Int(node)]
        }
        node = Int32(truncatingIfNeeded: bytes.count)
        bytes.append(byte)
        child.append(-1)
        tokens.append(-1)
        sibling.append(parent < 0 ? -1 : first)
        if parent < 0 { roots[Int(byte)] = node } else { child[Int(parent)] = node }
        return node
    }

    /// The first token that begins at or behind `start`. Whitespace that it takes along reaches back to `consumed` at most.
    /// - Parameters:
    ///   - whitespace: a run of it that is known already, so that many tokens in one run are found in linear time.
    ///   - isControlAllowed: whether a control token is recognised in this part of the text; where not, its spelling is
    ///     passed over as plain text.
    func next(
        in text: UnsafeBufferPointer<UInt8>, from start: Int, consumed: Int,
        whitespace: inout Range<Int>, isControlAllowed: (Range<Int>) -> Bool
    ) -> Match? {
        var at = start
        while at < text.count {
            guard let found = longest(in: text, at: at) else {
                at += 1
                continue
            }
            let isControl = controls.contains(found.token)
            let flags = matching[found.token] ?? []
            if (isControl && !isControlAllowed(found.range))
                || (flags.contains(.singleWord) && Self.isInsideWord(text, found.range))
            {
                at = found.range.upperBound
                continue
            }
            guard !flags.isEmpty else { return found }
            var (lower, upper) = (found.range.lowerBound, found.range.upperBound)
            if flags.contains(.stripsLeft) {
                while lower > consumed, let (scalar, length) = UTF8Scanner.last(in: text, before: lower),
                    scalar.properties.isWhitespace
                {
                    lower = max(consumed, lower - length)
                }
            }
            if flags.contains(.stripsRight) {
                if !whitespace.contains(upper) {
                    let start = upper
                    while upper < text.count {
                        let (scalar, length) = UTF8Scanner.scalar(in: text, at: upper)
                        guard let scalar, scalar.properties.isWhitespace else { break }
                        upper += length
                    }
                    whitespace = start..<upper
                }
                upper = max(upper, whitespace.upperBound)
            }
            return Match(range: lower..<upper, token: found.token, resume: found.resume)
        }
        return nil
    }

    private func longest(in text: UnsafeBufferPointer<UInt8>, at start: Int) -> Match? {
        var node = roots[Int(text[start])]
        guard node >= 0 else { return nil }
        var at = start + 1
        var best: Match?
        while true {
            if tokens[Int(node)] >= 0 {
                best = Match(range: start..<at, token: tokens[Int(node)], resume: at)
            }
            guard at < text.count else { return best }
            node = child[Int(node)]
            while node >= 0, bytes[Int(node)] != text[at] { node = sibling[Int(node)] }
            guard node >= 0 else { return best }
            at += 1
        }
    }

    /// A word character (`\w` of Rust's `regex`) on either side.
    private static func isInsideWord(_ text: UnsafeBufferPointer<UInt8>, _ range: Range<Int>) -> Bool {
        if let (scalar, _) = UTF8Scanner.last(in: text, before: range.lowerBound), isWord(scalar) {
            return true
        }
        guard range.upperBound < text.count else { return false }
        return UTF8Scanner.scalar(in: text, at: range.upperBound).0.map(isWord) ?? false
    }

    static func isWord(_ scalar: Unicode.Scalar) -> Bool {
        let properties = scalar.properties
        if properties.isAlphabetic || properties.isJoinControl { return true }
        return switch properties.generalCategory {
        case .nonspacingMark, .spacingMark, .enclosingMark, .decimalNumber, .connectorPunctuation: true
        default: false
        }
    }
}
