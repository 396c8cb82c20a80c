import RedrafterCore

extension Transformer {
    /// Rows of a prefill pass unless said otherwise.
    public static let prefillChunk = 512

    /// Appends tokens to a sequence, in passes whose boundaries are multiples of `chunk` in absolute position, so that they
    /// depend on the prompt alone, and commits them.
    /// - Parameters:
    ///   - tokens: at least one.
    ///   - sequence: the sequence of the cache that grows.
    ///   - chunk: rows of a pass, at most `state.maximumRows`.
    ///   - cache: holds what came before.
    ///   - state: buffers of the pass.
    ///   - stream: where passes are recorded.
    ///   - proceed: asked before each pass with the number of tokens done; false stops.
    /// - Returns: logits and hidden state of the last token alone.
    /// - Throws: `TransformerError.contextFull` and `.unknownToken` before any work; `.cancelled` with whole passes
    ///   committed.
    public func prefill(
        _ tokens: [Int32], sequence: Int = 0, chunk: Int = prefillChunk, cache: KeyValueCache,
        state: TransformerState,
        on stream: any ComputeStream, proceed: (Int) -> Bool = { _ in true }
    ) throws(TransformerError) -> PassOutput {
        precondition(!tokens.isEmpty && chunk > 0, "a prefill has at least one token and one row a pass")
        let start = cache.lengths[sequence]
        guard tokens.count <= cache.contextLength - start else {
            throw .contextFull(
                sequence: sequence, needed: start + tokens.count, contextLength: cache.contextLength)
        }
        for token in tokens where !(0..<configuration.vocabularySize).contains(Int(token)) {
            throw .unknownToken(token, vocabulary: configuration.vocabularySize)
        }
        let rows = min(chunk, state.maximumRows)
        var done = 0
        while true {
            guard proceed(done) else { throw .cancelled }
            let count = min(rows - (start + done) % rows, tokens.count - done)
            let isLast = done + count == tokens.count
            let plan = try cache.plan(
                Row.chain(tokens[done..<(done + count)], from: start + done, sequence: sequence))
            let output = try forward(
                plan, logitRows: isLast ? [count - 1] : [], cache: cache, state: state, on: stream)
            try cache.commit(Array(0..<count), on: stream)
            done += count
            if isLast { return output }
        }
    }
}
