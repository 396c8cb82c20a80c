import RedrafterCore

extension PassRunner {
    /// Appends tokens to a sequence and commits them.
    ///
    /// Boundaries of passes are multiples of `prefillChunk` in absolute position, so that they depend on the text alone.
    /// - Parameters:
    ///   - tokens: at least one.
    ///   - sequence: the sequence that grows.
    ///   - proceed: asked before each pass with the number of tokens done; false stops.
    /// - Returns: logits and hidden state of the last token alone.
    /// - Throws: `TransformerError.contextFull` and `.unknownToken` before any work; `.cancelled` with whole passes
    ///   committed.
    public func prefill(
        _ tokens: [Int32], sequence: Int = 0, proceed: (Int) -> Bool = { _ in true }
    ) throws(TransformerError) -> PassOutput {
        var done = 0
        while true {
            guard proceed(done) else { throw .cancelled }
            let (count, output) = try prefillOnce(tokens[done...], sequence: sequence)
            done += count
            if done == tokens.count { return output }
        }
    }

    /// Appends the first of some tokens to a sequence, those up to the next boundary, and commits them.
    /// - Parameters:
    ///   - tokens: at least one.
    ///   - sequence: the sequence that grows.
    /// - Returns: the number of tokens that were appended; logits and hidden state of the last one where these were all.
    /// - Throws: `TransformerError.contextFull` where not all tokens fit, and `.unknownToken`, before any work.
    public func prefillOnce(
        _ tokens: ArraySlice<Int32>, sequence: Int = 0
    ) throws(TransformerError) -> (count: Int, output: PassOutput) {
        precondition(!tokens.isEmpty, "a prefill has at least one token")
        let start = lengths[sequence]
        guard tokens.count <= transformer.contextLength - start else {
            throw .contextFull(
                sequence: sequence, needed: start + tokens.count, contextLength: transformer.contextLength)
        }
        try transformer.requireKnown(tokens)
        let count = min(prefillChunk - start % prefillChunk, tokens.count)
        let output = try forward(
            Row.chain(tokens.prefix(count), from: start, sequence: sequence),
            logitRows: count == tokens.count ? [count - 1] : [])
        try commit(Array(0..<count))
        return (count, output)
    }

    /// Appends tokens to a sequence and commits them, and lends the logits or hidden states of all of them.
    /// - Parameters:
    ///   - tokens: in passes of `TreeLimits.maximumRows` rows, the last one shorter.
    ///   - sequence: the sequence that grows.
    ///   - output: which of the two is read.
    ///   - body: receives the values of each pass in order, row-major, one row for each of its tokens.
    /// - Throws: `TransformerError.contextFull` and `.unknownToken` with the passes before committed; `.backend`.
    public func append(
        _ tokens: ArraySlice<Int32>, sequence: Int = 0, lending output: KeyPath<PassOutput, Tensor>,
        to body: (UnsafeBufferPointer<Float>) -> Void
    ) throws(TransformerError) {
        let size = min(TreeLimits.maximumRows, maximumRows)
        for start in stride(from: tokens.startIndex, to: tokens.endIndex, by: size) {
            let chunk = tokens[start..<min(start + size, tokens.endIndex)]
            let rows = Row.chain(chunk, from: lengths[sequence], sequence: sequence)
            let result = try forward(rows, logitRows: Array(rows.indices))
            try wrapping(
                TransformerError.backend, try stream.withValues(result[keyPath: output], body))
            try commit(Array(rows.indices))
        }
    }
}
