/// The numbers of a model that a drafter may take over.
public struct ModelSizes: Sendable, Hashable {
    public var hiddenSize: Int
    public var layers: Int
    public var heads: Int
    public var keyValueHeads: Int
    public var headDimension: Int
    public var feedForwardSize: Int
    public var normEpsilon: Float
    public var rotaryBase: Float

    public init(
        hiddenSize: Int, layers: Int, heads: Int, keyValueHeads: Int, headDimension: Int,
        feedForwardSize: Int, normEpsilon: Float, rotaryBase: Float
    ) {
        self.hiddenSize = hiddenSize
        self.layers = layers
        self.heads = heads
        self.keyValueHeads = keyValueHeads
        self.headDimension = headDimension
        self.feedForwardSize = feedForwardSize
        self.normEpsilon = normEpsilon
        self.rotaryBase = rotaryBase
    }
}

/// Weights of a model as floats, for a drafter that begins with some of them.
public struct ModelParts {
    /// Rows of the LM head, one for each row of the draft vocabulary. `[vocabulary, hidden]`
    public let headRows: UnsafeBufferPointer<Float>
    private let weight: (Part) -> [Float]

    /// What there is besides the head.
    public enum Part: Sendable, Hashable, CaseIterable {
        /// `[hidden]`
        case finalNorm
        /// Of the last layer. `[hidden]`
        case attentionNorm, feedForwardNorm
        /// Of the last layer; rotary embedding turns element i of a head with i + d/2.
        /// `[heads·d, hidden]`, `[keyValueHeads·d, hidden]` twice
        case query, key, value
        /// Of the last layer. `[feedForward, hidden]`
        case gate, up
    }

    /// - Parameters:
    ///   - headRows: `[vocabulary, hidden]`
    ///   - weight: gives a part; asked for those that the drafter takes over.
    public init(headRows: UnsafeBufferPointer<Float>, weight: @escaping (Part) -> [Float]) {
        self.headRows = headRows
        self.weight = weight
    }

    public subscript(part: Part) -> [Float] { weight(part) }
}
