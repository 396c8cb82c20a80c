import RedrafterCore

/// The decoder of the llama and qwen2 architectures: pre-norm blocks of grouped-query attention with rotary
/// embedding and a gated feed-forward block, on any backend.
///
/// Configuration, weights and state are kept apart: a transformer is immutable, what changes lies in a
/// `TransformerState` and a `KeyValueCache`.
public struct Transformer: Sendable {
    public let configuration: ModelConfiguration
    public let weights: TransformerWeights
    public let backend: any ComputeBackend
    /// Positions that the rotary table covers, and tokens that a sequence can hold.
    public let contextLength: Int
    private let rotary: RotaryTable

    /// - Throws: `TransformerError.backend` with `.outOfMemory`.
    public init(
        _ configuration: ModelConfiguration, weights: TransformerWeights, contextLength: Int,
        on backend: any ComputeBackend
    ) throws(TransformerError) {
        self.configuration = configuration
        self.weights = weights
        self.backend = backend
        self.contextLength = contextLength
        do {
            rotary = try RotaryTable(configuration, positions: contextLength, on: backend)
        } catch {
            throw .backend(error)
        }
    }

    /// Runs the rows of a plan through the model and writes their keys and values to the cache.
    ///
    /// Rows whose logits nobody asked for take no part after the attention of the last layer.
    /// - Parameters:
    ///   - plan: from `cache.plan`, with at most `state.maximumRows` rows.
    ///   - logitRows: rows to compute logits for, at most `TransformerState.maximumLogitRows`; may be empty.
    ///   - cache: the one that made the plan.
    ///   - state: buffers of the pass; the output lies in them.
    ///   - stream: where the pass is recorded.
    /// - Throws: `TransformerError.unknownToken` before any work is sent.
    public func forward(
        _ plan: RowPlan, logitRows: [Int], cache: KeyValueCache, state: TransformerState,
        on stream: any ComputeStream
    ) throws(TransformerError) -> PassOutput {
        precondition(
            plan.count <= state.maximumRows, "\(plan.count) rows, the state holds \(state.maximumRows)")
        precondition(
            logitRows.count <= state.logits.rows, "\(logitRows.count) rows of logits of \(state.logits.rows)")
        let tokens = plan.rows.map(\.token)
        for token in tokens where !(0..<configuration.vocabularySize).contains(Int(token)) {
            throw .unknownToken(token, vocabulary: configuration.vocabularySize)
        }
        var residual = state.residual.prefix(plan.count)
        stream.embed(tokens: tokens, table: weights.embedding, into: residual)
        for (index, layer) in weights.layers.enumerated() {
            let isLast = index == weights.layers.count - 1
            appendKeysAndValues(residual, layer, index, plan, cache, state, stream)
            if isLast, logitRows.isEmpty { break }
            var attended = state.attended.prefix(plan.count)
            stream.attention(
                queries: state.queries.prefix(plan.count), cache: cache.storage, layer: index, plan: plan,
                into: attended)
            if isLast, logitRows != Array(plan.rows.indices) {
                residual = gathered(logitRows, of: residual, into: state.selectedResidual, stream)
                attended = gathered(logitRows, of: attended, into: state.selectedAttended, stream)
            }
            stream.linear(attended, weight: layer.attentionOutput, into: residual, accumulate: true)
            feedForward(residual, layer, state, stream)
        }
        let hidden = state.hidden.prefix(logitRows.count)
        let logits = state.logits.prefix(logitRows.count)
        if !logitRows.isEmpty {
            stream.rmsNorm(
                residual, weight: weights.finalNorm, epsilon: configuration.normEpsilon, into: hidden)
            stream.linear(hidden, weight: weights.head, into: logits)
        }
        return PassOutput(logits: logits, hidden: hidden)
    }

    /// Norm, query/key/value projections, rotary embedding; leaves the queries in `state.queries`.
    private func appendKeysAndValues(
        _ residual: Tensor, _ layer: TransformerWeights.Layer, _ index: Int, _ plan: RowPlan,
        _ cache: KeyValueCache,
        _ state: TransformerState, _ stream: any ComputeStream
    ) {
        let rows = plan.count
        let (normed, queries) = (state.normed.prefix(rows), state.queries.prefix(rows))
        let (keys, values) = (state.keys.prefix(rows), state.values.prefix(rows))
        stream.rmsNorm(
            residual, weight: layer.attentionNorm, epsilon: configuration.normEpsilon, into: normed)
        stream.linear(
            normed, weights: layer.queryKeyValue, biases: layer.queryKeyValueBiases,
            into: [queries, keys, values],
            accumulate: false)
        stream.rotaryAppend(
            queries: queries, keys: keys, values: values, table: rotary, cache: cache.storage, layer: index,
            plan: plan)
    }

    /// `residual += down · (SiLU(gate · norm) ⊙ (up · norm))`
    private func feedForward(
        _ residual: Tensor, _ layer: TransformerWeights.Layer, _ state: TransformerState,
        _ stream: any ComputeStream
    ) {
        let normed = state.normed.prefix(residual.rows)
        let gated = state.gated.prefix(residual.rows)
        stream.rmsNorm(
            residual, weight: layer.feedForwardNorm, epsilon: configuration.normEpsilon, into: normed)
        stream.gatedLinear(normed, gate: layer.gate, up: layer.up, into: gated)
        stream.linear(gated, weight: layer.down, into: residual, accumulate: true)
    }

    private func gathered(_ rows: [Int], of input: Tensor, into storage: Tensor, _ stream: any ComputeStream)
        -> Tensor
    {
        let output = storage.prefix(rows.count)
        stream.gatherRows(input, rows: rows, into: output)
        return output
    }
}
