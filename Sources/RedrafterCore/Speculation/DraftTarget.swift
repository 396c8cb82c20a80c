/// What a drafter is made for: the facts of a loaded model, and the backend both run on.
public struct DraftTarget: Sendable {
    /// Numbers and tokenizer of the model.
    public let fingerprint: ModelFingerprint
    /// Ids below this may be generated.
    public let tokenCount: Int
    /// Tokens that a text can have.
    public let contextLength: Int
    /// What model and drafter run on.
    public let backend: any ComputeBackend

    public init(
        fingerprint: ModelFingerprint, tokenCount: Int, contextLength: Int, backend: any ComputeBackend
    ) {
        self.fingerprint = fingerprint
        self.tokenCount = tokenCount
        self.contextLength = contextLength
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
