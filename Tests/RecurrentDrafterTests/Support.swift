import CPUBackend
import RedrafterCore
import RedrafterFormats
import RedrafterTesting
import VulkanBackend

@testable import RecurrentDrafter

func backends() throws -> [any ComputeBackend] {
    [ReferenceBackend(), try CPUBackend(options: CPUBackend.Options(threads: 2))]
}

/// The same and, where there is one, a Vulkan device.
func allBackends() throws -> [any ComputeBackend] {
    let hasDevice = (try? VulkanDeviceDescription.all().contains(where: \.isUsable)) ?? false
    return try backends() + (hasDevice ? [try VulkanBackend(options: VulkanBackend.Options())] : [])
}

/// A drafter with a context block of random weights, and an embedding table for it.
func contextDrafter(
    _ context: ContextBlockSizes?, copyLengths: Int = 0, vote: Float? = nil, power: Float = 1,
    draftVocabulary: [Int32]? = nil, on backend: any ComputeBackend
) throws -> (RecurrentDrafter, any WeightHandle) {
    var weights = try ToyDrafter.recurrent(
        exit: 32, layers: 1, vocabulary: draftVocabulary?.count ?? 40, context: context,
        copyLengths: copyLengths
    ).weights()
    if let vote {
        weights = try DrafterWeights(
            path: "votes", configuration: weights.configuration,
            tensors: weights.tensors.map { tensor in
                switch tensor.name {
                case "copy.votes":
                    return DrafterTensor(
                        name: tensor.name, shape: tensor.shape,
                        values: [Float](repeating: vote, count: copyLengths))
                case "copy.power": return DrafterTensor(name: tensor.name, shape: [1], values: [power])
                default: return tensor
                }
            }, draftVocabulary: draftVocabulary)
    }
    var random = SeededRandom(seed: 3)
    let table = (0..<40 * 32).map { _ in Float.random(in: -1...1, using: &random) }
    let target = DraftTarget(
        fingerprint: ModelFingerprint(
            tokenizer: "0", vocabularySize: 40, hiddenSize: 32, layers: 2, heads: 1, keyValueHeads: 1,
            feedForwardSize: 1), tokenCount: 40, contextLength: 200, backend: backend)
    return (
        try RecurrentDrafter(weights, for: target),
        try table.withUnsafeBytes { try backend.makeWeight(type: .f32, rows: 40, columns: 32, bytes: $0) }
    )
}
