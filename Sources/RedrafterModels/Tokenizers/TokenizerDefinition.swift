import RedrafterCore

/// What a file says of its tokenizer, before anything is built from it. All text is bytes.
public struct TokenizerDefinition: Sendable {
    /// What words are made of before merging.
    public enum Model: Sendable, Hashable {
        /// Bytes; files spell tokens in the byte-level alphabet (GPT-2).
        case byteLevelBPE
        /// Characters, with tokens for single bytes as fallback where there are any (SentencePiece).
        case characterBPE
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

    /// Which words are taken as tokens whole, whatever their merges.
    public enum WholeWords: Sendable, Hashable {
        case none
        /// All that are tokens (`ignore_merges`, Llama 3).
        case all
        /// Runs of line breaks that are tokens (Gemma 4 in GGUF files).
        case lineBreaks
    }

    /// How an added token is looked for in text; without any, exactly as spelled.
    public struct Matching: OptionSet, Sendable, Hashable {
        public let rawValue: UInt8
        public init(rawValue: UInt8) { self.rawValue = rawValue }

        /// Takes whitespace before it along.
        public static let stripsLeft = Matching(rawValue: 1)
        /// Takes whitespace behind it along.
        public static let stripsRight = Matching(rawValue: 2)
        /// Not inside a word.
        public static let singleWord = Matching(rawValue: 4)
        /// Looked for in the normalized text, itself normalized.
        public static let normalized = Matching(rawValue: 8)
    }

    /// Two neighbouring tokens that become one.
    public struct Merge: Sendable, Hashable {
        public var left: Int32
        public var right: Int32
        public var result: Int32

        public init(left: Int32, right: Int32, result: Int32) {
            self.left = left
            self.right = right
            self.result = result
        }
    }

    /// Path shown in errors.
    public var file: String
    public var model: Model
    /// The bytes each token stands for; for control tokens their spelling. `[vocabulary]`
    public var tokens: ByteStrings
    /// `[vocabulary]`
    public var kinds: [Kind]
    /// Higher is merged first; SentencePiece files without merges. Empty or `[vocabulary]`
    public var scores: [Float]
    /// Pairs of token ids in order of rank, with the token they become.
    public var merges: [Merge]
    public var wholeWords = WholeWords.none
    /// How text is changed before it is cut.
    public var normalizers: [Normalizer] = []
    /// How text is cut before merging, step by step.
    public var preTokenizers: [PreTokenizer] = []
    /// How tokens of characters become text.
    public var decoder = TokenDecoder()
    /// Characters without a token become the unknown token; else they are dropped.
    public var replacesMissingByUnknown = false
    /// Unknown characters side by side become one unknown token.
    public var fusesUnknown = true
    /// Tokens that are looked for in text in a special way.
    public var matching: [Int32: Matching] = [:]
    public var bos: Int32?
    public var eos: Int32?
    public var unknown: Int32?
    public var padding: Int32?
    /// Further tokens that end an answer.
    public var endOfGeneration: Set<Int32> = []
    /// Tokens put before a text, and behind it.
    public var prefix: [Int32] = []
    public var suffix: [Int32] = []
    /// What a reader should know who relies on the file: tokens that are left out, and the like.
    public var warnings: [String] = []
    /// Jinja source.
    public var chatTemplate: String?
    /// The file that it is from, where that is another than the tokenizer's.
    var chatTemplateFile: String?
    /// Further templates by name, such as `tool_use`.
    public var namedChatTemplates: [String: String] = [:]

    /// A definition with nothing special about it; set what differs.
    public init(
        file: String, model: Model, tokens: ByteStrings, kinds: [Kind], scores: [Float] = [], merges: [Merge]
    ) {
        self.file = file
        self.model = model
        self.tokens = tokens
        self.kinds = kinds
        self.scores = scores
        self.merges = merges
    }

