import RedrafterCore
import RedrafterFormats

/// A drafter of random weights.
public struct ToyDrafter: Sendable {
    public var configuration: DrafterConfiguration
    /// Type of the matrices; biases are F32 where it is quantised.
    public var type: WeightType
    public var draftVocabulary: [Int32]?
    public var fingerprint: ModelFingerprint?
    public var notes: [DrafterNote] = []
    public var seed: UInt64

    public init(
        _ configuration: DrafterConfiguration, type: WeightType = .f32, draftVocabulary: [Int32]? = nil,
        fingerprint: ModelFingerprint? = nil, seed: UInt64 = 1
    ) {
        self.configuration = configuration
        self.type = type
        self.draftVocabulary = draftVocabulary
        self.fingerprint = fingerprint
        self.seed = seed
    }

    /// A small recurrent drafter.
    public static func recurrent(
        hidden: Int = 32, exit: Int = 64, layers: Int = 2, vocabulary: Int = 40, isRecurrent: Bool = true,
        type: WeightType = .f32
    ) -> ToyDrafter {
        ToyDrafter(
            DrafterConfiguration(
                kind: .recurrent, hiddenSize: hidden, exitDimension: exit, layers: layers,
                vocabularySize: vocabulary, isRecurrent: isRecurrent), type: type)
    }

    /// A small set of Medusa heads.
    public static func medusa(
        hidden: Int = 32, layers: Int = 1, heads: Int = 3, vocabulary: Int = 40, type: WeightType = .f32
    ) -> ToyDrafter {
        ToyDrafter(
            DrafterConfiguration(
                kind: .medusa, hiddenSize: hidden, exitDimension: hidden, layers: layers, heads: heads,
                vocabularySize: vocabulary, isRecurrent: false), type: type)
    }

    /// The weights, uniform in ±0.5; the same for the same seed.
    public func weights(path: String = "toy") throws(FormatError) -> DrafterWeights {
        var random = SeededRandom(seed: seed)
        var tensors = [DrafterTensor]()
        for role in configuration.roles {
            let shape = configuration.shape(of: role)
            let values = (0..<shape.reduce(1, *)).map { _ in Float.random(in: -0.5...0.5, using: &random) }
            let stored = role.isBias && !type.isFloat ? .f32 : type
            var bytes = [UInt8](
                repeating: 0,
                count: shape.dropLast().reduce(1, *) * (stored.rowBytes(columns: shape[shape.count - 1]) ?? 0)
            )
            try bytes.withUnsafeMutableBufferPointer { (target) throws(FormatError) in
                try values.withUnsafeBufferPointer { (values) throws(FormatError) in
                    try Quantization.quantize(
                        type: stored, values: values, into: UnsafeMutableRawBufferPointer(target))
                }
            }
            tensors.append(
                DrafterTensor(
                    name: role.canonicalName(kind: configuration.kind, layers: configuration.layers),
                    type: stored, shape: shape, content: ByteSlice(bytes)))
        }
        return try DrafterWeights(
            path: path, configuration: configuration, tensors: tensors, draftVocabulary: draftVocabulary,
            fingerprint: fingerprint, notes: notes)
    }
}

extension DrafterWeights {
    /// The first difference to other weights: configuration, a tensor's type or bytes, draft vocabulary, fingerprint.
    public func firstDifference(to other: DrafterWeights) -> String? {
        if configuration != other.configuration { return "\(configuration) and \(other.configuration)" }
        for (a, b) in zip(tensors, other.tensors) {
            if a.name != b.name || a.shape != b.shape { return "\(a.name)\(a.shape) and \(b.name)\(b.shape)" }
            if a.type != b.type { return "\(a.name) is \(a.type.name) and \(b.type.name)" }
            if a.content != b.content { return "the bytes of \(a.name)" }
        }
        if draftVocabulary != other.draftVocabulary { return "the draft vocabulary" }
        if fingerprint != other.fingerprint { return "the fingerprint" }
        return nil
    }
}
