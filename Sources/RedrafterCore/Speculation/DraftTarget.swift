/// The numbers and the tokenizer that a drafter was trained for. Two quantisations of one model have the same fingerprint.
public struct ModelFingerprint: Sendable, Hashable {
    /// Digest of the tokenizer: the bytes of all pieces in order, and the special ids. Hexadecimal.
    public var tokenizer: String
    public var vocabularySize: Int
    public var hiddenSize: Int
    public var layers: Int
    public var heads: Int
    public var keyValueHeads: Int
    public var feedForwardSize: Int

    public init(
        tokenizer: String, vocabularySize: Int, hiddenSize: Int, layers: Int, heads: Int, keyValueHeads: Int,
        feedForwardSize: Int
    ) {
        self.tokenizer = tokenizer
        self.vocabularySize = vocabularySize
        self.hiddenSize = hiddenSize
        self.layers = layers
        self.heads = heads
        self.keyValueHeads = keyValueHeads
        self.feedForwardSize = feedForwardSize
    }
}

/// What a drafter is made for: the facts of a loaded model, and the backend both run on.
public struct DraftTarget: Sendable {
    public let fingerprint: ModelFingerprint
    /// Ids below this may be generated.
    public let vocabularySize: Int
    public let backend: any ComputeBackend

    public init(fingerprint: ModelFingerprint, vocabularySize: Int, backend: any ComputeBackend) {
        self.fingerprint = fingerprint
        self.vocabularySize = vocabularySize
        self.backend = backend
    }
}

/// What a drafter may be told when it is made. Each drafter reads what concerns it.
public struct DrafterOptions: Sendable, Hashable {
    /// Weights of the drafter; nil for those that need none or are shipped.
    public var path: String?
    /// Beams that the search keeps; nil for the drafter's own choice.
    public var beamWidth: Int?
    /// Tokens that are drafted at most, without the certain one; nil for the drafter's own choice.
    public var beamLength: Int?
    /// Guesses for one token that the search looks at (`draftTopK`); nil for all of the drafter's vocabulary.
    public var topK: Int?

    public init(path: String? = nil, beamWidth: Int? = nil, beamLength: Int? = nil, topK: Int? = nil) {
        self.path = path
        self.beamWidth = beamWidth
        self.beamLength = beamLength
        self.topK = topK
    }
}
