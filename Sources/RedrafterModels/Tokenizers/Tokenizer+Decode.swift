extension Tokenizer {
    /// The bytes of a list of tokens; the blank that encoding puts before a text is taken off again.
    /// - Parameters:
    ///   - tokens: from the start of a text; ids that do not exist have no text.
    ///   - includingControl: spells control tokens out; else they have no text.
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
        var isDropping = isStart && definition.droppedBlanks != .none
        isStart = false
        var at = piece.startIndex
        while at < piece.endIndex {
            if piece[at] == 0xE2, piece[at...].starts(with: Blank.bytes) {
                if !isDropping { result.append(UInt8(ascii: " ")) }
                isDropping = isDropping && definition.droppedBlanks == .all
                at += 3
            } else {
                result.append(piece[at])
                isDropping = isDropping && definition.droppedBlanks == .all
                at += 1
            }
        }
    }
}
