/// Patterns that cut text into words, each in a hand-written form: those of the most common tokenizers.
public enum WordPattern: String, Sendable, CaseIterable {
    /// `'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`
    case gpt2 = "gpt-2"
    /// Every numeric character alone, then as GPT-2.
    case smollm
    /// `(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`
    case llama3 = "llama-bpe"
    /// As Llama 3, but numeric characters alone.
    case qwen2

    /// The regular expression as files spell it; nil where there is more to it.
    var pattern: String? {
        let contractions = "'s|'t|'re|'ve|'m|'ll|'d"
        let signsAndSpaces = #"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"#
        let lettersBefore = "(?i:" + contractions + #")|[^\r\n\p{L}\p{N}]?\p{L}+|"#
        return switch self {
        case .gpt2: contractions + #"| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"#
        case .smollm: nil
        case .llama3: lettersBefore + #"\p{N}{1,3}"# + signsAndSpaces
        case .qwen2: lettersBefore + #"\p{N}"# + signsAndSpaces
        }
    }

    /// Cuts characters of `text` into words, in order; their ranges cover them.
    func words(in text: ScannedText, from first: Int, to last: Int, _ body: (Range<Int>) -> Void) {
        switch self {
        case .gpt2:
            scan(text, from: first, to: last) {
                gpt2Word(text, $0, $1)
            } body: {
                body($0)
            }
        case .smollm:
            var start = first
            while start < last {
                if text.kinds[start] == .number {
                    body(text.bytes(start..<start + 1))
                    start += 1
                    continue
                }
                var end = start
                while end < last, text.kinds[end] != .number { end += 1 }
                scan(text, from: start, to: end) {
                    gpt2Word(text, $0, $1)
                } body: {
                    body($0)
                }
                start = end
            }
        case .llama3:
            scan(text, from: first, to: last) {
                llama3Word(text, $0, $1, digits: 3)
            } body: {
                body($0)
            }
        case .qwen2:
            scan(text, from: first, to: last) {
                llama3Word(text, $0, $1, digits: 1)
            } body: {
                body($0)
            }
        }
    }

    private func scan(
        _ text: ScannedText, from start: Int, to end: Int, word: (Int, Int) -> Int, body: (Range<Int>) -> Void
    ) {
        var at = start
        while at < end {
            let next = word(at, end)
            body(text.bytes(at..<next))
            at = next
        }
    }

    /// The end of the GPT-2 word that begins at `at`.
    private func gpt2Word(_ text: ScannedText, _ at: Int, _ end: Int) -> Int {
        if let length = contraction(text, at, end, ignoringCase: false) { return at + length }
        // ` ?` before letters, numbers or other signs; whitespace itself is handled below.
        let first = text.isSpace(at) && at + 1 < end && !text.kinds[at + 1].isWhitespace ? at + 1 : at
        let kind = text.kinds[first]
        if !kind.isWhitespace { return run(text, first, end) { $0 == kind } }
        return whitespace(text, at, end)
    }

    private func llama3Word(_ text: ScannedText, _ at: Int, _ end: Int, digits: Int) -> Int {
        if let length = contraction(text, at, end, ignoringCase: true) { return at + length }
        let kind = text.kinds[at]
        if kind == .letter { return run(text, at, end) { $0 == .letter } }
        if kind != .number, kind != .newline, at + 1 < end, text.kinds[at + 1] == .letter {
            return run(text, at + 1, end) { $0 == .letter }
        }
        if kind == .number {
            var next = at
            while next < end, next - at < digits, text.kinds[next] == .number { next += 1 }
            return next
        }
        let first = text.isSpace(at) && at + 1 < end && text.kinds[at + 1] == .other ? at + 1 : at
        if text.kinds[first] == .other {
            let signs = run(text, first, end) { $0 == .other }
            return run(text, signs, end) { $0 == .newline }
        }
        // \s*[\r\n]+ takes whitespace up to the last line break of the run.
        let spaces = run(text, at, end) { $0.isWhitespace }
        if let lastBreak = (at..<spaces).last(where: { text.kinds[$0] == .newline }) { return lastBreak + 1 }
        return whitespace(text, at, end)
    }

    /// `\s+(?!\S)|\s+`: a run of whitespace leaves its last character to the word behind it.
    private func whitespace(_ text: ScannedText, _ at: Int, _ end: Int) -> Int {
        let next = run(text, at, end) { $0.isWhitespace }
        return next < end && next - at > 1 ? next - 1 : next
    }

    private func run(_ text: ScannedText, _ at: Int, _ end: Int, while matches: (ScannedText.Kind) -> Bool)
        -> Int
    {
        var next = at
        while next < end, matches(text.kinds[next]) { next += 1 }
        return next
    }

    /// Length of `'s`, `'t`, `'re`, `'ve`, `'m`, `'ll` or `'d`.
    private func contraction(_ text: ScannedText, _ at: Int, _ end: Int, ignoringCase: Bool) -> Int? {
        guard text.ascii(at) == UInt8(ascii: "'"), at + 1 < end else { return nil }
        func letter(_ index: Int) -> UInt8 {
            if index >= end { return 0 }
            if ignoringCase, text.isLongS(index) { return UInt8(ascii: "s") }  // folds to s
            let byte = text.ascii(index)
            return ignoringCase && (65...90).contains(byte) ? byte + 32 : byte
        }
        let pair = [letter(at + 1), letter(at + 2)]
        if Self.shortContractions.contains(pair[0]) { return 2 }
        return Self.longContractions.contains(pair) ? 3 : nil
    }

    private static let shortContractions: [UInt8] = Array("stmd".utf8)
    private static let longContractions: [[UInt8]] = ["re", "ve", "ll"].map { Array($0.utf8) }
}
