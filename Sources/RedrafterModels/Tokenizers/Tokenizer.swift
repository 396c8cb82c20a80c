import RedrafterCore

/// Text to tokens and back, identical to Hugging Face `tokenizers`. Immutable.
///
/// Encoding takes O(n log n) time in the length of the text, whatever the text. It cannot fail: bytes that are no
/// UTF-8 are tokens of their own where the vocabulary has tokens for them, and are dropped and counted where not.
public struct Tokenizer: Sendable {
    /// What the tokenizer was built from.
    public let definition: TokenizerDefinition
    /// Tokens that end an answer.
    public let endOfGeneration: Set<Int32>
    let words: WordCutter
    let encoder: WordEncoder
    /// Added tokens that are looked for in the text as it comes.
    let added: AddedTokenMatcher
    /// Added tokens that are looked for in normalized text.
    let addedNormalized: AddedTokenMatcher

    /// Text of added tokens that normalization changes.
    private let respelled: [Int32: [UInt8]]

    /// Tokens, in encoded form, and what was lost on the way.
    public struct Encoding: Sendable, Equatable {
        /// Token ids.
        public var tokens: [Int32]
        /// Bytes for which the vocabulary has no token; they are dropped, as in Hugging Face.
        public var droppedBytes: Int

        /// An encoding of these tokens.
        public init(tokens: [Int32] = [], droppedBytes: Int = 0) {
            self.tokens = tokens
            self.droppedBytes = droppedBytes
        }
    }

    /// Number of tokens; ids are below it. A model may have more rows.
    public var tokenCount: Int { definition.tokens.count }
    /// The token that begins a text.
    public var bos: Int32? { definition.bos }
    /// The token that ends a text.
    public var eos: Int32? { definition.eos }
    /// The token that stands before every prompt.
    public var promptPrefix: Int32? { definition.prefix.first }

    /// Builds the tables; some ten milliseconds for 50,000 tokens.
    public init(_ definition: TokenizerDefinition) {
        var definition = definition
        definition.settleEndOfGeneration()
        self.definition = definition
        endOfGeneration = definition.endOfGeneration
        words = WordCutter(definition)
        encoder = WordEncoder(definition)
        var (added, normalized) = (AddedTokenMatcher(), AddedTokenMatcher())
        var respelled = [Int32: [UInt8]]()
        for id in definition.tokens.indices where definition.isLookedFor(id) {
            let token = Int32(truncatingIfNeeded: id)
            let matching = definition.matching[token] ?? []
            let isControl = definition.kinds[id] != .userDefined
            if matching.contains(.normalized) {
                let spelling = definition.normalized(Array(definition.tokens[id]))
                respelled[token] = spelling
                normalized.insert(spelling, token: token, isControl: isControl, matching)
            } else {
                added.insert(definition.tokens[id], token: token, isControl: isControl, matching)
            }
        }
        self.added = added
        addedNormalized = normalized
        self.respelled = respelled
    }

    /// True for tokens that steer a model and have no text.
    public func isControl(_ token: Int32) -> Bool {
        definition.kinds.indices.contains(Int(token)) && definition.kinds[Int(token)] == .control
    }

    /// The bytes of a token; none for ids outside the vocabulary.
    public func bytes(of token: Int32) -> ArraySlice<UInt8> {
        guard definition.tokens.indices.contains(Int(token)) else { return [] }
        return respelled.isEmpty
            ? definition.tokens[Int(token)] : respelled[token]?[...] ?? definition.tokens[Int(token)]
    }
}
