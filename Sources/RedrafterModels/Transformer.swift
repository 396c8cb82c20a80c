import RedrafterCore

/// The decoder of all architectures: layers of grouped-query attention and a gated feed-forward block, put together as
/// `ModelConfiguration.block` and `layerKinds` say, on any backend.
///
/// Configuration, weights and state are kept apart: a transformer is immutable; what changes lies in a `PassRunner`, which
/// runs it.
public struct Transformer: Sendable {
    public let configuration: ModelConfiguration
    public let weights: TransformerWeights
    public let backend: any ComputeBackend
    /// Positions that the rotary table covers, and tokens that a sequence can hold.
    public let contextLength: Int
    private let rotary: RotaryTables

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
            rotary = try RotaryTables(configuration, positions: contextLength, on: backend)
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
        if configuration.embeddingScale != 1 { stream.scale(residual, by: configuration.embeddingScale) }
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
            add(
                attended, through: layer.attentionOutput, bias: layer.attentionOutputBias,
                norm: layer.attentionPostNorm, to: residual, in: pass)
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
            norm(residual, weights.finalNorm, into: hidden, in: pass)
            stream.linear(hidden, weight: weights.head, into: logits)
            if configuration.logitScale != 1 { stream.scale(logits, by: configuration.logitScale) }
            if let limit = configuration.logitSoftcap { stream.softcap(logits, limit: limit) }
        }
        return PassOutput(logits: logits, hidden: hidden, taps: state.taps.mapValues(pass.rows))
    }

    /// - Throws: `TransformerError.unknownToken` where a token has no row in the embedding.
    func requireKnown(_ tokens: some Sequence<Int32>) throws(TransformerError) {
        for token in tokens where !(0..<configuration.vocabularySize).contains(Int(token)) {
            throw .unknownToken(token, vocabulary: configuration.vocabularySize)
        }
    }

    /// Norms, query/key/value projections, rotary embedding; leaves the queries in `state.queries`.
    private func appendKeysAndValues(of residual: Tensor, layer index: Int, in pass: Pass) {
        let (layer, state, stream) = (weights.layers[index], pass.state, pass.stream)
        let (queries, keys, values) = (
            pass.rows(of: state.queries), pass.rows(of: state.keys), pass.rows(of: state.values)
        )
        stream.linear(
            normed(residual, by: layer.attentionNorm, in: pass), weights: layer.queryKeyValue,
            biases: layer.queryKeyValueBiases, into: [queries, keys, values], accumulate: false)
        for (tensor, weight) in [(queries, layer.queryNorm), (keys, layer.keyNorm)] {
            guard let weight else { continue }
            let parts = tensor.split(columns: weight.columns)
            norm(parts, weight, into: parts, in: pass)
        }
        stream.rotaryAppend(
            queries: queries, keys: keys, values: values,
            table: rotary[configuration.layerKinds[index].positions], cache: pass.cache, layer: index,
            plan: pass.plan)
    }

    /// Attention of all rows, by the queries in `state.queries`, over the keys and values that each of them sees.
    private func attention(layer index: Int, in pass: Pass) -> Tensor {
        let attended = pass.rows(of: pass.state.attended)
        pass.stream.attention(
            queries: pass.rows(of: pass.state.queries), cache: pass.cache, layer: index, plan: pass.plan,
            scores: configuration.scores(ofLayer: index), into: attended)
        return attended
    }

    /// `residual += down · (activation(gate · norm) ⊙ (up · norm))`
    private func feedForward(_ residual: Tensor, layer index: Int, in pass: Pass) {
        let layer = weights.layers[index]
        let gated = pass.state.gated.prefix(residual.rows)
        pass.stream.gatedLinear(
            normed(residual, by: layer.feedForwardNorm, in: pass), gate: layer.gate, up: layer.up,
            activation: configuration.block.activation, into: gated)
        add(gated, through: layer.down, norm: layer.feedForwardPostNorm, to: residual, in: pass)
    }

    /// `residual += scale · norm(weight · input + bias)`, each where the architecture has it. Overwrites `state.normed`.
    private func add(
        _ input: Tensor, through weight: any WeightHandle, bias: Tensor? = nil, norm postNorm: Tensor?,
        to residual: Tensor, in pass: Pass
    ) {
        let scale = configuration.block.residualScale
        guard postNorm != nil || scale != 1 else {
            return pass.stream.linear(input, weight: weight, bias: bias, into: residual, accumulate: true)
        }
        let branch = pass.state.normed.prefix(residual.rows)
        pass.stream.linear(input, weight: weight, bias: bias, into: branch)
        if let postNorm { norm(branch, postNorm, into: branch, in: pass) }
        if scale != 1 { pass.stream.scale(branch, by: scale) }
        pass.stream.add(branch, to: residual)
    }

    /// The norm of the residual in `state.normed`; the residual itself where the architecture has no norm here.
    private func normed(_ residual: Tensor, by weight: Tensor?, in pass: Pass) -> Tensor {
        guard let weight else { return residual }
        let output = pass.state.normed.prefix(residual.rows)
        norm(residual, weight, into: output, in: pass)
        return output
    }

    private func norm(_ input: Tensor, _ weight: Tensor, into output: Tensor, in pass: Pass) {
        pass.stream.rmsNorm(input, weight: weight, epsilon: configuration.normEpsilon, into: output)
    }
}
