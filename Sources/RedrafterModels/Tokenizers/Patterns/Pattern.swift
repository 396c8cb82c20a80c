/// A regular expression in the syntax and with the results of Oniguruma, as Hugging Face `tokenizers` use it.
///
/// Characters are those of the text's UTF-8; bytes that are none are single characters without properties. Searching a
/// text for all matches takes time linear in the text (times the size of the expression), whatever both are.
struct Pattern: Sendable, Hashable {
    let source: String
    let program: PatternProgram

    /// - Throws: `PatternError` for what is no expression, or a construct that is not supported.
    init(_ source: String) throws(PatternError) {
        self.source = source
        program = try PatternProgram(try PatternParser.parse(source))
    }

    static func == (a: Pattern, b: Pattern) -> Bool { a.source.utf8.elementsEqual(b.source.utf8) }
    func hash(into hasher: inout Hasher) { hasher.combine(Array(source.utf8)) }

    /// Every match in `text`, the leftmost first, none overlapping; empty ones between others.
    func forEachMatch(in text: UnsafeBufferPointer<UInt8>, _ body: (Range<Int>) -> Void) {
        var matcher = PatternMatcher(program, text)
        var start = 0
        var lastEnd: Int?
        while start <= text.count, let match = matcher.next(from: start) {
            if match.isEmpty, match.lowerBound == lastEnd {
                // No empty match right behind another.
                guard match.lowerBound < text.count else { return }
                start = match.lowerBound + matcher.length(at: match.lowerBound)
                lastEnd = match.upperBound
                continue
            }
            body(match)
            start = match.upperBound
            lastEnd = match.upperBound
        }
    }
}
