import RedrafterFormats

/// The numbers of a context block, which gives a recurrent drafter a view of the text; see `ContextBlock`.
///
/// | tensor | shape |
/// |---|---|
/// | `context.tap_norm.{i}.weight` | `[hidden]` for tap i of n; where `normalizesTaps` |
/// | `context.input.weight` | `[hidden, (n + 1) hidden]` |
/// | `context.attention_norm.weight`, `context.feed_forward_norm.weight` | `[hidden]`; these and the following where there is a layer |
/// | `context.query.weight`, `context.key.weight`, `context.value.weight` | `[heads·d, hidden]`, `[keyValueHeads·d, hidden]` twice |
/// | `context.attention_output.weight` | `[hidden, heads·d]` |
/// | `context.gate.weight`, `context.up.weight`, `context.down.weight` | `[feedForward, hidden]` twice, `[hidden, feedForward]` |
/// | `context.hidden_norm.weight`, `context.output_norm.weight` | `[hidden]`; these and the following where it `addsToHidden` |
/// | `context.projection.weight` | `[exit, hidden]` |
public struct ContextBlockSizes: Sendable, Hashable {
    /// Layers of the model whose outputs enter, counted from 0, ascending.
    public var taps: [Int]
    /// Whether each tap goes through an RMS norm of its own (EAGLE-3.1, arXiv 2605.09992).
    public var normalizesTaps: Bool
    /// The decoder layer; nil where the block is the projection of the taps alone.
    public var layer: Layer?
    /// Whether the recurrence keeps the model's hidden state and gets what the block gives beside it; else that takes its place.
    public var addsToHidden: Bool
    public var normEpsilon: Float

    /// The numbers of a decoder layer.
    public struct Layer: Sendable, Hashable {
        public var heads: Int
        public var keyValueHeads: Int
        /// Elements of a head. Rotary embedding turns all of them, element i with i + d/2.
        public var headDimension: Int
        public var feedForwardSize: Int
        public var rotaryBase: Float

        public init(
            heads: Int, keyValueHeads: Int, headDimension: Int, feedForwardSize: Int, rotaryBase: Float
        ) {
            self.heads = heads
            self.keyValueHeads = keyValueHeads
            self.headDimension = headDimension
            self.feedForwardSize = feedForwardSize
            self.rotaryBase = rotaryBase
        }
    }

    public init(
        taps: [Int], normalizesTaps: Bool = true, layer: Layer?, addsToHidden: Bool = false,
        normEpsilon: Float
    ) {
        self.taps = taps
        self.normalizesTaps = normalizesTaps
        self.layer = layer
        self.addsToHidden = addsToHidden
        self.normEpsilon = normEpsilon
    }

    private static let taps = 1...16
    private static let layers = 0...1023
    private static let heads = 1...1024

    var sizes: [DrafterSize] {
        var result = [DrafterSize("the number of taps", taps.count, Self.taps)]
        var least = Self.layers.lowerBound
        for tap in taps {
            // Ascending; where the bounds are used up, no number fits.
            let last = Self.layers.upperBound
            result.append(DrafterSize("a tapped layer", tap, min(least, last)...last))
            least = min(tap, last) + 1
        }
        guard let layer else { return result }
        result += [
            DrafterSize("the key/value heads of the context block", layer.keyValueHeads, Self.heads),
            DrafterSize("the heads of the context block", layer.heads, Self.heads),
            DrafterSize("the head size of the context block", layer.headDimension, 2...1024),
            DrafterSize(
                "the feed-forward size of the context block", layer.feedForwardSize, DrafterSize.widths),
        ]
        if layer.keyValueHeads > 0, layer.heads % layer.keyValueHeads != 0 {
            let multiple = layer.heads / layer.keyValueHeads * layer.keyValueHeads
            result.append(
                DrafterSize("the heads of the context block", layer.heads, multiple...multiple))
        }
        if layer.headDimension % 2 != 0 {
            let even = layer.headDimension - 1
            result.append(DrafterSize("the head size of the context block", layer.headDimension, even...even))
        }
        return result
    }

