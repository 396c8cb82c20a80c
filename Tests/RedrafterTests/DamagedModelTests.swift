import CPUBackend
import Redrafter
import RedrafterCore
import RedrafterModels
import RedrafterTesting
import Testing

@Suite struct DamagedModelTests {
    @Test(
        "Weights that are no numbers end the run at the first logits, with exit code 70",
        arguments: [true, false])
    func nanWeights(isReference: Bool) throws {
        let backend: any ComputeBackend = isReference ? ReferenceBackend() : try CPUBackend()
        let toy = ToyTransformer()
        let damage = [Float](repeating: .nan, count: toy.configuration.hiddenSize)
        let source = toy.source
        for role in [WeightRole.finalNorm, .layer(0, .attentionNorm), .layer(1, .feedForwardNorm)] {
            let transformer = try damage.withUnsafeBytes { bytes in
                let weights = try TransformerWeights.load(
                    toy.configuration,
                    from: {
                        $0 == role
                            ? StoredWeight(name: "nan", type: .f32, shape: [damage.count], bytes: bytes)
                            : source($0)
                    }, on: backend)
                return try Transformer(toy.configuration, weights: weights, contextLength: 96, on: backend)
            }
            let model = Model(path: "toy", tokenizer: try toyModel().tokenizer, transformer: transformer)
            for temperature in [Float(0), 1] {
                var sampling = SamplingParameters()
                sampling.temperature = temperature
                var shown = ""
                let error = #expect(throws: RedrafterError.self) {
                    try TextGenerator(model).generate(
                        [1, 2, 3], GenerationParameters(sampling: sampling), onText: { shown += $0 })
                }
                #expect(error == .transformer(.backend(.nonFinite(what: "the logits"))))
                #expect(error?.exitCode == 70)
                #expect(shown.isEmpty)
            }
        }
    }
}
