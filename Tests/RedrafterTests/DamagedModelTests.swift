import CPUBackend
import Redrafter
import RedrafterCore
import RedrafterFormats
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
                #expect(shown.isEmpty)
            }
        }
    }

    @Test("A file whose weights hold NaN loads with a warning that names the tensor and the number of places")
    func warned() throws {
        var image = ToyModelFile().gguf()
        let index = try #require(image.tensors.firstIndex { $0.name == Array("blk.1.ffn_up.weight".utf8) })
        for place in [0, 40, 4000] {
            for (byte, value) in [UInt8(0), 0, 0xC0, 0x7F].enumerated() {
                image.tensors[index].data[4 * place + byte] = value
            }
        }
        let directory = TemporaryDirectory()
        let path = directory.path + "/nan.gguf"
        try ToyModelFile.write(image.bytes, to: path)
        let model = try Model.load(path: path)
        #expect(model.warnings.count == 1)
        #expect(
            model.warnings.first?.contains("\"blk.1.ffn_up.weight\" holds NaN or infinity in 3 places")
                == true)
    }

    @Test("Scales of every quantised type that are no numbers are counted", arguments: WeightType.allCases)
    func counted(type: WeightType) {
        var random = SeededRandom(seed: 6)
        var bytes = randomWeight(type, rows: 4, columns: 512, using: &random)
        func count() -> Int { bytes.withUnsafeBytes { Quantization.nonFiniteCount(type: type, bytes: $0) } }
        #expect(count() == 0)
        // All bits set make every scale a NaN.
        for index in 0..<type.blockBytes { bytes[index] = 0xFF }
        #expect(count() > 0 && count() <= 2)
    }
}
