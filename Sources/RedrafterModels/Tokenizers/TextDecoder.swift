/// Turns tokens into text one by one, never splitting a character.
///
/// Bytes wait until their character is complete; bytes that can no longer become one are shown as U+FFFD.
public struct TextDecoder: Sendable {
    private let tokenizer: Tokenizer
    private var pending: [UInt8] = []  // at most three bytes between calls
    private var state: TokenDecoder.State

    /// - Parameters:
    ///   - tokenizer: the one whose tokens come.
    ///   - startsText: the first token begins a text, so a blank that the tokenizer puts before texts is not
    ///     shown.
    public init(_ tokenizer: Tokenizer, startsText: Bool = false) {
        self.tokenizer = tokenizer
        state = tokenizer.definition.decoder.start(startsText)
    }

    /// The characters that this token completes. Control tokens have no text.
    public mutating func append(_ token: Int32) -> String {
        tokenizer.appendText(of: token, &state, includingControl: false, to: &pending)
        let waiting = Self.incompleteLength(pending)
        let complete = pending.count - waiting
        defer { pending.removeFirst(complete) }
        return String(decoding: pending.prefix(complete), as: UTF8.self)
    }

    /// What is left at the end, incomplete characters as U+FFFD.
    public mutating func flush() -> String {
        defer { pending.removeAll() }
        return String(decoding: pending, as: UTF8.self)
    }

    /// Length of the character at the end that further bytes could complete.
    private static func incompleteLength(_ bytes: [UInt8]) -> Int {
        for back in 1...3 where back <= bytes.count {
            let start = bytes.count - back
            let lead = bytes[start]
            guard lead & 0xC0 != 0x80 else { continue }  // a continuation: look further back
            let needed =
                switch lead {
                case 0xC2...0xDF: 2
                case 0xE0...0xEF: 3
                case 0xF0...0xF4: 4
                default: 1
                }
            guard needed > back else { return 0 }
            guard back > 1 else { return back }
            // The byte behind the lead decides whether this can still become a character.
            let isPossible =
                switch (lead, bytes[start + 1]) {
                case (0xE0, ..<0xA0), (0xED, 0xA0...), (0xF0, ..<0x90), (0xF4, 0x90...): false
                default: true
                }
            return isPossible ? back : 0
        }
        return 0
    }
}
