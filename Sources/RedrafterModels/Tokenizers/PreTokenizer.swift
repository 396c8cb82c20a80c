/// How a byte-level tokenizer cuts text into words before merging; each a hand-written form of the model's pattern.
public enum PreTokenizer: String, Sendable, CaseIterable {
    /// `'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`
    case gpt2 = "gpt-2"
    /// Every numeric character alone, then as GPT-2.
    case smollm
    /// `(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`
    case llama3 = "llama-bpe"
    /// As Llama 3, but numeric characters alone.
    case qwen2

    /// Cuts `text` into words, in order; their ranges cover it.
    func words(in text: ScannedText, _ body: (Range<Int>) -> Void) {
        switch self {
        case .gpt2:
            scan(text, from: 0, to: text.count) {
                gpt2Word(text, $0, $1)
            } body: {
                body($0)
            }
        case .smollm:
            var start = 0
            while start < text.count {
                if text.kinds[start] == .number {
                    body(text.bytes(start..<start + 1))
                    start += 1
                    continue
                }
                var end = start
                while end < text.count, text.kinds[end] != .number { end += 1 }
                scan(text, from: start, to: end) {
                    gpt2Word(text, $0, $1)
                } body: {
                    body($0)
                }
                start = end
            }
        case .llama3:
            scan(text, from: 0, to: text.count) {
                llama3Word(text, $0, $1, digits: 3)
            } body: {
                body($0)
            }
        case .qwen2:
            scan(text, from: 0, to: text.count) {
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

/// Text as a list of characters (Unicode scalars) with the class each has for pre-tokenizers.
///
/// Bytes that are no UTF-8 are characters of class `other`, one each.
struct ScannedText {
    enum Kind: UInt8 {
        case letter, number, newline, space, other

        var isWhitespace: Bool { self == .space || self == .newline }
    }

    let source: UnsafeBufferPointer<UInt8>
    private(set) var kinds: ContiguousArray<Kind> = []
    private var offsets: ContiguousArray<UInt32> = []  // [count + 1]

    var count: Int { kinds.count }

    init(_ source: UnsafeBufferPointer<UInt8>) {
        self.source = source
        kinds.reserveCapacity(source.count)
        offsets.reserveCapacity(source.count + 1)
        var at = 0
        while at < source.count {
            let (scalar, length) = UTF8Scanner.scalar(in: source, at: at)
            kinds.append(Self.kind(of: scalar))
            offsets.append(UInt32(truncatingIfNeeded: at))
            at += length
        }
        offsets.append(UInt32(truncatingIfNeeded: at))
    }

    /// Bytes of a range of characters.
    func bytes(_ range: Range<Int>) -> Range<Int> {
        Int(offsets[range.lowerBound])..<Int(offsets[range.upperBound])
    }

    /// The character where it is ASCII, else 0.
    func ascii(_ index: Int) -> UInt8 {
        let byte = source[Int(offsets[index])]
        return byte < 0x80 ? byte : 0
    }

    func isSpace(_ index: Int) -> Bool { ascii(index) == UInt8(ascii: " ") }

    /// U+017F, the one character outside ASCII that case folding takes to a letter of a contraction.
    func isLongS(_ index: Int) -> Bool {
        let at = Int(offsets[index])
        return source[at] == 0xC5 && at + 1 < source.count && source[at + 1] == 0xBF
    }

    private static let asciiKinds: [Kind] = (0..<128).map { kind(ofAny: Unicode.Scalar(UInt8($0))) }

    private static func kind(of scalar: Unicode.Scalar?) -> Kind {
        guard let scalar else { return .other }
        return scalar.value < 128 ? asciiKinds[Int(scalar.value)] : kind(ofAny: scalar)
    }

    private static func kind(ofAny scalar: Unicode.Scalar) -> Kind {
        if scalar == "\n" || scalar == "\r" { return .newline }
        if scalar.properties.isWhitespace { return .space }
        return switch scalar.properties.generalCategory {
        case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter: .letter
        case .decimalNumber, .letterNumber, .otherNumber: .number
        default: .other
        }
    }
}

/// Strict UTF-8, one character at a time.
enum UTF8Scanner {
    /// The character at `at` and its length; nil and 1 for a byte that begins no valid character.
    static func scalar(in bytes: UnsafeBufferPointer<UInt8>, at: Int) -> (Unicode.Scalar?, Int) {
        let lead = bytes[at]
        if lead < 0x80 { return (Unicode.Scalar(lead), 1) }
        let length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2
        guard lead >= 0xC2, lead <= 0xF4, at + length <= bytes.count else { return (nil, 1) }
        var value = UInt32(lead) & (0x7F >> UInt32(length))
        for offset in 1..<length {
            let unit = bytes[at + offset]
            guard unit & 0xC0 == 0x80 else { return (nil, 1) }
            value = value << 6 | UInt32(unit & 0x3F)
        }
        let least: UInt32 = length == 4 ? 0x10000 : length == 3 ? 0x800 : 0x80
        guard value >= least, let scalar = Unicode.Scalar(value) else { return (nil, 1) }
        return (scalar, length)
    }
}
