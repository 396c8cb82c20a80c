extension Tokenizer {
    /// The bytes of a list of tokens; what encoding puts before a text is taken off again where the tokenizer says so.
    /// - Parameters:
    ///   - tokens: from the start of a text; ids that do not exist have no text.
    ///   - includingControl: spells control tokens out; else they have no text.
    public func decode(_ tokens: some Sequence<Int32>, includingControl: Bool = false) -> [UInt8] {
        var result = [UInt8]()
        var state = definition.decoder.start()
        for token in tokens {
            appendText(of: token, &state, includingControl: includingControl, to: &result)
        }
        return result
    }

    /// The bytes of one token inside a text; control tokens are spelled out.
    public func text(of token: Int32) -> [UInt8] {
        var result = [UInt8]()
        var state = definition.decoder.start(false)
        appendText(of: token, &state, includingControl: true, to: &result)
        return result
    }

    /// Appends the text of one token.
    func appendText(
        of token: Int32, _ state: inout TokenDecoder.State, includingControl: Bool, to result: inout [UInt8]
    ) {
        if isControl(token), !includingControl { return }
        let piece = bytes(of: token)
        guard definition.model == .characterBPE, !piece.isEmpty else {
            result.append(contentsOf: piece)
            return
        }
        let isByte = definition.kinds[Int(token)] == .byte
        definition.decoder.append(piece, isByte: isByte, &state, to: &result)
    }
}
