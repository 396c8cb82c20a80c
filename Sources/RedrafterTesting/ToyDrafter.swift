import RedrafterCore
import RedrafterFormats

/// A drafter of random weights.
public struct ToyDrafter: Sendable {
    public var configuration: any DrafterConfiguration
    /// Type of the matrices; biases are F32 where it is quantised.
    public var type: WeightType
    public var draftVocabulary: [Int32]?
    public var fingerprint: ModelFingerprint?
    public var notes: [DrafterNote] = []
    public var seed: UInt64

    public init(
        _ configuration: any DrafterConfiguration, type: WeightType = .f32, draftVocabulary: [Int32]? = nil,
        fingerprint: ModelFingerprint? = nil, seed: UInt64 = 1
    ) {
        self.configuration = configuration
        self.type = type
        self.draftVocabulary = draftVocabulary
        self.fingerprint = fingerprint
        self.seed = seed
    }

    /// The weights, uniform in ±0.5; the same for the same seed.
    public func weights(path: String = "toy") throws(FormatError) -> DrafterWeights {
        var random = SeededRandom(seed: seed)
        var tensors = [DrafterTensor]()
        for specification in configuration.tensors {
            let shape = specification.shape
            let values = (0..<shape.reduce(1, *)).map { _ in Float.random(in: -0.5...0.5, using: &random) }
            let stored = specification.role.isBias && !type.isFloat ? .f32 : type
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
                    name: specification.name, type: stored, shape: shape, content: ByteSlice(bytes)))
        }
        return try DrafterWeights(
            path: path, configuration: configuration, tensors: tensors, draftVocabulary: draftVocabulary,
            fingerprint: fingerprint, notes: notes)
    }
}

extension DrafterWeights {
    /// The first difference to other weights: configuration, a tensor's type or bytes, draft vocabulary, fingerprint.
    public func firstDifference(to other: DrafterWeights) -> String? {
        if !configuration.isEqual(to: other.configuration) {
            return "\(configuration) and \(other.configuration)"
        }
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
