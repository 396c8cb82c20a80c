extension Tokenizer {
    /// The bytes of a list of tokens; the blank that encoding puts before a text is taken off again.
    /// - Parameter includingControl: spells control tokens out; else they have no text.
    public func decode(_ tokens: some Sequence<Int32>, includingControl: Bool = false) -> [UInt8] {
        var result = [UInt8]()
        var isStart = true
        for token in tokens {
            appendText(of: token, isStart: &isStart, includingControl: includingControl, to: &result)
        }
        return result
    }

    /// Appends the text of one token, with SentencePiece's blanks as spaces.
    /// - Parameter isStart: no text came before; false after this token if it has any.
    func appendText(
        of token: Int32, isStart: inout Bool, includingControl: Bool, to result: inout [UInt8]
    ) {
        if isControl(token), !includingControl { return }
        let piece = bytes(of: token)
        guard definition.model == .sentencePieceBPE, !piece.isEmpty else {
            result.append(contentsOf: piece)
            return
        }
        // A `Prepend` put one blank there; `Metaspace` shows none of those that its first token begins with.
        var removable =
            isStart && definition.addsSpacePrefix ? (definition.isBlankNormalized ? 1 : Int.max) : 0
        isStart = false
        var at = piece.startIndex
        while at < piece.endIndex {
            if piece[at] == 0xE2, piece[at...].starts(with: Blank.bytes) {
                if removable > 0, !definition.isBlankNormalized || at == piece.startIndex {
                    removable -= 1
                } else {
                    result.append(UInt8(ascii: " "))
                }
                at += 3
            } else {
                result.append(piece[at])
                at += 1
            }
        }
    }
}
