import RedrafterFormats
import RedrafterModels
import RedrafterTesting
import Testing

@Suite("Checkpoints that are something else than a model") struct ForeignCheckpointTests {
    private let directory = TemporaryDirectory()

    /// Opens tensors of these names and types, 64 × 64 each, beside the `config.json` of the toy.
    private func open(_ tensors: [(name: String, dtype: String)]) throws -> ModelError? {
        var image = SafetensorsImage()
        for tensor in tensors {
            let width = tensor.dtype == "F16" ? 2 : 4
            image.append(
                tensor.name, dtype: tensor.dtype, shape: [64, 64],
                data: [UInt8](repeating: 0, count: 4096 * width))
        }
        try ToyModelFile.write(image.bytes, to: directory.file("model.safetensors"))
        try ToyModelFile.write(Array(ToyModelFile().configuration.utf8), to: directory.file("config.json"))
        let path = directory.file("config.json")
        let model = try SafetensorsModel(path: directory.path)
        return #expect(throws: ModelError.self) {
            let configuration = try ModelConfiguration(
                huggingFace: JSONValue(path: path), path: path, tensors: model)
            _ = try ModelTensors(configuration, inHuggingFace: model, configurationPath: path)
        }
    }

    private static let attention = "model.layers.0.self_attn.q_proj"

    @Test(
        "They are named as what they are, with the nearest that can be run",
        arguments: [
            (["fc.weight", "midlayer.self_attn.q_proj.weight", "d2t"], "F16", "an EAGLE head"),
            (
                ["fc.weight", "embed_tokens.weight", "layers.0.self_attn.q_proj.weight"], "F16",
                "an EAGLE head"
            ),
            (
                [attention + ".weight", attention + ".scales", attention + ".biases"], "U32",
                "quantised by MLX"
            ),
            ([attention + ".qweight", attention + ".qzeros"], "I32", "quantised by GPTQ or AWQ"),
            ([attention + ".weight", attention + ".weight.absmax"], "F32", "quantised by bitsandbytes"),
        ])
    func named(names: [String], dtype: String, text: String) throws {
        let error = try open(names.map { ($0, dtype) })
        guard case .unsupported(_, let what, let supported)? = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(what.contains(text) && (supported.contains("GGUF") || supported.contains("Medusa")))
    }

    @Test("A model with weights missing is still that") func missing() throws {
        guard case .missingTensors? = try open([("something.weight", "F32")]) else {
            Issue.record("another error")
            return
        }
    }
}
