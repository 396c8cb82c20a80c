/// Cuts normalized text into the words within which tokens merge.
struct WordCutter: Sendable {
    private let steps: [PreTokenizer]
    /// The one step, where it is a known pattern: no list of pieces is made.
    private let pattern: WordPattern?
    /// No merge reaches over the blank that begins a word: words are cut there, too, which changes no token and is fast.
    private let cutsAtBlanks: Bool

    init(_ definition: TokenizerDefinition) {
        steps = definition.preTokenizers
        if case .words(let pattern) = steps.first, steps.count == 1 {
            self.pattern = pattern
        } else {
            pattern = nil
        }
        cutsAtBlanks =
            definition.model == .characterBPE && definition.wholeWords != .all
            && !definition.merges.contains { Self.holdsInnerBlank(definition.tokens[Int($0.result)]) }
    }

    /// Calls with each word in order.
    /// - Parameter startsText: no text, and no token, stands before.
    func forEachWord(
        in text: UnsafeBufferPointer<UInt8>, startsText: Bool, _ body: (UnsafeBufferPointer<UInt8>) -> Void
    ) {
        if let pattern {
            let scanned = ScannedText(text, newestUnicode: pattern == .smollm)
            pattern.words(in: scanned, from: 0, to: scanned.count) { cut(text, $0, body) }
            return
        }
        guard !steps.isEmpty else { return cut(text, 0..<text.count, body) }
        var list = PieceList(Array(text), startsText: startsText)
        for step in steps { list.apply(step) }
        list.text.withUnsafeBufferPointer { text in
            for piece in list.pieces { cut(text, piece, body) }
        }
    }

    private func cut(
        _ text: UnsafeBufferPointer<UInt8>, _ piece: Range<Int>, _ body: (UnsafeBufferPointer<UInt8>) -> Void
    ) {
        guard cutsAtBlanks else { return body(UnsafeBufferPointer(rebasing: text[piece])) }
        var start = piece.lowerBound
        var wordHasBegun = false
        var at = start
        while at < piece.upperBound {
            guard Blank.begins(text, at, piece.upperBound) else {
                wordHasBegun = true
                at += 1
                continue
            }
            if wordHasBegun {
                body(UnsafeBufferPointer(rebasing: text[start..<at]))
                start = at
                wordHasBegun = false
            }
            at += Blank.bytes.count
        }
        if start < piece.upperBound { body(UnsafeBufferPointer(rebasing: text[start..<piece.upperBound])) }
    }

    /// A blank behind another character.
    private static func holdsInnerBlank(_ token: ArraySlice<UInt8>) -> Bool {
        token.withUnsafeBufferPointer { bytes in
            var wordHasBegun = false
            var at = 0
            while at < bytes.count {
                let isBlank = Blank.begins(bytes, at, bytes.count)
                if isBlank, wordHasBegun { return true }
                wordHasBegun = wordHasBegun || !isBlank
                at += isBlank ? Blank.bytes.count : 1
            }
            return false
        }
    }
}

/// U+2581, which stands for a space in SentencePiece vocabularies.
enum Blank {
    static let bytes: [UInt8] = [0xE2, 0x96, 0x81]

    static func begins(_ text: UnsafeBufferPointer<UInt8>, _ at: Int, _ end: Int) -> Bool {
        text[at] == 0xE2 && at + 2 < end && text[at + 1] == 0x96 && text[at + 2] == 0x81
    }
}
