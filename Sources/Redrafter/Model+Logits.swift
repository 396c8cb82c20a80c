import RedrafterCore
import RedrafterModels

extension Model {
    /// The logits of every position of every sequence, each from an empty cache, in order. `[positions, vocabulary]`
    /// - Parameters:
    ///   - sequences: tokens below `configuration.vocabularySize`; each at most as long as the context.
    ///   - body: receives the logits of some positions at a time, row-major.
    public func forEachLogits(
        _ sequences: [[Int32]], _ body: (UnsafeBufferPointer<Float>) -> Void
    ) throws(RedrafterError) {
        do {
            let runner = try PassRunner(transformer, maximumRows: TreeLimits.maximumRows)
            for tokens in sequences {
                runner.reset()
                try runner.append(tokens[...], lending: \.logits, to: body)
            }
        } catch {
            throw .transformer(error)
        }
    }
}
