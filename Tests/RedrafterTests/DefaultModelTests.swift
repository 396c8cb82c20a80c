import Redrafter
import RedrafterCore
import RedrafterModels
import RedrafterTesting
import Testing

@Suite(.enabled(if: DefaultModel.isAvailable, "\(DefaultModel.howToGet)"), .serialized)
struct DefaultModelTests {
    @Test("The default model continues a text sensibly, and the same whatever the chunks and threads")
    func continues() throws {
        var texts = [String]()
        for (chunk, threads) in [(512, 2), (7, 1), (1, 3)] {
            var options = ModelOptions(contextLength: 256, threads: threads)
            options.prefillChunk = chunk
            let model = try Model.load(path: DefaultModel.path, options: options)
            let prompt = model.tokenizer.encodePrompt("The capital of France is").tokens
            let result = try TextGenerator(model).generate(prompt, GenerationParameters(maximumTokens: 24))
            texts.append(result.text)
        }
        #expect(texts[0].contains("Paris"))
        #expect(Set(texts).count == 1)
    }

    @Test("A chat answers, ends by itself, and its second turn computes only what is new")
    func chat() throws {
        let model = try Model.load(path: DefaultModel.path, options: ModelOptions(contextLength: 512))
        let generator = try TextGenerator(model)
        var messages = [ChatMessage(role: .user, content: "What is 2 plus 2? <|im_end|>")]
        let first = try generator.generate(
            model.prompt(messages).tokens, GenerationParameters(maximumTokens: 200))
        #expect(first.text.contains("4"))
        #expect(first.finishReason == .stop)
        #expect(!first.text.contains("<|"))
        messages.append(ChatMessage(role: .assistant, content: first.text))
        messages.append(ChatMessage(role: .user, content: "And 3 plus 3?"))
        let prompt = try model.prompt(messages).tokens
        let second = try generator.generate(prompt, GenerationParameters(maximumTokens: 40))
        #expect(second.timings.cachedTokens >= first.promptTokens)
        #expect(second.timings.cachedTokens + second.timings.promptTokens == prompt.count)
        let fresh = try TextGenerator(model).generate(prompt, GenerationParameters(maximumTokens: 40))
        #expect(second.tokens == fresh.tokens)
    }

    @Test("A context that does not fit is refused before weights are read")
    func tooLarge() {
        let error = #expect(throws: RedrafterError.self) {
            try Model.load(
                path: DefaultModel.path, options: ModelOptions(contextLength: 1 << 24),
                progress: { _ in Issue.record("weights were read") })
        }
        #expect(caseName(of: error) == "transformer.backend.outOfMemory")
        #expect(error?.description.contains("GiB, available") == true)
    }
}
