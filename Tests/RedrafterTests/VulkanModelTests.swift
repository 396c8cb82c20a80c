import Redrafter
import RedrafterCore
import RedrafterModels
import RedrafterTesting
import Testing

@Suite(
    "The default model on a Vulkan device", .serialized,
    .enabled(if: DefaultModel.isAvailable && hasVulkanDevice, "\(DefaultModel.howToGet)"))
struct VulkanModelTests {
    private func model(chunk: Int = 512) throws -> Model {
        var options = ModelOptions(contextLength: 256, backend: "vulkan")
        options.prefillChunk = chunk
        options.registry = .sharingVulkan
        return try Model.load(path: DefaultModel.path, options: options)
    }

    @Test("It continues a text sensibly, and the same whatever the drafter and the chunks of the prompt")
    func continues() throws {
        var texts = [String]()
        for (chunk, drafter) in [(512, "none"), (3, "none"), (512, "rnn+lookup"), (512, "medusa")] {
            let model = try model(chunk: chunk)
            let speculation = SpeculationOptions(drafter: drafter)
            let generator = try TextGenerator(model, speculation: speculation)
            let prompt = model.tokenizer.encodePrompt("The capital of France is").tokens
            texts.append(try generator.generate(prompt, GenerationParameters(maximumTokens: 20)).text)
        }
        #expect(texts[0].contains("Paris"))
        #expect(Set(texts).count == 1)
    }

    @Test("Its logits are those of the CPU backend, but for the activations that that one rounds to 8 bits")
    func agrees() throws {
        let tokens: [Int32] = (0..<12).map { Int32(($0 * 7919 + 13) % 49_152) }
        func logits(_ backend: String) throws -> [Float] {
            var options = ModelOptions(contextLength: 64, backend: backend)
            options.registry = .sharingVulkan
            let model = try Model.load(path: DefaultModel.path, options: options)
            let runner = try PassRunner(model.transformer)
            let output = try runner.prefill(tokens)
            return try runner.stream.withValues(output.logits) { Array($0) }
        }
        let (got, expected) = (try logits("vulkan"), try logits("cpu"))
        let difference = zip(got, expected).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
        let total = expected.reduce(0) { $0 + $1 * $1 }
        #expect(got.count == expected.count && difference < 0.01 * total)
    }
}
