import RedrafterCore
import RedrafterFormats
import RedrafterModels
import RedrafterTesting
import Testing

/// Only an error of bad data, or of a file that is not there, may come of damage.
private func survive(
    _ context: String, mayMiss: Bool = false, _ body: () throws -> Void
) -> Bool {
    do {
        try body()
        return true
    } catch let error as ModelError {
        #expect(error.isOfContent || mayMiss && caseName(of: error) == "missing", "\(context): \(error)")
        #expect(!error.description.unicodeScalars.contains { $0.value < 0x20 }, "\(context)")
    } catch let error as FormatError {
        #expect(error.isOfContent || mayMiss && caseName(of: error) == "missing", "\(context): \(error)")
        #expect(!error.description.unicodeScalars.contains { $0.value < 0x20 }, "\(context)")
    } catch {
        Issue.record(error, "\(context)")
    }
    return false
}

@Suite("Readers of config.json and of shard indexes survive mutations") struct ConfigurationMutationTests {
    @Test("Changed bytes of config.json", arguments: 0..<3)
    func configuration(part: UInt64) {
        let original = Array(ToyModelFile().configuration.utf8)
        var mutation = Mutation(seed: 800 + part)
        var accepted = 0
        for round in 0..<3000 {
            let bytes = mutation.apply(to: original)
            let isAccepted = survive("part \(part), round \(round)") {
                let json = try JSONValue(parsing: bytes, path: "config.json")
                let configuration = try ModelConfiguration(huggingFace: json, path: "config.json")
                #expect(configuration.heads % configuration.keyValueHeads == 0)
            }
            if isAccepted { accepted += 1 }
        }
        #expect(accepted > 0)
    }

    @Test("Values of config.json replaced by others")
    func values() throws {
        let original = try JSONValue(parsing: Array(ToyModelFile().configuration.utf8), path: "config.json")
        var mutation = ValueMutation(seed: 810)
        for round in 0..<3000 {
            let json = mutation.apply(to: original)
            _ = survive("round \(round)") {
                _ = try ModelConfiguration(huggingFace: json, path: "config.json")
            }
        }
    }

    @Test("Changed bytes of an index of shards")
    func index() throws {
        let directory = TemporaryDirectory()
        try ToyModelFile().writeHuggingFace(to: directory.path)
        let whole = try SafetensorsModel(path: directory.path)
        let names = whole.tensors.map { "\"\($0.name)\": \"model.safetensors\"" }
        let size = whole.tensors.reduce(0) { $0 + $1.byteCount }
        let text =
            "{\"metadata\": {\"total_size\": \(size)}, \"weight_map\": {\(names.joined(separator: ", "))}}"
        let path = directory.path + "/shards.index.json"
        try ToyModelFile.write(Array(text.utf8), to: path)
        #expect(try SafetensorsModel(path: path).tensors.count == whole.tensors.count)
        var mutation = Mutation(seed: 820)
        for round in 0..<400 {
            try ToyModelFile.write(mutation.apply(to: Array(text.utf8)), to: path)
            // A shard whose name was changed is missing.
            _ = survive("round \(round)", mayMiss: true) { _ = try SafetensorsModel(path: path) }
        }
    }
}
