import MedusaTraining
import RecurrentTraining
import Redrafter
import RedrafterCore
import RedrafterDistillation
import RedrafterFormats
import RedrafterTesting
import RedrafterTraining
import Testing

/// Runs that begin with the weights of another drafter, or learn from several data sets.
@Suite struct TrainingStartTests {
    private func train(
        _ run: ToyRun, _ name: String, _ settings: TrainingSettings, data: [String] = ["data"],
        _ trainer: any DrafterTrainer.Type = RecurrentTrainer.self, start: DrafterWeights? = nil,
        resume: Bool = false
    ) throws -> [TrainingRun.Event] {
        var events = [TrainingRun.Event]()
        let training = try TrainingRun(
            run.model, data: data.map { run.directory.file($0) }, output: run.directory.file(name),
            training: trainer, settings: settings, start: start, resume: resume
        ) { events.append($0) }
        _ = try training.run { events.append($0) }
        return events
    }

    private func loss(_ events: [TrainingRun.Event]) -> Double? {
        events.compactMap { if case .evaluation(_, let evaluation) = $0 { evaluation.loss } else { nil } }
            .first
    }

    private static func one(_ change: (inout TrainingSettings) -> Void = { _ in }) -> TrainingSettings {
        var settings = ToyRun.trainingSettings
        settings.iterations = 1
        settings.learningRate = 1e-9
        settings.stepsPerEval = 1
        change(&settings)
        return settings
    }

    @Test(
        "A run goes on from the loss of the drafter that it begins with, and a context block changes nothing at first"
    )
    func begins() throws {
        let run = try ToyRun()
        try run.generate("data", prompts: 200)
        var settings = ToyRun.trainingSettings
        settings.draftVocabulary = 40
        let trained = try train(run, "out", settings)
        let last = try #require(
            trained.compactMap {
                if case .evaluation(_, let evaluation) = $0 { evaluation.loss } else { nil }
            }
            .last)
        let start = try DrafterWeights(path: run.directory.file("out/drafter.gguf"))
        let again = try #require(loss(try train(run, "again", Self.one(), start: start)))
        #expect(abs(again - last) < 0.01 * last, "F16 changes little: \(again), \(last)")
        let fresh = try #require(loss(try train(run, "fresh", Self.one { $0.draftVocabulary = 40 })))
        #expect(fresh > last + 0.05)
        let weights = try DrafterWeights(path: run.directory.file("again/drafter.gguf"))
        #expect(weights.draftVocabulary == start.draftVocabulary)
        for adds in [false, true] {
            let context = Self.one { ($0.taps, $0.addsToHidden) = ([1], adds) }
            let block = try #require(loss(try train(run, "block-\(adds)", context, start: start)))
            #expect(abs(block - last) < 0.02 * last, "\(block), \(last)")
        }
    }

    @Test(
        "Weights of another kind, of other sizes or with parts that the new drafter has not are refused by name"
    )
    func refused() throws {
        let run = try ToyRun()
        try run.generate("data", prompts: 100)
        _ = try train(run, "medusa", Self.one(), MedusaTrainer.self)
        _ = try train(run, "block", Self.one { $0.taps = [0, 1] })
        _ = try train(run, "plain", Self.one())
        func refusal(_ file: String, _ settings: TrainingSettings = Self.one()) throws -> String {
            let start = try DrafterWeights(path: run.directory.file("\(file)/drafter.gguf"))
            let error = #expect(throws: DistillationError.self) {
                _ = try train(run, "new", settings, start: start)
            }
            return error?.description ?? ""
        }
        #expect(try refusal("medusa").contains("it holds medusa"))
        #expect(try refusal("block").contains("its context_block is"))
        #expect(try refusal("block", Self.one { $0.taps = [1] }).contains("its context_block is"))
        let adds = Self.one { ($0.taps, $0.addsToHidden) = ([0, 1], true) }
        #expect(try refusal("block", adds).contains("its context_block is"))
        #expect(
            try refusal("plain", Self.one { $0.layers = 0 }).contains("its layers is 1, the new drafter's 0"))
        #expect(try refusal("plain", Self.one { $0.exitDimension = 8 }).contains("its exit_dim is"))
    }

    @Test("A run is resumed with the drafter that it began with only")
    func resumed() throws {
        let run = try ToyRun()
        try run.generate("data", prompts: 100)
        _ = try train(run, "one", Self.one())
        _ = try train(run, "other", Self.one { $0.seed = 1 })
        let one = try DrafterWeights(path: run.directory.file("one/drafter.gguf"))
        let other = try DrafterWeights(path: run.directory.file("other/drafter.gguf"))
        _ = try train(run, "new", Self.one(), start: one)
        _ = try train(run, "new", Self.one(), start: one, resume: true)
        #expect(throws: DistillationError.self) {
            _ = try train(run, "new", Self.one(), start: other, resume: true)
        }
        #expect(throws: DistillationError.self) { _ = try train(run, "new", Self.one(), resume: true) }
    }

    @Test("Several data sets are learnt from as one; what they store must be the same")
    func severalDataSets() throws {
        let run = try ToyRun()
        try run.generate("one", prompts: 60)
        var settings = ToyRun.settings
        settings.seed = 5
        try run.generate("two", prompts: 40, settings: settings)
        settings.topCount = 4
        try run.generate("three", prompts: 20, settings: settings)
        let parts = try ["one", "two"].map { try DistillationData(directory: run.directory.file($0)) }
        let both = try DistillationData(directories: ["one", "two"].map { run.directory.file($0) })
        #expect(both.rows == parts.reduce(0) { $0 + $1.rows })
        for isHeldOut in [true, false] {
            let counts = parts.map { $0.roots(isHeldOut: isHeldOut).count }
            #expect(both.roots(isHeldOut: isHeldOut).count == counts.reduce(0, +))
        }
        let limited = try DistillationData(
            directories: ["one", "two"].map { run.directory.file($0) }, limit: parts[0].rows)
        #expect(limited.rows == parts[0].rows)
        _ = try train(run, "out", ToyRun.trainingSettings, data: ["one", "two"])
        _ = try train(run, "out", ToyRun.trainingSettings, data: ["one", "two"], resume: true)
        #expect(throws: DistillationError.self) {
            _ = try train(run, "out", ToyRun.trainingSettings, data: ["two", "one"], resume: true)
        }
        let error = #expect(throws: DistillationError.self) {
            _ = try train(run, "new", ToyRun.trainingSettings, data: ["one", "three"])
        }
        #expect(error?.description.contains("what it stores") == true, "\(String(describing: error))")
    }
}
