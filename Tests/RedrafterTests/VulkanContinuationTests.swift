import Redrafter
import RedrafterTesting
import Testing

/// Greedy continuations on a Vulkan device, pinned to those of the float32 model (Tests/Reference).
///
/// The backend computes with float activations: over the tokens of Tests/Reference its mean divergence from that model is
/// below 1e-6, so logits are about a thousandth apart. Along the texts here the two largest logits are at least 0.2 apart: no
/// change of an order of summation turns a token, and a fault of the arithmetic does.
@Suite(
    "Continuations of the default model on a Vulkan device", .serialized,
    .enabled(if: DefaultModel.isAvailable && hasVulkanDevice, "\(DefaultModel.howToGet)"))
struct VulkanContinuationTests {
    /// Which of the reference's prompts, and how many tokens.
    private static let texts = [(prompt: 6, tokens: 10), (prompt: 16, tokens: 24), (prompt: 17, tokens: 24)]

    @Test("They are the float32 model's, token for token", arguments: ["none", "rnn+lookup"])
    func pinned(drafter: String) throws {
        var options = ModelOptions(contextLength: 512, backend: "vulkan")
        options.registry = .sharingVulkan
        let generator = try TextGenerator(
            try Model.load(path: DefaultModel.path, options: options),
            speculation: SpeculationOptions(drafter: drafter))
        let reference = try ReferenceContinuations.read("continuations.json").continuations
        for (prompt, count) in Self.texts {
            let expected = reference[prompt]
            let narrowest = try #require(expected.gaps?.prefix(count).min())
            #expect(narrowest > 0.2, "prompt \(prompt) is no text to pin")
            let result = try generator.generate(
                expected.prompt, GenerationParameters(maximumTokens: count))
            #expect(result.tokens == Array(expected.tokens.prefix(count)), "prompt \(prompt)")
        }
    }
}
