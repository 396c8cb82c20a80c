/// What a pass over a model gives; valid until the next pass of the same sequence.
public struct PassOutput: Sendable {
    /// `[rows asked for, vocabulary]`
    public let logits: Tensor
    /// Hidden states after the final norm. `[rows asked for, hidden]`
    public let hidden: Tensor
    /// Outputs of the layers that were tapped, of all rows. `[rows of the pass, hidden]`
    public let taps: [Int: Tensor]

    public init(logits: Tensor, hidden: Tensor, taps: [Int: Tensor] = [:]) {
        self.logits = logits
        self.hidden = hidden
        self.taps = taps
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

    /// From now on passes give the outputs of these layers, besides those that were tapped before.
    /// - Throws: `BackendError.outOfMemory`.
    mutating func tap(_ layers: Set<Int>) throws(BackendError)

    /// Appends the first of some tokens in one pass and commits them. How many depends on their positions alone.
    /// - Parameter tokens: at least one, all in the vocabulary, and no more than the cache has room for.
    /// - Returns: the number of tokens that were appended; logits and hidden state of the last one where these were all.
    mutating func prefill(
        _ tokens: ArraySlice<Int32>
    ) throws(BackendError) -> (count: Int, output: PassOutput)

    /// One pass over the nodes of a tree behind the committed tokens; logits and hidden states of all nodes.
    mutating func forward(_ tree: TokenTree) throws(BackendError) -> PassOutput

    /// Keeps these nodes of the last pass, each after its parent from the root on, and forgets the others.
    mutating func commit(_ path: [Int]) throws(BackendError)
}