    /// In the order of files.
    public func tensors(hiddenSize hidden: Int, exitDimension exit: Int) -> [TensorSpecification] {
        var result = [TensorSpecification]()
        if normalizesTaps {
            result += taps.indices.map {
                TensorSpecification(.tapNorm($0), "context.tap_norm.\($0).weight", shape: [hidden])
            }
        }
        result.append(
            TensorSpecification(
                .contextInput, "context.input.weight", shape: [hidden, (taps.count + 1) * hidden]))
        if let layer { result += Self.tensors(layer, hiddenSize: hidden) }
        guard addsToHidden else { return result }
        return result + [
            TensorSpecification(.contextHiddenNorm, "context.hidden_norm.weight", shape: [hidden]),
            TensorSpecification(.contextOutputNorm, "context.output_norm.weight", shape: [hidden]),
            TensorSpecification(.contextProjection, "context.projection.weight", shape: [exit, hidden]),
        ]
    }

    private static func tensors(_ layer: Layer, hiddenSize hidden: Int) -> [TensorSpecification] {
        let (queries, keys) = (
            layer.heads * layer.headDimension, layer.keyValueHeads * layer.headDimension
        )
        let feedForward = layer.feedForwardSize
        return [
            TensorSpecification(.contextAttentionNorm, "context.attention_norm.weight", shape: [hidden]),
            TensorSpecification(.contextQuery, "context.query.weight", shape: [queries, hidden]),
            TensorSpecification(.contextKey, "context.key.weight", shape: [keys, hidden]),
            TensorSpecification(.contextValue, "context.value.weight", shape: [keys, hidden]),
            TensorSpecification(
                .contextAttentionOutput, "context.attention_output.weight", shape: [hidden, queries]),
            TensorSpecification(.contextFeedForwardNorm, "context.feed_forward_norm.weight", shape: [hidden]),
            TensorSpecification(.contextGate, "context.gate.weight", shape: [feedForward, hidden]),
            TensorSpecification(.contextUp, "context.up.weight", shape: [feedForward, hidden]),
            TensorSpecification(.contextDown, "context.down.weight", shape: [hidden, feedForward]),
        ]
    }
}

/// Parts of a context block. Norms are vectors, as biases are.
extension DrafterRole {
    /// The norm of a tap. `[hidden]`
    public static func tapNorm(_ tap: Int) -> DrafterRole { DrafterRole("tap norm", tap, isBias: true) }
    /// From the taps and the embedding, side by side. `[hidden, (taps + 1) hidden]`
    public static let contextInput = DrafterRole("context input")
    /// `[hidden]`
    public static let contextAttentionNorm = DrafterRole("context attention norm", isBias: true)
    /// `[heads·d, hidden]`
    public static let contextQuery = DrafterRole("context query")
    /// `[keyValueHeads·d, hidden]`
    public static let contextKey = DrafterRole("context key")
    /// `[keyValueHeads·d, hidden]`
    public static let contextValue = DrafterRole("context value")
    /// `[hidden, heads·d]`
    public static let contextAttentionOutput = DrafterRole("context attention output")
    /// `[hidden]`
    public static let contextFeedForwardNorm = DrafterRole("context feed-forward norm", isBias: true)
    /// `[feedForward, hidden]`
    public static let contextGate = DrafterRole("context gate")
    /// `[feedForward, hidden]`
    public static let contextUp = DrafterRole("context up")
    /// `[hidden, feedForward]`
    public static let contextDown = DrafterRole("context down")
    /// The norm that makes h of the last tap. `[hidden]`
    public static let contextHiddenNorm = DrafterRole("context hidden norm", isBias: true)
    /// The norm of what the block gives. `[hidden]`
    public static let contextOutputNorm = DrafterRole("context output norm", isBias: true)
    /// From there to the input of the blocks and the head. `[exit, hidden]`
    public static let contextProjection = DrafterRole("context projection")
}

