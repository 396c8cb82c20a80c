/// Turns tokens into text one by one, never splitting a character.
///
/// Bytes wait until their character is complete; what can no longer become one is shown as U+FFFD.
public struct StreamDecoder: Sendable {
    private let tokenizer: Tokenizer
    private var pending: [UInt8] = []
    private var isFirst: Bool

    /// - Parameter startsText: the first token begins a text, so a blank that the tokenizer puts before texts is not shown.
    public init(_ tokenizer: Tokenizer, startsText: Bool = false) {
        self.tokenizer = tokenizer
        isFirst = startsText
    }

    /// The characters that this token completes. Control tokens have no text.
    public mutating func append(_ token: Int32) -> String {
        tokenizer.appendText(of: token, isFirst: isFirst, includingControl: false, to: &pending)
        isFirst = false
        let complete = completeLength()
        defer { pending.removeFirst(complete) }
        return String(decoding: pending.prefix(complete), as: UTF8.self)
    }

    /// What is left at the end, incomplete characters as U+FFFD.
    public mutating func flush() -> String {
        defer { pending.removeAll() }
        return String(decoding: pending, as: UTF8.self)
    }

    /// Bytes up to a character at the end that further bytes could complete.
    private func completeLength() -> Int {
        for back in 1...3 where back <= pending.count {
            let byte = pending[pending.count - back]
            guard byte & 0xC0 != 0x80 else { continue }  // a continuation: look further back
            let needed =
                byte >= 0xF0 && byte <= 0xF4
                ? 4 : byte >= 0xE0 && byte < 0xF0 ? 3 : byte >= 0xC2 && byte < 0xE0 ? 2 : 1
            return needed > back ? pending.count - back : pending.count
        }
        return pending.count
    }
}
