import BundledDrafters
import MedusaDrafter
import RecurrentDrafter
import RedrafterCore
import RedrafterFormats
import RedrafterTesting
import Testing

@Suite("Drafter readers survive mutations")
struct DrafterMutationTests {
    @Test(
        "4,000 mutations of drafters in safetensors, GGUF and config.json end in weights or exit code 65",
        arguments: 0..<8)
    func mutations(part: UInt64) throws {
        let directory = TemporaryDirectory()
        let hasContext = part % 4 == 2
        var toy =
            part % 2 == 0
            ? ToyDrafter.recurrent(exit: 32, context: hasContext ? ToyDrafter.context() : nil)
            : ToyDrafter.medusa()
        toy.draftVocabulary = (0..<40).map { 2 * $0 }
        toy.fingerprint = ModelFingerprint(
            tokenizer: "ab", vocabularySize: 90, hiddenSize: 32, layers: 1, heads: 1, keyValueHeads: 1,
            feedForwardSize: 1)
        toy.notes = [DrafterNote("a", "b")]
        let layouts: [(DrafterLayout, String)] =
            part % 2 == 0
            ? [(.gguf, "x.gguf")] + (hasContext ? [] : [(.apple, "apple")])
            : [(.gguf, "x.gguf"), (.vllm, "vllm")]
        var mutation = Mutation(seed: 700 + part)
        for (layout, name) in layouts {
            let path = directory.file(name)
            try DrafterWriter.write(toy.weights(), to: path, layout: layout)
            let isFolder = layout != .gguf
            let bytes = try content(of: isFolder ? path + "/model.safetensors" : path)
            let json = isFolder ? try content(of: path + "/config.json") : []
            for round in 0..<250 {
                let damagesJSON = isFolder && round % 3 == 0
                let damaged = damagesJSON ? bytes : mutation.apply(to: bytes)
                let configuration = damagesJSON ? mutation.apply(to: json) : json
                survive(
                    damaged, isFolder ? configuration : nil, "part \(part), \(layout.name), round \(round)")
            }
        }
    }

    private func content(of path: String) throws -> [UInt8] {
        let file = try MappedFile(path: path)
        return withExtendedLifetime(file) { [UInt8](file.bytes) }
    }

    private func survive(_ bytes: [UInt8], _ configuration: [UInt8]?, _ context: String) {
        do {
            let json = try configuration.map { try JSONValue(parsing: $0, path: "config.json") }
            let file = try bytes.withUnsafeBytes { try MappedFile(copying: $0, path: "drafter") }
            let weights = try DrafterWeights(file: file, configuration: json)
            var sum = 0
            for tensor in weights.tensors {
                tensor.withBytes { sum &+= Int($0.first ?? 0) &+ Int($0.last ?? 0) }
                #expect(tensor.values.count == tensor.elementCount)
            }
            #expect(!weights.facts.isEmpty && sum >= 0)
            #expect(weights.configuration.tensors.count == weights.tensors.count)
        } catch let error as FormatError {
            #expect(error.isOfContent, "\(context): \(error)")
            let text = error.description
            #expect(text.utf8.count < 3000, "\(context): \(text)")
            #expect(!text.unicodeScalars.contains { $0.value < 0x20 || $0.value == 0x7F }, "\(context)")
        } catch {
            Issue.record("\(context): \(error)")
        }
    }
}
