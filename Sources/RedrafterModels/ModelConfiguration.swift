import RedrafterCore

/// The hyper-parameters of a transformer of the llama or qwen2 architecture, validated.
public struct ModelConfiguration: Sendable, Hashable {
    /// Model families that differ in biases or in the order of rotary pairs.
    public enum Architecture: String, Sendable {
        case llama
        case qwen2
    }

    /// How rotary frequencies are stretched beyond the trained context.
    public enum RotaryScaling: Sendable, Hashable {
        case none
        /// All positions divided by the factor.
        case linear(factor: Float)
        /// Llama 3: low frequencies divided by the factor, high ones kept, a smooth transition between.
        case llama3(factor: Float, lowFrequency: Float, highFrequency: Float, originalContext: Int)
        /// Divisors of each frequency given in the file (`rope_freqs.weight`).
        case divisors([Float])
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
    /// The LM head shares the embedding's weights.
    public var tiedEmbeddings: Bool

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
    }
}
