import RedrafterCore

/// Text to tokens and back, identical to Hugging Face `tokenizers`. Immutable.
public struct Tokenizer: Sendable {
    public let definition: TokenizerDefinition
    /// Tokens that end an answer.
    public let endOfGeneration: Set<Int32>
    private let vocabulary: Vocabulary
    private let merger: BytePairMerger
    /// Token for each single byte, −1 where the vocabulary has none.
    private let byteTokens: [Int32]
    private let specials: SpecialTokens

    /// Tokens, in encoded form, and what was lost on the way.
    public struct Encoding: Sendable, Equatable {
        public var tokens: [Int32]
        /// Bytes for which the vocabulary has no token; they are dropped, as in Hugging Face.
        public var droppedBytes: Int
    }

    public var vocabularySize: Int { definition.tokens.count }
    public var bos: Int32? { definition.bos }
    public var eos: Int32? { definition.eos }

    public init(_ definition: TokenizerDefinition) {
        self.definition = definition
        let isText: (Int) -> Bool = { [kinds = definition.kinds] id in
            kinds[id] == .normal || kinds[id] == .userDefined || kinds[id] == .unused
        }
        vocabulary = Vocabulary(definition.tokens, isIndexed: isText)
        merger = BytePairMerger(definition.merges)
        byteTokens = Self.byteTokens(definition, vocabulary)
        specials = SpecialTokens(definition)
        endOfGeneration = Self.endOfGeneration(definition)
    }

    public func isControl(_ token: Int32) -> Bool {
        definition.kinds.indices.contains(Int(token)) && definition.kinds[Int(token)] == .control
    }

    /// The bytes of a token; none for ids outside the vocabulary.
    public func bytes(of token: Int32) -> ArraySlice<UInt8> {
        guard token >= 0, Int(token) < vocabulary.count else { return [] }
        return vocabulary.bytes(of: Int(token))
    }

    // MARK: - Text to tokens

    /// Tokens of a text.
    /// - Parameter parseSpecial: recognises control tokens written in the text; else they are plain text.
    public func encode(_ text: String, parseSpecial: Bool) -> [Int32] {
        encode(bytes: Array(text.utf8), parseSpecial: parseSpecial).tokens
    }

    /// The same for bytes, which need not be UTF-8.
    public func encode(bytes: [UInt8], parseSpecial: Bool) -> Encoding {
        var encoding = Encoding(tokens: [], droppedBytes: 0)
        bytes.withUnsafeBufferPointer { bytes in
            var start = 0
            var isFirst = true
            while start < bytes.count {
                let found = specials.next(in: bytes, from: start, includingControl: parseSpecial)
                let end = found?.range.lowerBound ?? bytes.count
                if end > start {
                    encodeText(
                        UnsafeBufferPointer(rebasing: bytes[start..<end]), startsText: isFirst,
                        into: &encoding)
                }
                isFirst = false
                guard let found else { break }
                encoding.tokens.append(found.token)
                start = found.range.upperBound
            }
        }
        return encoding
    }

    /// Tokens of a prompt: the text with the model's begin-of-sequence token where it wants one.
    public func encodePrompt(_ text: String, parseSpecial: Bool = true) -> Encoding {
        var encoding = encode(bytes: Array(text.utf8), parseSpecial: parseSpecial)
        if let prefix = promptPrefix, encoding.tokens.first != prefix {
            encoding.tokens.insert(prefix, at: 0)
        }
        return encoding
    }

    /// The token that stands before every prompt.
    public var promptPrefix: Int32? { definition.addsBOS ? definition.bos : nil }

    /// Cuts a text at its special tokens: plain bytes, each with the token behind them; nil at the end.
    func forEachSpecial(in bytes: [UInt8], _ body: (_ plain: ArraySlice<UInt8>, _ token: Int32?) -> Void) {
        bytes.withUnsafeBufferPointer { buffer in
            var start = 0
            while let found = specials.next(in: buffer, from: start, includingControl: true) {
                body(bytes[start..<found.range.lowerBound], found.token)
                start = found.range.upperBound
            }
            body(bytes[start...], nil)
        }
    }

    private func encodeText(
        _ text: UnsafeBufferPointer<UInt8>, startsText: Bool, into encoding: inout Encoding
    ) {
        switch definition.model {
        case .byteLevelBPE(let preTokenizer):
            var symbols = [Int32]()
            preTokenizer.words(in: ScannedText(text)) { range in
                let word = UnsafeBufferPointer(rebasing: text[range])
                if definition.prefersWholeWords, let whole = vocabulary.id(of: word) {
                    encoding.tokens.append(whole)
                    return
                }
                symbols.removeAll(keepingCapacity: true)
                for byte in word {
                    let token = byteTokens[Int(byte)]
                    if token >= 0 { symbols.append(token) } else { encoding.droppedBytes += 1 }
                }
                merger.merge(&symbols)
                encoding.tokens.append(contentsOf: symbols)
            }
        case .sentencePieceBPE:
            encodePieces(text, into: &encoding)
        }
    }

