import RedrafterCore

/// The decoder of the llama and qwen2 architectures: pre-norm blocks of grouped-query attention with rotary
/// embedding and a gated feed-forward block, on any backend.
///
/// Configuration, weights and state are kept apart: a transformer is immutable; what changes lies in a `PassRunner`, which
/// runs it.
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

    /// Runs the rows of a pass through the model and writes their keys and values to the cache.
    ///
    /// Rows whose logits nobody asked for take no part after the attention of the last layer, unless that layer is tapped.
    /// - Parameters:
    ///   - pass: with at most `state.maximumRows` rows of tokens of the vocabulary; the output lies in its buffers.
    ///   - logitRows: rows to compute logits for, at most `TreeLimits.maximumRows`; may be empty.
    func forward(_ pass: Pass, logitRows: [Int]) -> PassOutput {
        let (plan, state, stream) = (pass.plan, pass.state, pass.stream)
        precondition(
            plan.count <= state.maximumRows, "\(plan.count) rows, the state holds \(state.maximumRows)")
        precondition(
            logitRows.count <= state.logits.rows, "\(logitRows.count) rows of logits of \(state.logits.rows)")
        let isEveryRow = logitRows == Array(plan.rows.indices)
        var residual = pass.rows(of: state.residual)
        stream.embed(tokens: plan.rows.map(\.token), table: weights.embedding, into: residual)
        for (index, layer) in weights.layers.enumerated() {
            // A tapped layer works on all rows.
            let narrows = index == weights.layers.count - 1 && state.taps[index] == nil
            appendKeysAndValues(of: residual, layer: index, in: pass)
            if narrows, logitRows.isEmpty { break }
            var attended = attention(layer: index, in: pass)
            if narrows, !isEveryRow {
                residual = pass.gathered(logitRows, of: residual, into: state.selectedResidual)
                attended = pass.gathered(logitRows, of: attended, into: state.selectedAttended)
            }
            stream.linear(attended, weight: layer.attentionOutput, into: residual, accumulate: true)
            feedForward(residual, layer: index, in: pass)
            if let tap = state.taps[index] {
                stream.gatherRows(residual, rows: Array(plan.rows.indices), into: pass.rows(of: tap))
            }
        }
        let hidden = state.hidden.prefix(logitRows.count)
        let logits = state.logits.prefix(logitRows.count)
        if !logitRows.isEmpty {
            if !isEveryRow, state.taps[weights.layers.count - 1] != nil {
                residual = pass.gathered(logitRows, of: residual, into: state.selectedResidual)
            }
            stream.rmsNorm(
                residual, weight: weights.finalNorm, epsilon: configuration.normEpsilon, into: hidden)
            stream.linear(hidden, weight: weights.head, into: logits)
        }
        return PassOutput(logits: logits, hidden: hidden, taps: state.taps.mapValues(pass.rows))
    }

    /// - Throws: `TransformerError.unknownToken` where a token has no row in the embedding.
    func requireKnown(_ tokens: some Sequence<Int32>) throws(TransformerError) {
        for token in tokens where !(0..<configuration.vocabularySize).contains(Int(token)) {
            throw .unknownToken(token, vocabulary: configuration.vocabularySize)
        }
    }

    /// Norm, query/key/value projections, rotary embedding; leaves the queries in `state.queries`.
    private func appendKeysAndValues(of residual: Tensor, layer index: Int, in pass: Pass) {
        let (layer, state, stream) = (weights.layers[index], pass.state, pass.stream)
        let (normed, queries) = (pass.rows(of: state.normed), pass.rows(of: state.queries))
        let (keys, values) = (pass.rows(of: state.keys), pass.rows(of: state.values))
        stream.rmsNorm(
            residual, weight: layer.attentionNorm, epsilon: configuration.normEpsilon, into: normed)
        stream.linear(
            normed, weights: layer.queryKeyValue, biases: layer.queryKeyValueBiases,
            into: [queries, keys, values], accumulate: false)
        stream.rotaryAppend(
            queries: queries, keys: keys, values: values, table: rotary, cache: pass.cache, layer: index,
            plan: pass.plan)
    }

    /// Attention of all rows, by the queries in `state.queries`, over the keys and values that each of them sees.
    private func attention(layer index: Int, in pass: Pass) -> Tensor {
        let attended = pass.rows(of: pass.state.attended)
        pass.stream.attention(
            queries: pass.rows(of: pass.state.queries), cache: pass.cache, layer: index, plan: pass.plan,
            into: attended)
        return attended
    }

    /// `residual += down · (SiLU(gate · norm) ⊙ (up · norm))`
    private func feedForward(_ residual: Tensor, layer index: Int, in pass: Pass) {
        let (layer, stream) = (weights.layers[index], pass.stream)
        let normed = pass.state.normed.prefix(residual.rows)
        let gated = pass.state.gated.prefix(residual.rows)
        stream.rmsNorm(
            residual, weight: layer.feedForwardNorm, epsilon: configuration.normEpsilon, into: normed)
        stream.gatedLinear(normed, gate: layer.gate, up: layer.up, into: gated)
        stream.linear(gated, weight: layer.down, into: residual, accumulate: true)
    }
}
