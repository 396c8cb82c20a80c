/// What a pass over a model gives; valid until the next pass of the same sequence.
public struct PassOutput: Sendable {
    /// `[rows asked for, vocabulary]`
    public let logits: Tensor
    /// Hidden states after the final norm. `[rows asked for, hidden]`
    public let hidden: Tensor

    public init(logits: Tensor, hidden: Tensor) {
        self.logits = logits
        self.hidden = hidden
    }
}

/// One text over a model with its cache: all that the loop needs to know of a model.
public protocol TargetSequence {
    /// Committed tokens.
    var committedCount: Int { get }
    /// Tokens that the cache can hold.
    var contextLength: Int { get }
    /// Tokens below this have a row in the embedding table.
    var vocabularySize: Int { get }
    /// Elements of a hidden state.
    var hiddenSize: Int { get }
    /// Embedding table of the model, for drafters that read it. `[vocabulary, hidden]`
    var embedding: any WeightHandle { get }
    var backend: any ComputeBackend { get }
    /// The stream on which passes are recorded.
    var stream: any ComputeStream { get }

    /// Keeps the first tokens, as many as there are at most, and forgets the others.
    mutating func truncate(to length: Int)

    /// Appends tokens in passes whose boundaries depend on their positions alone, and commits them.
    /// - Parameters:
    ///   - tokens: at least one, all in the vocabulary, and no more than the cache has room for.
    ///   - proceed: asked before each pass with the number of tokens done; false stops.
    /// - Returns: logits and hidden state of the last token; nil where it was stopped, with whole passes committed.
    mutating func prefill(
        _ tokens: [Int32], proceed: (Int) -> Bool
    ) throws(BackendError) -> PassOutput?

    /// One pass over the nodes of a tree behind the committed tokens; logits and hidden states of all nodes.
    mutating func forward(_ tree: TokenTree) throws(BackendError) -> PassOutput

    /// Keeps these nodes of the last pass, each after its parent from the root on, and forgets the others.
    mutating func commit(_ path: [Int]) throws(BackendError)
}
