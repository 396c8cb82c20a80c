import RedrafterCore
import RedrafterModels

/// A tiny model of seeded random weights, made in memory: real in every shape, meaningless in content.
///
/// Sendable although it owns memory: nothing is written after `init`.
public final class ToyTransformer: @unchecked Sendable {
    public let configuration: ModelConfiguration
    private let weights: [WeightRole: StoredWeight]

    /// - Parameters:
    ///   - architecture: says how layers are put together; rotary pairs are neighbours for llama, halves for all others.
    ///   - type: of matrices; its blocks have at most 32 elements. Norms and biases are F32.
    ///   - layers: blocks of attention and feed-forward.
    ///   - vocabularySize: rows of the embedding.
    ///   - contextLength: positions of the rotary table.
    ///   - tiedEmbeddings: the head shares the embedding's weights.
    ///   - seed: of the random weights.
    ///   - adjusting: changes parts of the layers, windows and scales before the weights are made.
    public init(
        architecture: ModelConfiguration.Architecture = .llama, type: WeightType = .f32, layers: Int = 2,
        vocabularySize: Int = 64, contextLength: Int = 96, tiedEmbeddings: Bool = true, seed: UInt64 = 1,
        adjusting: (inout ModelConfiguration) -> Void = { _ in }
    ) {
        precondition(type.blockLength <= 32, "rows of 64 elements hold no block of \(type.name)")
        var configuration = ModelConfiguration(
            architecture: architecture, layers: layers, hiddenSize: 64, feedForwardSize: 96, heads: 4,
            keyValueHeads: 2,
            headDimension: 16, vocabularySize: vocabularySize, contextLength: contextLength,
            normEpsilon: 1e-5,
            rotaryBase: 10_000, rotaryDimension: 16,
            rotaryPairing: architecture == .llama ? .neighbours : .halves,
            rotaryScaling: .none, tiedEmbeddings: tiedEmbeddings)
        adjusting(&configuration)
        self.configuration = configuration
        var random = SeededRandom(seed: seed)
        var weights = [WeightRole: StoredWeight]()
        for role in configuration.weightRoles {
            let shape = configuration.shape(of: role)
            let isVector = shape.count == 1
            let content =
                isVector
                ? (0..<shape[0]).flatMap { _ in
                    withUnsafeBytes(of: Float.random(in: 0.5...1.5, using: &random)) { Array($0) }
                }
                : randomWeight(type, rows: shape[0], columns: shape[1], magnitude: 0.3, using: &random)
            let bytes = UnsafeMutableRawBufferPointer.allocate(byteCount: content.count, alignment: 64)
            bytes.copyBytes(from: content)
            weights[role] = StoredWeight(
                name: role.description, type: isVector ? .f32 : type, shape: shape,
                bytes: UnsafeRawBufferPointer(bytes))
        }
        self.weights = weights
    }

    deinit {
        for weight in weights.values { weight.bytes.deallocate() }
    }

    /// The weights as a file would hand them out.
    public var source: WeightSource {
        { [self] role in weights[role] }
    }

    /// The model on a backend.
    public func transformer(on backend: any ComputeBackend) throws(TransformerError) -> Transformer {
        let weights = try TransformerWeights.load(configuration, from: source, on: backend)
        return try Transformer(
            configuration, weights: weights, contextLength: configuration.contextLength, on: backend)
    }
}

/// SplitMix64: the same numbers for a seed on every machine.
public struct SeededRandom: RandomNumberGenerator, Sendable {
    private var state: UInt64

    public init(seed: UInt64) { state = seed }

    public mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}
