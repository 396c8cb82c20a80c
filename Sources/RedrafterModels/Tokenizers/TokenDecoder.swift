/// How tokens that are not spelled in the byte-level alphabet become text.
///
/// Everything is said token by token, so that a stream can be shown as it comes.
public struct TokenDecoder: Sendable, Hashable {
    /// A string in the spelling of tokens and what it becomes.
    public struct Replacement: Sendable, Hashable {
        public var pattern: [UInt8]
        public var content: [UInt8]

        public init(pattern: [UInt8], content: [UInt8]) {
            self.pattern = pattern
            self.content = content
        }
    }

    /// In order; single bytes are left alone.
    public var replacements: [Replacement] = []
    /// Blanks of the first token are dropped instead of replaced (`Metaspace`).
    public var dropsBlanksOfFirst: [UInt8]?
    /// What is taken off the start of a text, and how often (`Strip` behind `Fuse`).
    public var trimmed: [UInt8] = []
    public var trimCount = 0
    /// Tokens like `<0x0A>` become the byte (`ByteFallback`).
    public var decodesBytes = true
    /// A space stands between tokens: there is no decoder at all.
    public var joinsWithSpaces = false

    public init() {}

    /// SentencePiece: blanks become spaces, and one space is taken off the start where one was put there.
    public static func sentencePiece(dropsFirstSpace: Bool) -> TokenDecoder {
        var decoder = TokenDecoder()
        decoder.replacements = [Replacement(pattern: Blank.bytes, content: [UInt8(ascii: " ")])]
        if dropsFirstSpace {
            decoder.trimmed = [UInt8(ascii: " ")]
            decoder.trimCount = 1
        }
        return decoder
    }

    /// Where a decoding is.
    struct State: Sendable {
        var isFirst: Bool
        /// How much may still be taken off the start.
        var toTrim: Int
    }

    func start(_ isStartOfText: Bool = true) -> State {
        State(isFirst: isStartOfText, toTrim: isStartOfText ? trimCount : 0)
    }

    /// Appends what a token becomes.
    func append(
        _ piece: ArraySlice<UInt8>, isByte: Bool, _ state: inout State, to result: inout [UInt8]
    ) {
        defer { state.isFirst = false }
        if joinsWithSpaces, !state.isFirst { result.append(UInt8(ascii: " ")) }
        var (piece, isByte) = (piece, isByte)
        if isByte, !decodesBytes, let byte = piece.first {
            (piece, isByte) = (Array(TokenizerDefinition.byteSpelling(byte).utf8)[...], false)
        } else if !isByte, decodesBytes, let byte = TokenizerDefinition.byteValue(piece) {
            (piece, isByte) = ([byte], true)
        }
        guard !isByte, !replacements.isEmpty || dropsBlanksOfFirst != nil else {
            return trim(piece, &state, &result)
        }
        var text = piece
        if state.isFirst, let blank = dropsBlanksOfFirst { Self.replace(blank, [], in: &text) }
        for replacement in replacements { Self.replace(replacement.pattern, replacement.content, in: &text) }
        trim(text, &state, &result)
    }

    private func trim(_ piece: ArraySlice<UInt8>, _ state: inout State, _ result: inout [UInt8]) {
        var piece = piece
        while state.toTrim > 0, piece.starts(with: trimmed) {
            piece = piece.dropFirst(trimmed.count)
            state.toTrim -= 1
        }
        if !piece.isEmpty { state.toTrim = 0 }
        result.append(contentsOf: piece)
    }

    private static func replace(_ pattern: [UInt8], _ content: [UInt8], in text: inout ArraySlice<UInt8>) {
        guard let first = pattern.first, text.contains(first) else { return }
        let replaced = TextPattern(literal: pattern).replaced(in: Array(text), with: content)
        if let replaced { text = replaced[...] }
    }
}
