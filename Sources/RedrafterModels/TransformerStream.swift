import RedrafterCore

/// One text over a transformer: its cache, its activations and the stream its passes are recorded on. Used from one thread
/// at a time.
public final class TransformerStream: TargetSequence {
    public let transformer: Transformer
    public let stream: any ComputeStream
    private let cache: KeyValueCache
    private let state: TransformerState
    private let prefillChunk: Int

    /// - Parameters:
    ///   - transformer: the model; its weights are shared with other streams.
    ///   - prefillChunk: rows of a prefill pass.
    /// - Throws: `TransformerError.backend` with `.outOfMemory`.
    public init(
        _ transformer: Transformer, prefillChunk: Int = Transformer.prefillChunk
    ) throws(TransformerError) {
        self.transformer = transformer
        self.prefillChunk = prefillChunk
        cache = try KeyValueCache(
            configuration: transformer.configuration, contextLength: transformer.contextLength,
            on: transformer.backend)
        state = try TransformerState(
            transformer.configuration, maximumRows: TransformerState.rows(forChunk: prefillChunk),
            on: transformer.backend)
        stream = transformer.backend.makeStream()
    }

    public var committedCount: Int { cache.lengths[0] }
    public var contextLength: Int { cache.contextLength }
    public var vocabularySize: Int { transformer.configuration.vocabularySize }
    public var hiddenSize: Int { transformer.configuration.hiddenSize }
    public var embedding: any WeightHandle { transformer.weights.embedding }
    public var backend: any ComputeBackend { transformer.backend }

    /// Forgets all but the first tokens.
    public func truncate(to length: Int) { cache.truncate(to: length) }

    /// Appends tokens; see `Transformer.prefill`.
    public func prefill(
        _ tokens: [Int32], proceed: (Int) -> Bool = { _ in true }
    ) throws(BackendError) -> PassOutput? {
        do {
            return try transformer.prefill(
                tokens, chunk: prefillChunk, cache: cache, state: state, on: stream, proceed: proceed)
        } catch .cancelled {
            return nil
        } catch .backend(let error) {
            throw error
        } catch {
            preconditionFailure("the loop sent an invalid prompt: \(error)")
        }
    }

    public func forward(_ tree: TokenTree) throws(BackendError) -> PassOutput {
        try backendErrors { () throws(TransformerError) in
            let plan = try cache.plan(tree.rows(from: committedCount))
            return try transformer.forward(
                plan, logitRows: Array(0..<tree.count), cache: cache, state: state, on: stream)
        }
    }

    public func commit(_ path: [Int]) throws(BackendError) {
        try backendErrors { () throws(TransformerError) in try cache.commit(path, on: stream) }
    }

    /// The loop keeps trees within the context and the vocabulary, so that only the device is left to fail.
    private func backendErrors<Result>(
        _ body: () throws(TransformerError) -> Result
    ) throws(BackendError) -> Result {
        do {
            return try body()
        } catch .backend(let error) {
            throw error
        } catch {
            preconditionFailure("the loop sent an invalid tree: \(error)")
        }
    }
}
