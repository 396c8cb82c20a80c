import RedrafterCore

/// Runs a transformer over the rows of any number of sequences. Owns what changes: the keys and values of the sequences, the
/// activations of a pass, and the stream that passes are recorded on. Used from one thread at a time.
///
///     let runner = try PassRunner(transformer, sequences: 2)
///     let first = try runner.prefill(prompt, sequence: 1)             // logits and hidden state of the last token
///     let output = try runner.forward(rows, logitRows: [0, 2])        // rows of one sequence, or of both
///     try runner.commit([0, 2])                                       // keeps two of the rows
///
/// A row's result does not depend on the rows beside it, whatever sequences they belong to.
public final class PassRunner {
    /// Rows of a prefill pass unless said otherwise.
    public static let defaultPrefillChunk = 512

    public let transformer: Transformer
    /// Where passes are recorded; the outputs of a pass are read through it.
    public let stream: any ComputeStream
    /// Rows of a prefill pass.
    public let prefillChunk: Int
    private var cache: KeyValueCache
    private var state: TransformerState

    /// - Parameters:
    ///   - transformer: the model; its weights are shared with other runners.
    ///   - sequences: texts that can be held at the same time, each as long as the context.
    ///   - prefillChunk: rows of a prefill pass.
    ///   - maximumRows: rows of the largest pass, prefill included; nil: room for a prefill pass and for the largest tree.
    /// - Throws: `TransformerError.backend` with `.outOfMemory`.
    public init(
        _ transformer: Transformer, sequences: Int = 1, prefillChunk: Int = defaultPrefillChunk,
        maximumRows: Int? = nil
    ) throws(TransformerError) {
        precondition(prefillChunk > 0, "a prefill pass has at least one row")
        let rows = Self.rows(prefillChunk: prefillChunk, maximumRows: maximumRows)
        self.transformer = transformer
        self.prefillChunk = min(prefillChunk, rows)
        cache = try KeyValueCache(
            configuration: transformer.configuration, contextLength: transformer.contextLength,
            sequences: sequences, on: transformer.backend)
        state = try TransformerState(
            transformer.configuration, maximumRows: rows, on: transformer.backend)
        stream = transformer.backend.makeStream()
    }

    /// Rows that a runner made with these parameters has activations for.
    static func rows(prefillChunk: Int, maximumRows: Int?) -> Int {
        maximumRows ?? max(prefillChunk, TreeLimits.maximumRows)
    }

    /// Rows of the largest pass.
    public var maximumRows: Int { state.maximumRows }

    /// Committed tokens of each sequence. `[sequences]`
    public var lengths: [Int] { cache.lengths }

    /// From now on passes give the outputs of these layers of all their rows, besides those that were tapped before.
    /// - Parameter layers: counted from 0, below the model's number of layers.
    /// - Throws: `TransformerError.backend` with `.outOfMemory`.
    public func tap(_ layers: Set<Int>) throws(TransformerError) {
        precondition(
            layers.allSatisfy(transformer.weights.layers.indices.contains), "no layers \(layers.sorted())")
        try wrapping(TransformerError.backend, try state.tap(layers, on: transformer.backend))
    }

    /// One pass over rows of any sequences behind their committed tokens. The pass is open until `commit`; one that was open
    /// is forgotten.
    ///
    /// Rows without logits take no part after the attention of the last layer.
    /// - Parameters:
    ///   - rows: 1 to `maximumRows`.
    ///   - logitRows: indices of the rows to compute logits and hidden states for, in the order of the output; none, or
    ///     `TreeLimits.maximumRows` at most.
    /// - Returns: valid until the next pass.
    /// - Throws: `TransformerError.contextFull`, `.invalidRows` and `.unknownToken` before any work.
    public func forward(_ rows: [Row], logitRows: [Int]) throws(TransformerError) -> PassOutput {
        try transformer.requireKnown(rows.lazy.map(\.token))
        let plan = try cache.plan(rows)
        return transformer.forward(
            Pass(plan: plan, cache: cache.storage, state: state, stream: stream), logitRows: logitRows)
    }

    /// Keeps rows of the open pass and forgets the others.
    /// - Parameter path: indices of rows, each after its parent; of one sequence or of several.
    /// - Throws: `TransformerError.invalidPath`; the pass is still open then.
    public func commit(_ path: [Int]) throws(TransformerError) {
        try cache.commit(path, on: stream)
    }

    /// Gives one sequence the keys and values of the first `count` tokens of another; beyond them it holds nothing. The open pass is
    /// forgotten.
    /// - Parameters:
    ///   - source: the sequence that holds them.
    ///   - target: the sequence that receives them.
    ///   - shared: how many of them it has already: entries of the same tokens.
    ///   - count: at most what `source` holds.
    public func copy(from source: Int, to target: Int, shared: Int = 0, count: Int) {
        cache.copy(from: source, to: target, shared: shared, count: count, on: stream)
    }

    /// Keeps the first `length` tokens of a sequence, or all where it has fewer. The open pass is forgotten.
    public func truncate(sequence: Int = 0, to length: Int) {
        cache.truncate(sequence: sequence, to: length)
    }

    /// Forgets all sequences.
    public func reset() { cache.reset() }
}
