import Redrafter
import RedrafterCore
import RedrafterModels
import RedrafterTesting
import Testing

@Suite("Fingerprints")
struct FingerprintTests {
    private func fingerprint(_ tokens: [String], kinds: [TokenizerDefinition.Kind]? = nil, eos: Int32? = nil)
        -> String
    {
        var definition = TokenizerDefinition(
            file: "x", model: .characterBPE, tokens: tokens.map { Array($0.utf8) },
            kinds: kinds ?? tokens.map { _ in .normal }, merges: [])
        definition.eos = eos
        return Tokenizer(definition).fingerprint
    }

    @Test("bytes, their order, their division and the end of text count; padding does not")
    func tokens() {
        let original = fingerprint(["a", "bc", "longer than eight bytes"], eos: 1)
        #expect(original.count == 16)
        #expect(original == fingerprint(["a", "bc", "longer than eight bytes"], eos: 1))
        for other in [
            ["bc", "a", "longer than eight bytes"], ["ab", "c", "longer than eight bytes"],
            ["a", "bc", "longer than eight bytez"], ["a", "bc"], ["a", "bc", "longer than eight bytes", "d"],
        ] {
            #expect(fingerprint(other, eos: 1) != original, "\(other)")
        }
        #expect(fingerprint(["a", "bc", "longer than eight bytes"], eos: 0) != original)
        let padded = fingerprint(
            ["a", "bc", "longer than eight bytes", "[PAD3]"], kinds: [.normal, .normal, .normal, .unused],
            eos: 1)
        #expect(padded == original)
    }

    @Test(
        "the default model's takes a few milliseconds",
        .enabled(if: DefaultModel.isAvailable, "\(DefaultModel.howToGet)"))
    func defaultModel() throws {
        let model = try Model.load(path: DefaultModel.path, options: ModelOptions(contextLength: 16))
        let fingerprint = model.fingerprint
        #expect(fingerprint.vocabularySize == 49_152 && fingerprint.hiddenSize == 576)
        let fastest = (0..<5).map { _ in withProcessorTime { model.tokenizer.fingerprint }.time }.min()
        #expect(try #require(fastest) < .milliseconds(20), "\(String(describing: fastest))")
    }
}
