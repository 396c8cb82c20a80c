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
        var result = [UInt16]()
        result.reserveCapacity(data.rows * configuration.hiddenSize)
        for shard in data.shards {
            for answer in shard.answers {
                // The last token was chosen, but nothing was computed from it.
                let tokens = Array(shard.promptTokens[answer.prompt] + shard.tokens[answer.rows].dropLast())
                guard tokens.count <= contextLength else {
                    throw .promptTooLong(tokens: tokens.count, contextLength: contextLength)
                }
                try appendHidden(tokens, from: answer.prompt.count - 1, to: &result)
            }
        }
        return result
    }

    /// Hidden states of the tokens from a place on.
    private func appendHidden(
        _ tokens: [Int32], from first: Int, to result: inout [UInt16]
    ) throws(RedrafterError) {
        do throws(TransformerError) {
            let stream = try TransformerStream(transformer, prefillChunk: prefillChunk)
            try backendErrors { () throws(BackendError) in
                if first > 0 { _ = try stream.prefill(Array(tokens[..<first])) }
            }
            for start in stride(from: first, to: tokens.count, by: TreeLimits.maximumRows) {
                let chunk = tokens[start..<min(start + TreeLimits.maximumRows, tokens.count)]
                try backendErrors { () throws(BackendError) in
                    let output = try stream.forward(TokenTree(chain: chunk))
                    try stream.stream.withValues(output.hidden) { values in
                        for value in values.prefix(chunk.count * configuration.hiddenSize) {
                            result.append(value.halfBits)
                        }
                    }
                    try stream.commit(Array(0..<chunk.count))
                }
            }
        } catch {
            throw .transformer(error)
        }
    }

    private func backendErrors(_ body: () throws(BackendError) -> Void) throws(TransformerError) {
        do { try body() } catch { throw .backend(error) }
    }
}

extension TokenTree {
    /// Tokens that follow one another.
    fileprivate init(chain tokens: ArraySlice<Int32>) {
        self.init(root: tokens[tokens.startIndex])
        var node = 0
        for token in tokens.dropFirst() {
            node = insert(token, after: node, logAcceptance: 0, source: DraftSource())
        }
    }
}
