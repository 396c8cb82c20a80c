import RedrafterCore

/// The hyper-parameters of a decoder, validated, and how its layers are put together.
public struct ModelConfiguration: Sendable, Hashable {
    /// How rotary frequencies are stretched beyond the trained context.
    public enum RotaryScaling: Sendable, Hashable {
        case none
        /// All positions divided by the factor.
        case linear(factor: Float)
        /// Other frequencies for texts longer than the trained context, which are refused; within it there is no scaling.
        case dynamic
        /// Llama 3: low frequencies divided by the factor, high ones kept, a smooth transition between.
        case llama3(factor: Float, lowFrequency: Float, highFrequency: Float, originalContext: Int)
        /// Divisors of each frequency given in the file (`rope_freqs.weight`).
        case divisors([Float])
        /// YaRN (arXiv 2309.00071): pairs that turn more than `fastTurns` times within the original context stay, those that turn
        /// less than `slowTurns` times are divided by the factor, a linear transition between; all is scaled by `magnitude`.
        case yarn(
            factor: Float, fastTurns: Float, slowTurns: Float, originalContext: Int, magnitude: Float,
            roundsToPairs: Bool)
        /// LongRoPE (arXiv 2402.13753): divisors of each frequency, `short` for contexts up to the original one and `long` for
        /// longer ones; all is scaled by `magnitude`.
        case longRope(short: [Float], long: [Float], originalContext: Int, magnitude: Float)
    }

    public var architecture: Architecture
    public var layers: Int
    public var hiddenSize: Int
    public var feedForwardSize: Int
    public var heads: Int
    public var keyValueHeads: Int
    public var headDimension: Int
    /// Rows of the embedding and of the LM head; may exceed the tokenizer's vocabulary.
    public var vocabularySize: Int
    /// Tokens the model was trained to see at most.
    public var contextLength: Int
    public var normEpsilon: Float
    public var rotaryBase: Float
    public var rotaryDimension: Int
    public var rotaryPairing: RotaryPairing
    public var rotaryScaling: RotaryScaling
    /// Factor of all cosines and sines, beside the magnitude of the scaling.
    public var rotaryFactor: Float = 1
    /// The LM head shares the embedding's weights.
    public var tiedEmbeddings: Bool
    /// How the parts of a layer are put together, alike in all layers.
    public var block: LayerBlock
    /// Of each layer, how it sees positions and how far it looks back. `[layers]`
    public var layerKinds: [LayerKind]
    /// Base of the rotary frequencies of layers of `LayerKind.Positions.localRotary`, which are never stretched.
    public var localRotaryBase: Float?
    /// Factor of the embeddings.
    public var embeddingScale: Float = 1
    /// Factor of the logits.
    public var logitScale: Float = 1
    /// Logits x become `logitSoftcap · tanh(x / logitSoftcap)`; nil: as they are.
    public var logitSoftcap: Float?

    /// A decoder whose layers are all of one kind, with rotary embedding and without a window; the rest is set on the result.
    public init(
        architecture: Architecture, layers: Int, hiddenSize: Int, feedForwardSize: Int, heads: Int,
        keyValueHeads: Int, headDimension: Int, vocabularySize: Int, contextLength: Int, normEpsilon: Float,
        rotaryBase: Float, rotaryDimension: Int, rotaryPairing: RotaryPairing, rotaryScaling: RotaryScaling,
        tiedEmbeddings: Bool
    ) {
        self.architecture = architecture
        self.layers = layers
        self.hiddenSize = hiddenSize
        self.feedForwardSize = feedForwardSize
        self.heads = heads
        self.keyValueHeads = keyValueHeads
        self.headDimension = headDimension
        self.vocabularySize = vocabularySize
        self.contextLength = contextLength
        self.normEpsilon = normEpsilon
        self.rotaryBase = rotaryBase
        self.rotaryDimension = rotaryDimension
        self.rotaryPairing = rotaryPairing
        self.rotaryScaling = rotaryScaling
        self.tiedEmbeddings = tiedEmbeddings
        block = architecture.traits.block
        // What is out of range is refused by `validate`.
        layerKinds = [LayerKind](repeating: LayerKind(), count: min(max(layers, 0), Self.maximumLayers))
    }
}
