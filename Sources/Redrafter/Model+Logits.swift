import RedrafterCore
import RedrafterModels

extension Model {
    /// The logits of every position of every sequence, each from an empty cache, in order. `[positions, vocabulary]`
    /// - Parameters:
    ///   - sequences: tokens below `vocabularySize`; each at most as long as the context.
    ///   - body: receives the logits of some positions at a time, row-major.
    public func forEachLogits(
        _ sequences: [[Int32]], _ body: (UnsafeBufferPointer<Float>) -> Void
    ) throws(RedrafterError) {
        try wrappingAll(RedrafterError.transformer) { () throws(TransformerError) in
            let backend = transformer.backend
            let cache = try KeyValueCache(
                configuration: configuration, contextLength: contextLength, on: backend)
            let rows = TransformerState.maximumLogitRows
            let state = try TransformerState(configuration, maximumRows: rows, on: backend)
            let stream = backend.makeStream()
            for sequence in sequences {
                cache.reset()
                for start in stride(from: 0, to: sequence.count, by: rows) {
                    let tokens = sequence[start..<min(start + rows, sequence.count)]
                    let plan = try cache.plan(Row.chain(tokens, from: start))
                    let output = try transformer.forward(
                        plan, logitRows: Array(0..<tokens.count), cache: cache, state: state, on: stream)
                    try lend(output.logits, stream, body)
                    try cache.commit(Array(0..<tokens.count), on: stream)
                }
            }
        }
    }

    private func lend(
        _ logits: Tensor, _ stream: any ComputeStream, _ body: (UnsafeBufferPointer<Float>) -> Void
    ) throws(TransformerError) {
        do {
            try stream.withValues(logits, body)
        } catch {
            throw .backend(error)
        }
    }
}