// MARK: GGUF and reports

extension ContextBlockSizes {
    private enum Key {
        static let taps = "redrafter.context.taps"
        static let normalizesTaps = "redrafter.context.tap_norm"
        static let normEpsilon = "redrafter.context.layer_norm_rms_epsilon"
        static let heads = "redrafter.context.head_count"
        static let keyValueHeads = "redrafter.context.head_count_kv"
        static let headDimension = "redrafter.context.key_length"
        static let feedForwardSize = "redrafter.context.feed_forward_length"
        static let rotaryBase = "redrafter.context.rope_freq_base"
        static let addsToHidden = "redrafter.context.adds_to_hidden"
    }

    /// - Returns: nil for a drafter without a context block.
    init?(_ metadata: GGUFMetadata) throws(FormatError) {
        guard let taps = try metadata.integerArray(Key.taps) else { return nil }
        self.taps = taps
        normalizesTaps = try metadata.bool(Key.normalizesTaps) ?? true
        normEpsilon = try metadata.positive(Key.normEpsilon)
        addsToHidden = try metadata.bool(Key.addsToHidden) ?? false
        guard let heads = try metadata.integer(Key.heads) else {
            layer = nil
            return
        }
        layer = Layer(
            heads: heads, keyValueHeads: try metadata.size(Key.keyValueHeads),
            headDimension: try metadata.size(Key.headDimension),
            feedForwardSize: try metadata.size(Key.feedForwardSize),
            rotaryBase: try metadata.positive(Key.rotaryBase))
    }

    var metadata: [(key: String, value: GGUFWriter.Value)] {
        var result: [(key: String, value: GGUFWriter.Value)] = [
            (Key.taps, .integers(.int32, taps)), (Key.normalizesTaps, .bool(normalizesTaps)),
            (Key.normEpsilon, .float(normEpsilon)), (Key.addsToHidden, .bool(addsToHidden)),
        ]
        if let layer {
            result += [
                (Key.heads, .size(layer.heads)), (Key.keyValueHeads, .size(layer.keyValueHeads)),
                (Key.headDimension, .size(layer.headDimension)),
                (Key.feedForwardSize, .size(layer.feedForwardSize)),
                (Key.rotaryBase, .float(layer.rotaryBase)),
            ]
        }
        return result
    }

    var fact: String {
        let layers = "taps of layers " + taps.map { "\($0)" }.joined(separator: ", ")
        return layers + (normalizesTaps ? "" : ", not normed")
            + (layer.map { ", attention with \($0.heads) heads" } ?? ", no attention")
            + (addsToHidden ? ", beside the hidden state" : ", in place of the hidden state")
    }

    var summary: JSONValue {
        var members: [(String, JSONValue)] = [
            ("taps", .array(taps.map { .integer($0) })), ("tap_norm", .bool(normalizesTaps)),
            ("adds_to_hidden", .bool(addsToHidden)),
        ]
        if let layer {
            members += [
                ("heads", .integer(layer.heads)), ("kv_heads", .integer(layer.keyValueHeads)),
                ("head_dim", .integer(layer.headDimension)),
                ("feed_forward", .integer(layer.feedForwardSize)),
            ]
        }
        return .object(JSONObject(members.map { (ByteSlice($0.0), $0.1) }))
    }
}

extension GGUFMetadata {
    fileprivate func positive(_ key: String) throws(FormatError) -> Float {
        let value = try required(key, try float(key), expected: "a number above 0")
        guard value > 0, Float(value).isFinite, Float(value) > 0 else {
            throw .invalid(file: path, field: key, expected: "a number above 0", got: "\(value)", offset: nil)
        }
        return Float(value)
    }
}