    /// SentencePiece: spaces become U+2581, the segment is one word, unknown characters fall back to bytes.
    private func encodePieces(_ text: UnsafeBufferPointer<UInt8>, into encoding: inout Encoding) {
        let blank: [UInt8] = [0xE2, 0x96, 0x81]
        var spelled = [UInt8]()
        spelled.reserveCapacity(text.count + text.count / 4 + 3)
        if definition.addsSpacePrefix { spelled += blank }
        for byte in text {
            if byte == UInt8(ascii: " ") { spelled += blank } else { spelled.append(byte) }
        }
        var symbols = [Int32]()
        spelled.withUnsafeBufferPointer { spelled in
            var at = 0
            while at < spelled.count {
                let (_, length) = UTF8Scanner.scalar(in: spelled, at: at)
                if let token = vocabulary.id(of: UnsafeBufferPointer(rebasing: spelled[at..<at + length])) {
                    symbols.append(token)
                } else {
                    for byte in spelled[at..<at + length] {
                        let token = byteTokens[Int(byte)]
                        if token >= 0 {
                            symbols.append(token)
                        } else if let unknown = definition.unknown {
                            if symbols.last != unknown { symbols.append(unknown) }
                        } else {
                            encoding.droppedBytes += 1
                        }
                    }
                }
                at += length
            }
        }
        merger.merge(&symbols)
        encoding.tokens.append(contentsOf: symbols)
    }

    // MARK: - Tokens to text

    /// The bytes of a list of tokens.
    /// - Parameter includingControl: spells control tokens out; else they have no text.
    public func decode(_ tokens: some Sequence<Int32>, includingControl: Bool = false) -> [UInt8] {
        var result = [UInt8]()
        var isFirst = true
        for token in tokens {
            appendText(of: token, isFirst: isFirst, includingControl: includingControl, to: &result)
            isFirst = false
        }
        return result
    }

    /// Appends the text of one token, with SentencePiece's blanks as spaces.
    func appendText(of token: Int32, isFirst: Bool, includingControl: Bool, to result: inout [UInt8]) {
        if isControl(token), !includingControl { return }
        let piece = bytes(of: token)
        guard definition.model == .sentencePieceBPE else {
            result.append(contentsOf: piece)
            return
        }
        var at = piece.startIndex
        // The space that was put before the text is taken off again.
        if isFirst, definition.addsSpacePrefix, piece.starts(with: [0xE2, 0x96, 0x81]) { at += 3 }
        while at < piece.endIndex {
            if piece[at] == 0xE2, at + 2 < piece.endIndex, piece[at + 1] == 0x96, piece[at + 2] == 0x81 {
                result.append(UInt8(ascii: " "))
                at += 3
            } else {
                result.append(piece[at])
                at += 1
            }
        }
    }

    // MARK: - Tables

    private static func byteTokens(_ definition: TokenizerDefinition, _ vocabulary: Vocabulary) -> [Int32] {
        var result = [Int32](repeating: -1, count: 256)
        if case .byteLevelBPE = definition.model {
            for byte in 0..<256 { result[byte] = vocabulary.id(of: [UInt8(byte)]) ?? -1 }
            return result
        }
        for (id, kind) in definition.kinds.enumerated()
        where kind == .byte && definition.tokens[id].count == 1 {
            result[Int(definition.tokens[id][0])] = Int32(id)
        }
        return result
    }

    /// Spellings of tokens that end a turn in the chat formats of the supported families.
    private static let endMarkers: Set<String> = [
        "<|endoftext|>", "<|im_end|>", "<|eot_id|>", "<|end_of_text|>", "<|eom_id|>", "</s>", "<|end|>",
    ]

    private static func endOfGeneration(_ definition: TokenizerDefinition) -> Set<Int32> {
        var result = definition.endOfGeneration
        if let eos = definition.eos { result.insert(eos) }
        for (id, kind) in definition.kinds.enumerated() where kind == .control {
            if endMarkers.contains(String(decoding: definition.tokens[id], as: UTF8.self)) {
                result.insert(Int32(id))
            }
        }
        return result
    }
}

/// Tokens that are found in text by their spelling, the longest first at each place.
struct SpecialTokens: Sendable {
    private struct Entry {
        var bytes: [UInt8]
        var token: Int32
        var isControl: Bool
    }

    private let byFirstByte: [[Entry]]  // [256], longest first

    init(_ definition: TokenizerDefinition) {
        var table = [[Entry]](repeating: [], count: 256)
        for (id, kind) in definition.kinds.enumerated() where kind == .control || kind == .userDefined {
            let bytes = definition.tokens[id]
            guard let first = bytes.first else { continue }  // an empty token is never found
            table[Int(first)].append(Entry(bytes: bytes, token: Int32(id), isControl: kind == .control))
        }
        byFirstByte = table.map { $0.sorted { $0.bytes.count > $1.bytes.count } }
    }

    /// The first special token at or behind `start`.
    func next(
        in text: UnsafeBufferPointer<UInt8>, from start: Int, includingControl: Bool
    ) -> (range: Range<Int>, token: Int32)? {
        for at in start..<text.count {
            let entries = byFirstByte[Int(text[at])]
            guard !entries.isEmpty else { continue }
            for entry in entries where includingControl || !entry.isControl {
                let count = entry.bytes.count
                guard at + count <= text.count else { continue }
                if entry.bytes.indices.allSatisfy({ text[at + $0] == entry.bytes[$0] }) {
                    return (at..<at + count, entry.token)
                }
            }
        }
        return nil
    }
}
