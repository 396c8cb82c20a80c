import RedrafterFormats
import RedrafterTesting
import Testing

@Suite("The default model", .enabled(if: DefaultModel.isAvailable, Comment(rawValue: DefaultModel.howToGet)))
struct RealModelTests {
    @Test("opens with the expected numbers, tensors and vocabulary")
    func opens() throws {
        let file = try GGUFFile(path: DefaultModel.path)
        #expect(file.architecture == "llama")
        #expect(try file.metadata.integer("llama.block_count") == 30)
        #expect(try file.metadata.integer("llama.embedding_length") == 576)
        #expect(try file.metadata.stringArray("tokenizer.ggml.tokens")?.count == 49_152)
        #expect(try file.metadata.stringArray("tokenizer.ggml.merges")?.count == 48_900)
        #expect(try file.metadata.string("tokenizer.ggml.pre") == "smollm")
        #expect(file.tensors.count == 272)
        let embedding = try file.requiredTensor(named: "token_embd.weight")
        #expect(embedding.shape == [49_152, 576])
        #expect(embedding.type == .q8_0)
        #expect(file.warnings.isEmpty)
        #expect(throws: FormatError.self) { try file.requiredTensor(named: "output.weight") }
    }
}
