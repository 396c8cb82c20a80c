import RedrafterCore
import RedrafterFormats
import RedrafterModels
import RedrafterPlatform
import RedrafterTesting
import RedrafterTraining
import Testing

@testable import Redrafter
@testable import RedrafterDistillation

@Suite struct AnswerGenerationTests {
    @Test("Answers of a batch are what the model says alone, greedy and sampled")
    func equalsGeneration() throws {
        let run = try ToyRun()
        try run.generate("data")
        let data = try DistillationData(directory: run.directory.file("data"))
        let plan = AnswerPlan(model: run.model, prompts: ToyRun.prompts(23), settings: ToyRun.settings)
        var kinds = Set<Bool>()
        for shard in data.shards {
            for answer in shard.answers {
                let request = try #require(try plan.request(answer.item))
                kinds.insert(answer.isGreedy)
                #expect(request.answer.isGreedy == answer.isGreedy)
                #expect(Array(shard.promptTokens[answer.prompt]) == request.answer.prompt)
                let plain = try TextGenerator(run.model).generate(
                    request.answer.prompt,
                    GenerationParameters(maximumTokens: request.maximumTokens, sampling: request.sampling))
                #expect(Array(shard.tokens[answer.rows]) == plain.tokens, "item \(answer.item)")
                #expect(answer.isComplete == (plain.finishReason == .stop))
            }
        }
        #expect(kinds == [true, false])
        #expect(data.shards.flatMap(\.answers).map(\.item) == Array(0..<23))
    }

    @Test("The same data come out whatever the batch", arguments: [1, 3, 23])
    func batch(_ batch: Int) throws {
        let run = try ToyRun()
        try run.generate("data")
        var settings = ToyRun.settings
        settings.batch = batch
        try run.generate("other", settings: settings)
        #expect(try run.bytes("data") == run.bytes("other"))
    }

    @Test("A run that is interrupted anywhere and begun again ends with the same files")
    func resume() throws {
        let run = try ToyRun()
        try run.generate("data")
        let whole = try run.bytes("data")
        for passes in [1, 20, 40, 70] {
            let manifest = try breakOff(run, "broken-\(passes)", after: passes)
            #expect(!manifest.isComplete && manifest.shards.count < 5)
            try run.generate("broken-\(passes)")
            #expect(try run.bytes("broken-\(passes)") == whole)
        }
    }

    private func breakOff(_ run: ToyRun, _ name: String, after passes: Int) throws -> DistillationManifest {
        let flag = CancellationFlag()
        var count = 0
        var generation = try AnswerGeneration(
            run.model, prompts: ToyRun.prompts(23), settings: ToyRun.settings,
            directory: run.directory.file(name))
        return try generation.run(cancellation: flag) { _ in
            count += 1
            if count == passes { flag.cancel() }
        }
    }

    @Test("A longer run continues a shorter one")
    func longer() throws {
        let run = try ToyRun()
        var settings = ToyRun.settings
        settings.tokens = 30
        let short = try run.generate("data", settings: settings)
        #expect(short.isComplete && short.tokens >= 30 && short.shards.count < 5)
        try run.generate("data")
        try run.generate("whole")
        #expect(try run.bytes("data") == run.bytes("whole"))
    }

