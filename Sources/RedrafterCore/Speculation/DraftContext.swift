/// What a drafter may look at for one draft.
public struct DraftContext {
    /// All certain tokens of the text; the last one is the root of the tree and not in the cache yet.
    public let tokens: [Int32]
    /// Hidden state after the final norm of the last committed token. `[1, hidden]`; its content is undefined for drafters
    /// that do not require it.
    public let hidden: Tensor
    /// The model's embedding table. `[vocabulary, hidden]`
    public let embedding: any WeightHandle
    /// How the answer is sampled. A drafter may rank its guesses with the noise that the sampler will use:
    /// `GumbelNoise(seed: sampling.seed, position: position(ofDepth:))`.
    public let sampling: SamplingParameters
    /// What the loop has measured so far.
    public let evidence: DraftingEvidence
    /// The stream the drafter's arithmetic is recorded on, the same as the model's.
    public let stream: any ComputeStream

    public init(
        tokens: [Int32], hidden: Tensor, embedding: any WeightHandle, sampling: SamplingParameters = .greedy,
        evidence: DraftingEvidence = DraftingEvidence(), stream: any ComputeStream
    ) {
        precondition(!tokens.isEmpty, "the root is a token")
        self.tokens = tokens
        self.hidden = hidden
        self.embedding = embedding
        self.sampling = sampling
        self.evidence = evidence
        self.stream = stream
    }

    /// The certain token that every guess continues.
    public var root: Int32 { tokens[tokens.count - 1] }

    /// Absolute position of the guesses at a depth of the tree; the root has depth 0.
    public func position(ofDepth depth: Int) -> Int { tokens.count - 1 + depth }
}
