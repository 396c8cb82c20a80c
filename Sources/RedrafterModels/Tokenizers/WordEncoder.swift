/// Turns words into tokens: bytes or characters, merged as far as merges go.
///
/// A class, so that nothing is counted or copied for each word.
final class WordEncoder: Sendable {
    let vocabulary: Vocabulary
    private let merger: BytePairMerger
    /// Token for each single byte, −1 where the vocabulary has none. `[256]`
    private let byteTokens: [Int32]
    private let isByteLevel: Bool
    private let wholeWords: TokenizerDefinition.WholeWords
    /// What characters without token become; −1 where they are dropped.
    private let unknown: Int32
    private let fusesUnknown: Bool

    init(_ definition: TokenizerDefinition) {
        vocabulary = definition.makeVocabulary()
        merger = BytePairMerger(definition.merges, ranksByResult: !definition.scores.isEmpty)
        byteTokens = Self.byteTokens(definition, vocabulary)
        isByteLevel = definition.model == .byteLevelBPE
        wholeWords = definition.wholeWords
        unknown = definition.replacesMissingByUnknown ? definition.unknown ?? -1 : -1
        fusesUnknown = definition.fusesUnknown
    }

    /// Appends the tokens of a word.
    func encode(
        _ word: UnsafeBufferPointer<UInt8>, _ cache: inout WordCache, into encoding: inout Tokenizer.Encoding
    ) {
        var dropped = 0
        cache.append(word, hash: vocabulary.hash(of: word), to: &encoding.tokens) { tokens in
            if isTakenWhole(word), let whole = vocabulary.id(of: word) {
                tokens.append(whole)
                return true
            }
            let start = tokens.count
            if isByteLevel {
                dropped = appendBytes(of: word, to: &tokens)
            } else {
                dropped = appendCharacters(of: word, to: &tokens)
            }
            merger.merge(&tokens, from: start)
            return dropped == 0
        }
        encoding.droppedBytes += dropped
    }

    private func isTakenWhole(_ word: UnsafeBufferPointer<UInt8>) -> Bool {
        switch wholeWords {
        case .none: false
        case .all: true
        case .lineBreaks: word.allSatisfy { $0 == 0x0A }
        }
    }

    /// - Returns: bytes for which there is no token.
    private func appendBytes(of word: UnsafeBufferPointer<UInt8>, to tokens: inout [Int32]) -> Int {
        let start = tokens.count
        var dropped = 0
        for byte in word {
            let token = byteTokens[Int(byte)]
            if token >= 0 { tokens.append(token) } else { dropped += appendMissing(&tokens, start, bytes: 1) }
        }
        return dropped
    }

    /// Characters; those without a token as bytes.
    private func appendCharacters(of word: UnsafeBufferPointer<UInt8>, to tokens: inout [Int32]) -> Int {
        let start = tokens.count
        var dropped = 0
        var at = 0
        while at < word.count {
            let (_, length) = UTF8Scanner.scalar(in: word, at: at)
            let character = UnsafeBufferPointer(rebasing: word[at..<at + length])
            if let token = vocabulary.id(of: character) {
                tokens.append(token)
            } else if character.allSatisfy({ byteTokens[Int($0)] >= 0 }) {
                for byte in character { tokens.append(byteTokens[Int(byte)]) }
            } else {
                dropped += appendMissing(&tokens, start, bytes: length)
            }
            at += length
        }
        return dropped
    }

    private func appendMissing(_ tokens: inout [Int32], _ start: Int, bytes: Int) -> Int {
        guard unknown >= 0 else { return bytes }
        if !fusesUnknown || tokens.count == start || tokens.last != unknown {
            tokens.append(unknown)
        }
        return 0
    }

    private static func byteTokens(_ definition: TokenizerDefinition, _ vocabulary: Vocabulary) -> [Int32] {
        var result = [Int32](repeating: -1, count: 256)
        if definition.model == .byteLevelBPE {
            for byte in 0..<256 { result[byte] = vocabulary.id(of: [UInt8(byte)]) ?? -1 }
            return result
        }
        for id in definition.tokens.indices
        where definition.kinds[id] == .byte && definition.tokens.length(id) == 1 {
            for byte in definition.tokens[id] where result[Int(byte)] < 0 {
                result[Int(byte)] = Int32(truncatingIfNeeded: id)
            }
        }
        return result
    }
}