    @Test("Data of other settings or prompts are refused by name and stay as they are")
    func otherSettings() throws {
        let run = try ToyRun()
        try run.generate("data")
        let before = try run.bytes("data")
        var settings = ToyRun.settings
        settings.temperature = 0.9
        let error = #expect(throws: DistillationError.self) { try run.generate("data", settings: settings) }
        #expect(
            error?.description.contains("temperature") == true && caseName(of: error) == "training.mismatch")
        #expect(throws: DistillationError.self) { try run.generate("data", prompts: 22) }
        #expect(try run.bytes("data") == before)
    }

    @Test("Shards whose bytes have changed are refused by name, and so is a shard that is gone")
    func altered() throws {
        let run = try ToyRun()
        try run.generate("data")
        let whole = try run.bytes("data")
        for damage in ToyRun.damages(whole) {
            try run.write(damage.files, to: "data")
            var errors = [DistillationError?]()
            errors.append(#expect(throws: DistillationError.self) { try run.generate("data") })
            errors.append(
                #expect(throws: DistillationError.self) {
                    try ConversationExport.write(
                        data: run.directory.file("data"), prompts: ToyRun.prompts(23), model: run.model,
                        to: run.directory.file("out.json"))
                })
            for error in errors {
                #expect(caseName(of: error) == "format.altered", "\(damage.name)")
                #expect(error?.description.contains("\(damage.file): was changed") == true, "\(error as Any)")
            }
            #expect(try run.bytes("data") == whole.merging(damage.files) { $1 })
            try run.write(whole, to: "data")
        }
        try run.generate("data")
        #expect(try run.bytes("data") == whole)
        unlink(run.directory.file("data/answers-00001.safetensors"))
        let error = #expect(throws: DistillationError.self) { try run.generate("data") }
        #expect(caseName(of: error) == "format.missing")
    }

    @Test("Data without digests go on with a warning; leftovers of a stopped run are removed")
    func withoutDigests() throws {
        let run = try ToyRun()
        try run.generate("data")
        var manifest = try DistillationManifest(directory: run.directory.file("data"))
        #expect(manifest.warnings.isEmpty && manifest.shards.allSatisfy { $0.sha256?.utf8.count == 64 })
        for index in manifest.shards.indices { manifest.shards[index].sha256 = nil }
        try manifest.write(to: run.directory.file("data"))
        let names = ["manifest.json.abc.partial", "answers-00001.safetensors.1x.partial", "own.abc.partial"]
        for name in names { try ToyModelFile.write([1], to: run.directory.file("data/\(name)")) }
        var generation = try AnswerGeneration(
            run.model, prompts: ToyRun.prompts(23), settings: ToyRun.settings,
            directory: run.directory.file("data"))
        #expect(generation.warnings.count == 1 && generation.warnings[0].contains("have no digest"))
        #expect(try generation.run() == manifest)
        let left = names.filter { access(run.directory.file("data/\($0)"), F_OK) == 0 }
        #expect(left == ["own.abc.partial"])
    }

    @Test("Prompts that are too long are passed over and counted")
    func skipped() throws {
        let run = try ToyRun()
        var settings = ToyRun.settings
        settings.maximumPromptTokens = 24
        let manifest = try run.generate("data", settings: settings)
        #expect(manifest.skippedPrompts > 0)
        #expect(manifest.shards.reduce(0) { $0 + $1.answers } == 23 - manifest.skippedPrompts)
        _ = try DistillationData(directory: run.directory.file("data"))
    }

    @Test("Hidden states that are computed anew are the stored ones, bit for bit")
    func hiddenStates() throws {
        let run = try ToyRun()
        try run.generate("data")
        var settings = ToyRun.settings
        settings.storesHidden = false
        try run.generate("bare", settings: settings)
        let data = try DistillationData(directory: run.directory.file("data"))
        var bare = try DistillationData(directory: run.directory.file("bare"))
        #expect(!bare.hasHidden && data.hasHidden)
        bare.provideHidden(try run.model.hiddenStates(of: bare))
        let size = run.model.configuration.hiddenSize
        var (a, b) = ([Float](repeating: 0, count: size), [Float](repeating: 1, count: size))
        for (index, shard) in data.shards.enumerated() {
            for row in shard.tokens.indices {
                data.copyHidden(shard: index, row: row, into: &a)
                bare.copyHidden(shard: index, row: row, into: &b)
                #expect(a == b)
            }
        }
    }

    @Test("Invented prompts are different lines of JSON, the same whatever the batch")
    func invented() throws {
        let run = try ToyRun()
        var texts = [[UInt8]]()
        for batch in [2, 7] {
            var prompts = try InventedPrompts(run.model)
            prompts.maximumTokens = 40
            prompts.temperature = 2
            let path = run.directory.file("prompts-\(batch).jsonl")
            let count = try #require(try prompts.write(6, to: path, batch: batch))
            #expect(count > 0 && count <= 6)
            let set = try PromptSet(path: path)
            #expect(set.prompts.count == count && Set(set.prompts.map(\.content)).count == count)
            texts.append(try contents(path))
        }
        #expect(texts[0].starts(with: texts[1].prefix(while: { $0 != 0x0A })))
    }

    @Test("Answers are exported as conversations, with the prompts they were made from only")
    func export() throws {
        let run = try ToyRun()
        try run.generate("data")
        let path = run.directory.file("out.json")
        let report = try ConversationExport.write(
            data: run.directory.file("data"), prompts: ToyRun.prompts(23), model: run.model, to: path)
        let json = try JSONValue(path: path)
        #expect(
            json.array?.count == report.written && report.written + report.skipped.values.reduce(0, +) == 23)
        let turns = json.array?.first?["conversations"]?.array
        #expect(turns?.map { $0["from"]?.string } == ["human", "gpt"])
        let error = #expect(throws: DistillationError.self) {
            try ConversationExport.write(
                data: run.directory.file("data"), prompts: ToyRun.prompts(5), model: run.model, to: path)
        }
        #expect(error?.description.contains("prompts_digest") == true)
    }
}
