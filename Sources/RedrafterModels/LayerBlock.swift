import RedrafterCore

/// How the parts of a decoder layer are put together. The defaults are those of Llama.
public struct LayerBlock: Sendable, Hashable {
    /// Where the norms of a layer stand.
    public enum Norms: Sendable, Hashable {
        /// `x += f(norm x)`: Llama and most others.
        case before
        /// `x += norm f(x)`: OLMo 2 (arXiv 2501.00656, section 3.3).
        case after
        /// `x += norm f(norm x)`: Gemma 2 and 3.
        case both
    }

    /// Norms of queries and keys, before they are turned.
    public enum QueryKeyNorms: Sendable, Hashable {
        case none
        /// Each head by itself, all with one weight. `[d]`
        case heads
        /// All heads of a row together. `[heads·d]`, `[keyValueHeads·d]`
        case rows
    }

    public var norms = Norms.before
    public var queryKeyNorms = QueryKeyNorms.none
    /// Queries, keys and values have biases.
    public var hasQueryKeyValueBias = false
    /// The output of attention has a bias.
    public var hasOutputBias = false
    /// What the gate of the feed-forward block goes through.
    public var activation = GateActivation.silu
    /// Factor of the products of queries and keys; nil: 1/√d.
    public var attentionScale: Float?
    /// See `AttentionScores.softcap`.
    public var attentionSoftcap: Float?
    /// Factor of what attention and feed-forward block add to the residual.
    public var residualScale: Float = 1

    public init(
        norms: Norms = .before, queryKeyNorms: QueryKeyNorms = .none, activation: GateActivation = .silu
    ) {
        self.norms = norms
        self.queryKeyNorms = queryKeyNorms
        self.activation = activation
    }

    /// Weights of a layer, in the order of a pass.
    var roles: [LayerWeightRole] {
        let (isNormedBefore, isNormedAfter) = (norms != .after, norms != .before)
        return (isNormedBefore ? [.attentionNorm] : []) + [.query, .key, .value]
            + (hasQueryKeyValueBias ? [.queryBias, .keyBias, .valueBias] : [])
            + (queryKeyNorms == .none ? [] : [.queryNorm, .keyNorm])
            + [.attentionOutput] + (hasOutputBias ? [.attentionOutputBias] : [])
            + (isNormedAfter ? [.attentionPostNorm] : []) + (isNormedBefore ? [.feedForwardNorm] : [])
            + [.gate, .up, .down] + (isNormedAfter ? [.feedForwardPostNorm] : [])
    }
}

/// What one layer does otherwise than another of the same model.
public struct LayerKind: Sendable, Hashable {
    /// How a layer learns positions.
    public enum Positions: Sendable, Hashable {
        /// Rotary embedding with the model's frequencies.
        case rotary
        /// Rotary embedding with frequencies of `ModelConfiguration.localRotaryBase`: Gemma 3.
        case localRotary
        /// Not at all: every fourth layer of SmolLM3 (arXiv 2501.18795).
        case none
    }

    public var positions: Positions
    /// Keys that a row sees, itself included; nil: all before it.
    public var window: Int?

    public init(positions: Positions = .rotary, window: Int? = nil) {
        self.positions = positions
        self.window = window
    }
}

extension ModelConfiguration {
    /// How a layer scores keys, and which of them it sees.
    func scores(ofLayer layer: Int) -> AttentionScores {
        AttentionScores(
            scale: block.attentionScale ?? 1 / Float(headDimension).squareRoot(),
            softcap: block.attentionSoftcap, window: layerKinds[layer].window)
    }
}
