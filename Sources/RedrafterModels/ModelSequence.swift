import RedrafterCore

/// One sequence of a runner: what the loop of speculative decoding extends.
public struct ModelSequence: TargetSequence {
    public let runner: PassRunner
    /// Its place among the runner's sequences.
    public let index: Int

    /// - Parameters:
    ///   - runner: what runs the passes.
    ///   - index: below the runner's number of sequences.
    public init(_ runner: PassRunner, index: Int = 0) {
        precondition(
            runner.lengths.indices.contains(index), "sequence \(index) of \(runner.lengths.count)")
        self.runner = runner
        self.index = index
    }

    public var committedCount: Int { runner.lengths[index] }
    public var contextLength: Int { runner.transformer.contextLength }
    public var vocabularySize: Int { runner.transformer.configuration.vocabularySize }
    public var hiddenSize: Int { runner.transformer.configuration.hiddenSize }
    public var embedding: any WeightHandle { runner.transformer.weights.embedding }
    public var backend: any ComputeBackend { runner.transformer.backend }
    public var stream: any ComputeStream { runner.stream }

    /// Keeps the first `length` tokens, or all where there are fewer.
    public func truncate(to length: Int) { runner.truncate(sequence: index, to: length) }

    public func tap(_ layers: Set<Int>) throws(BackendError) {
        try wrapping(Self.backendError, try runner.tap(layers))
    }

    public func prefill(
        _ tokens: ArraySlice<Int32>
    ) throws(BackendError) -> (count: Int, output: PassOutput) {
        try wrapping(Self.backendError, try runner.prefillOnce(tokens, sequence: index))
    }

    public func forward(_ tree: TokenTree) throws(BackendError) -> PassOutput {
        try wrapping(
            Self.backendError,
            try runner.forward(
                tree.rows(from: committedCount, sequence: index), logitRows: Array(0..<tree.count)))
    }

    public func commit(_ path: [Int]) throws(BackendError) {
        try wrapping(Self.backendError, try runner.commit(path))
    }

    /// The loop keeps prompts and trees within the context and the vocabulary, so that only the device is left to fail.
    private static func backendError(_ error: TransformerError) -> BackendError {
        guard case .backend(let error) = error else {
            preconditionFailure("the loop sent invalid rows: \(error)")
        }
        return error
    }
}
