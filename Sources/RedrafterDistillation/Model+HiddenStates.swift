import Redrafter
import RedrafterCore
import RedrafterFormats
import RedrafterModels
import RedrafterTraining

extension Model {
    /// Hidden states after the final norm of all rows of a data set that holds none, as half-precision bits: those that the
    /// answers' tokens were chosen from. `[rows, hidden]`
    /// - Throws: `RedrafterError.promptTooLong` where an answer does not fit the context; `.transformer`.
    func hiddenStates(of data: DistillationData) throws(RedrafterError) -> [UInt16] {
        let runner = try wrapping(
            RedrafterError.transformer, try PassRunner(transformer, prefillChunk: prefillChunk))
        var result = [UInt16]()
        result.reserveCapacity(data.rows * configuration.hiddenSize)
        for shard in data.shards {
            for answer in shard.answers {
                // The last token was chosen, but nothing was computed from it.
                let tokens = Array(shard.promptTokens[answer.prompt] + shard.tokens[answer.rows].dropLast())
                guard tokens.count <= contextLength else {
                    throw .promptTooLong(tokens: tokens.count, contextLength: contextLength)
                }
                runner.reset()
                try wrapping(
                    RedrafterError.transformer,
                    try runner.appendHidden(tokens, from: answer.prompt.count - 1, to: &result))
            }
        }
        return result
    }
}

extension PassRunner {
    /// Hidden states of the tokens of a text from a place on.
    fileprivate func appendHidden(
        _ tokens: [Int32], from first: Int, to result: inout [UInt16]
    ) throws(TransformerError) {
        if first > 0 { _ = try prefill(Array(tokens[..<first])) }
        try append(tokens[first...], lending: \.hidden) { values in
            for value in values { result.append(value.halfBits) }
        }
    }
}