    /// The same for tokens in separate arrays.
    public init(
        file: String, model: Model, tokens: [[UInt8]], kinds: [Kind], scores: [Float] = [], merges: [Merge]
    ) {
        self.init(
            file: file, model: model, tokens: ByteStrings(tokens), kinds: kinds, scores: scores,
            merges: merges)
    }

    public var addsBOS: Bool { !prefix.isEmpty }
    public var addsEOS: Bool { !suffix.isEmpty }

    /// Tokens that text can become: not those that only their spelling as a whole stands for.
    func makeVocabulary() -> Vocabulary {
        kinds.withUnsafeBufferPointer { kinds in
            Vocabulary(tokens) {
                switch kinds[$0] {
                case .normal: .yes
                case .userDefined: .unlessTaken
                default: .no
                }
            }
        }
    }

    /// The longest spelling a token may have that is looked for in text.
    static let longestAddedToken = 1024
    /// The longest piece for which merges are worked out from scores; SentencePiece itself stops at 16 characters.
    static let longestScoredPiece = 512

    /// Appends the bytes a token stands for: byte-level spellings and `<0x0A>` decoded, others as they are.
    /// - Returns: the kind given, or `unused` for byte-level tokens with characters that stand for no byte.
    static func append(
        _ spelling: UnsafeRawBufferPointer, _ kind: Kind, _ model: Model, to tokens: inout ByteStrings
    ) -> Kind {
        switch (model, kind) {
        case (.byteLevelBPE, .normal), (.byteLevelBPE, .unused), (.byteLevelBPE, .byte):
            var isDecoded = false
            tokens.append { storage in
                isDecoded = ByteLevelAlphabet.decode(spelling, into: &storage)
                if !isDecoded { storage.append(contentsOf: spelling) }
            }
            return isDecoded ? kind : .unused
        case (.characterBPE, .byte):
            if let byte = byteValue(spelling) {
                tokens.append(CollectionOfOne(byte))
            } else {
                tokens.append(spelling)
            }
        default: tokens.append(spelling)
        }
        return kind
    }

    /// `<0x0A>` for the byte 10.
    static func byteSpelling(_ byte: UInt8) -> String {
        "<0x" + (byte < 16 ? "0" : "") + String(byte, radix: 16, uppercase: true) + ">"
    }

    /// The byte that `<0x0A>` stands for.
    static func byteValue(_ spelling: some RandomAccessCollection<UInt8>) -> UInt8? {
        guard spelling.count == 6, spelling.starts(with: "<0x".utf8), spelling.last == UInt8(ascii: ">")
        else {
            return nil
        }
        var value = 0
        for digit in spelling.dropFirst(3).prefix(2) {
            switch digit {
            case 48...57: value = value * 16 + Int(digit) - 48
            case 65...70: value = value * 16 + Int(digit) - 55
            case 97...102: value = value * 16 + Int(digit) - 87
            default: return nil
            }
        }
        return UInt8(value)
    }

    /// SentencePiece files without merges: any two pieces that make a third merge, the best score first.
    ///
    /// Pieces of more than 512 bytes come from no merge: a file full of them would need quadratic time.
    func mergesFromScores(_ vocabulary: Vocabulary) -> [Merge] {
        let order = tokens.indices.filter {
            kinds[$0] == .normal && tokens.length($0) > 1 && tokens.length($0) <= Self.longestScoredPiece
        }.sorted { (-scores[$0], $0) < (-scores[$1], $1) }
        var merges = [Merge]()
        tokens.storage.withUnsafeBufferPointer { storage in
            for id in order {
                let bytes = UnsafeBufferPointer(rebasing: storage[tokens.range(id)])
                for cut in 1..<bytes.count where bytes[cut] & 0xC0 != 0x80 {
                    guard let left = vocabulary.id(of: UnsafeBufferPointer(rebasing: bytes[..<cut])),
                        let right = vocabulary.id(of: UnsafeBufferPointer(rebasing: bytes[cut...]))
                    else { continue }
                    merges.append(Merge(left: left, right: right, result: Int32(truncatingIfNeeded: id)))
                }
            }
        }
        return merges
    }
}
