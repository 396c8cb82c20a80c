import Redrafter
import RedrafterCore
import RedrafterDistillation
import RedrafterFormats
import RedrafterTesting
import RedrafterTraining

/// A toy model in a directory, and prompts for it.
struct ToyRun {
    let directory = TemporaryDirectory()
    let model: Model

    init() throws {
        let path = try ToyModelFile().writeGGUF(to: directory.path)
        model = try Model.load(path: path, options: ModelOptions(contextLength: 128, threads: 1))
    }

    /// Prompts of different lengths.
    static func prompts(_ count: Int) -> PromptSet {
        PromptSet(
            name: "toy",
            prompts: (0..<count).map { index in
                let text = String(repeating: ["ab", "cd ", "e"][index % 3], count: 1 + index % 7)
                return ComparisonPrompt(
                    name: "\(index)", content: .messages([ChatMessage(role: .user, content: text)]))
            })
    }

    static var settings: DistillationSettings {
        var settings = DistillationSettings()
        settings.tokens = 1_000_000
        settings.maximumTokens = 14
        settings.maximumPromptTokens = 64
        settings.greedyShare = 0.5
        settings.temperature = 1.5
        settings.topCount = 8
        settings.shardAnswers = 5
        settings.batch = 4
        return settings
    }

    /// A short training run.
    static var trainingSettings: TrainingSettings {
        var settings = TrainingSettings()
        settings.iterations = 60
        settings.batchSize = 32
        settings.learningRate = 5e-3
        settings.warmupSteps = 5
        settings.draftLength = 3
        settings.layers = 1
        settings.draftVocabulary = 0
        settings.stepsPerReport = 10
        settings.stepsPerEval = 30
        settings.saveEvery = 20
        settings.threads = 2
        return settings
    }

    /// Makes data in a directory inside the run's.
    @discardableResult
    func generate(
        _ name: String, prompts: Int = 23, settings: DistillationSettings = ToyRun.settings
    ) throws -> DistillationManifest {
        var generation = try AnswerGeneration(
            model, prompts: Self.prompts(prompts), settings: settings, directory: directory.file(name))
        return try generation.run()
    }

    /// Writes files into a directory inside the run's, in place of those of the same names.
    func write(_ files: [String: [UInt8]], to name: String) throws {
        for (file, bytes) in files {
            try ToyModelFile.write(bytes, to: directory.file("\(name)/\(file)"))
        }
    }

    /// What may happen to the shards of a data set: `file` is the first that is not as it was.
    static func damages(
        _ whole: [String: [UInt8]]
    ) -> [(name: String, file: String, files: [String: [UInt8]])] {
        let shards = whole.keys.filter { $0.hasSuffix(".safetensors") }.sorted()
        let zeroed = shards.map { shard in
            let bytes = whole[shard] ?? []
            let half = bytes.count / 2
            return (shard, Array(bytes.prefix(half)) + [UInt8](repeating: 0, count: bytes.count - half))
        }
        var flipped = whole[shards[1]] ?? []
        flipped[flipped.count - 9] ^= 4
        return [
            ("half zeroed", shards[0], Dictionary(uniqueKeysWithValues: zeroed)),
            ("a bit flipped", shards[1], [shards[1]: flipped]),
            ("a copy of another", shards[2], [shards[2]: whole[shards[0]] ?? []]),
            ("empty", shards[1], [shards[1]: []]),
        ]
    }

    /// The bytes of all files of a data set, by name.
    func bytes(_ name: String) throws -> [String: [UInt8]] {
        let manifest = try DistillationManifest(directory: directory.file(name))
        var result = [String: [UInt8]]()
        for file in manifest.shards.map(\.file) + [DistillationManifest.fileName] {
            result[file] = try contents(directory.file("\(name)/\(file)"))
        }
        return result
    }
}

/// The bytes of a file.
func contents(_ path: String) throws -> [UInt8] {
    let file = try MappedFile(path: path)
    return withExtendedLifetime(file) { [UInt8](file.bytes) }
}
