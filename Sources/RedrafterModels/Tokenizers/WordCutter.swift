/// Cuts normalized text into the words within which tokens merge.
struct WordCutter: Sendable {
    private let steps: [PreTokenizer]
    /// The one step, where it is a known pattern: no list of pieces is made.
    private let pattern: WordPattern?

    init(_ definition: TokenizerDefinition) {
        steps = definition.preTokenizers
        if case .words(let pattern) = steps.first, steps.count == 1 {
            self.pattern = pattern
        } else {
            pattern = nil
        }
    }

    /// Calls with each word in order.
    /// - Parameter startsText: no text, and no token, stands before.
    func forEachWord(
        in text: UnsafeBufferPointer<UInt8>, startsText: Bool, _ body: (UnsafeBufferPointer<UInt8>) -> Void
    ) {
        if let pattern {
            let scanned = ScannedText(text, newestUnicode: pattern == .smollm)
            pattern.words(in: scanned, from: 0, to: scanned.count) {
                body(UnsafeBufferPointer(rebasing: text[$0]))
            }
            return
        }
        guard !steps.isEmpty else { return body(text) }
        var list = PieceList(Array(text), startsText: startsText)
        for step in steps { list.apply(step) }
        list.text.withUnsafeBufferPointer { text in
            for piece in list.pieces { body(UnsafeBufferPointer(rebasing: text[piece])) }
        }
    }
}
