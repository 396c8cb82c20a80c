import RedrafterCore

/// What a weight is for. The names under which files store them are the loader's business.
public enum WeightRole: Sendable, Hashable, CustomStringConvertible {
    /// `[vocabulary, hidden]`
    case embedding
    /// `[hidden]`
    case finalNorm
    /// `[vocabulary, hidden]`; not asked for when the embedding is shared.
    case head
    /// A weight of a layer, counted from 0.
    case layer(Int, LayerWeightRole)

    public var description: String {
        switch self {
        case .embedding: "embedding"
        case .finalNorm: "final norm"
        case .head: "head"
        case .layer(let index, let role): "\(role.rawValue) of layer \(index)"
        }
    }
}

/// What a weight of a layer is for; shapes as in `[output, input]`.
public enum LayerWeightRole: String, Sendable, Hashable, CaseIterable {
    case attentionNorm, attentionPostNorm, feedForwardNorm, feedForwardPostNorm  // [hidden]
    case query, key, value  // [heads·d, hidden], [keyValueHeads·d, hidden]
    case queryBias, keyBias, valueBias  // [heads·d], [keyValueHeads·d]
    case queryNorm, keyNorm  // [d] of a head, or [heads·d] and [keyValueHeads·d]
    case attentionOutput  // [hidden, heads·d]
    case attentionOutputBias  // [hidden]
    case gate, up  // [feedForward, hidden]
    case down  // [hidden, feedForward]
}

/// The weights of a transformer in the layout of the backend that made them. Immutable.
public struct TransformerWeights: Sendable {
    /// The weights of one layer.
    public struct Layer: Sendable {
        let attentionNorm: Tensor?
        /// Query, key and value, multiplied in one operation.
        let queryKeyValue: [any WeightHandle]
        let queryKeyValueBiases: [Tensor?]
        let queryNorm: Tensor?
        let keyNorm: Tensor?
        let attentionOutput: any WeightHandle
        let attentionOutputBias: Tensor?
        let attentionPostNorm: Tensor?
        let feedForwardNorm: Tensor?
        let gate: any WeightHandle
        let up: any WeightHandle
        let down: any WeightHandle
        let feedForwardPostNorm: Tensor?
    }

    /// `[vocabulary, hidden]`; the same object as `head` when the model ties them.
    public let embedding: any WeightHandle
    public let layers: [Layer]
    /// `[1, hidden]`
    public let finalNorm: Tensor
    /// `[vocabulary, hidden]`
    public let head: any WeightHandle

    /// Bytes of the matrices that a pass reads, as stored in a file: all layers and the head.
    public var bytesPerPass: Int {
        let matrices =
            layers.flatMap { $0.queryKeyValue + [$0.attentionOutput, $0.gate, $0.up, $0.down] } + [head]
        return matrices.reduce(0) { $0 + $1.rows * ($1.type.rowBytes(columns: $1.columns) ?? 0) }
    }
}

extension ModelConfiguration {
    /// Every weight the architecture has, in the order of a pass.
    public var weightRoles: [WeightRole] {
        [.embedding] + (0..<layers).flatMap { layer in block.roles.map { .layer(layer, $0) } } + [.finalNorm]
            + (tiedEmbeddings ? [] : [.head])
    }

    /// Dimensions of a weight, slowest first: `[rows, columns]` of a matrix, `[count]` of a norm or bias.
    public func shape(of role: WeightRole) -> [Int] {
        let queryWidth = heads * headDimension
        let keyWidth = keyValueHeads * headDimension
        return switch role {
        case .embedding, .head: [vocabularySize, hiddenSize]
        case .finalNorm: [hiddenSize]
        case .layer(_, .attentionNorm), .layer(_, .attentionPostNorm), .layer(_, .feedForwardNorm),
            .layer(_, .feedForwardPostNorm), .layer(_, .attentionOutputBias):
            [hiddenSize]
        case .layer(_, .queryNorm): [block.queryKeyNorms == .rows ? queryWidth : headDimension]
        case .layer(_, .keyNorm): [block.queryKeyNorms == .rows ? keyWidth : headDimension]
        case .layer(_, .query): [queryWidth, hiddenSize]
        case .layer(_, .key), .layer(_, .value): [keyWidth, hiddenSize]
        case .layer(_, .queryBias): [queryWidth]
        case .layer(_, .keyBias), .layer(_, .valueBias): [keyWidth]
        case .layer(_, .attentionOutput): [hiddenSize, queryWidth]
        case .layer(_, .gate), .layer(_, .up): [feedForwardSize, hiddenSize]
        case .layer(_, .down): [hiddenSize, feedForwardSize]
        }
    }
}
