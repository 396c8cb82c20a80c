import RedrafterCore

/// What a file says of its tokenizer, before anything is built from it. All text is bytes.
public struct TokenizerDefinition: Sendable {
    /// How text becomes tokens.
    public enum Model: Sendable, Hashable {
        /// Byte-pair encoding over the bytes of pre-tokens.
        case byteLevelBPE(PreTokenizer)
        /// SentencePiece's byte-pair encoding over characters, with tokens for single bytes as fallback.
        case sentencePieceBPE
    }

    /// What a token is for, with the numbers of GGUF's `token_type`.
    public enum Kind: Int, Sendable {
        case normal = 1
        case unknown = 2
        case control = 3
        case userDefined = 4
        case unused = 5
        case byte = 6
    }

    /// Path shown in errors.
    public var file: String
    public var model: Model
    /// The bytes each token stands for; for control tokens their spelling. `[vocabulary]`
    public var tokens: [[UInt8]]
    public var kinds: [Kind]
    /// Higher is merged first; SentencePiece files without merges. Empty or `[vocabulary]`
    public var scores: [Float]
    /// Pairs of token ids in order of rank, with the token they become.
    public var merges: [Merge]
    /// A word that is a token as a whole is taken so, whatever its merges (Llama 3).
    public var prefersWholeWords = false
    public var bos: Int32?
    public var eos: Int32?
    public var unknown: Int32?
    public var padding: Int32?
    /// Further tokens that end an answer.
    public var endOfGeneration: Set<Int32> = []
    public var addsBOS = false
    public var addsEOS = false
    /// SentencePiece: a space is put before the text.
    public var addsSpacePrefix = false
    /// Jinja source.
    public var chatTemplate: String?

    /// Two neighbouring tokens that become one.
    public struct Merge: Sendable, Hashable {
        public var left: Int32
        public var right: Int32
        public var result: Int32
    }
}
