import RedrafterCore
import RedrafterModels

/// A tiny model of seeded random float weights, made in memory: real in every shape, meaningless in content.
///
/// Its logits are well separated, so that greedy continuations do not hang on the last bit.
///
/// Sendable although it owns memory: nothing is written after `init`.
public final class ToyTransformer: @unchecked Sendable {
    public let configuration: ModelConfiguration
    private let weights: [WeightRole: UnsafeMutableBufferPointer<Float>]

    /// - Parameters:
    ///   - architecture: qwen2 adds biases; rotary pairs are the usual ones of the architecture.
    ///   - tiedEmbeddings: the head shares the embedding's weights.
    public init(
        architecture: ModelConfiguration.Architecture = .llama, layers: Int = 2, vocabularySize: Int = 64,
        contextLength: Int = 96, tiedEmbeddings: Bool = true, seed: UInt64 = 1
    ) {
        let configuration = ModelConfiguration(
            architecture: architecture, layers: layers, hiddenSize: 32, feedForwardSize: 64, heads: 4,
            keyValueHeads: 2,
            headDimension: 8, vocabularySize: vocabularySize, contextLength: contextLength, normEpsilon: 1e-5,
            rotaryBase: 10_000, rotaryDimension: 8,
            rotaryPairing: architecture == .llama ? .neighbours : .halves,
            rotaryScaling: .none, tiedEmbeddings: tiedEmbeddings)
        self.configuration = configuration
        var random = SeededRandom(seed: seed)
        var weights = [WeightRole: UnsafeMutableBufferPointer<Float>]()
        for role in configuration.weightRoles {
            let shape = configuration.shape(of: role)
            let values = UnsafeMutableBufferPointer<Float>.allocate(capacity: shape.reduce(1, *))
            let range: ClosedRange<Float> = shape.count == 1 ? 0.5...1.5 : -0.35...0.35
            for index in values.indices {
                values.initializeElement(at: index, to: Float.random(in: range, using: &random))
            }
            weights[role] = values
        }
        self.weights = weights
    }

    deinit {
        for values in weights.values { values.deallocate() }
    }

    /// The weights as a file would hand them out, in F32.
    public var source: WeightSource {
        { [self] role in
            guard let values = weights[role] else { return nil }
            return StoredWeight(
                name: role.description, type: .f32, shape: configuration.shape(of: role),
                bytes: UnsafeRawBufferPointer(values))
        }
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
