import BundledDrafters
import RecurrentDrafter
import RecurrentTraining
import Redrafter
import RedrafterCore
import RedrafterDistillation
import RedrafterFormats
import RedrafterPlatform
import RedrafterTesting
import Synchronization
import Testing

@testable import RedrafterTraining

/// Runs whose data, directory or numbers are not in order.
@Suite("Training runs that must not go on", .serialized) struct TrainingRunFaultTests {
    private static let settings: TrainingSettings = {
        var settings = ToyRun.trainingSettings
        settings.iterations = 20
        settings.draftLength = 2
        settings.stepsPerReport = 5
        settings.stepsPerEval = 100
        settings.saveEvery = 5
        settings.threads = 1
        return settings
    }()

    private let run: ToyRun

    init() throws {
        run = try ToyRun()
        try run.generate("data", prompts: 100)
    }

    /// Trains; returns the warnings and the drafter's bytes.
    @discardableResult
    private func train(
        _ name: String = "out", _ settings: TrainingSettings = Self.settings, resume: Bool = false,
        trainer: any DrafterTrainer.Type = RecurrentTrainer.self, until last: Int? = nil
    ) throws -> (warnings: [String], drafter: [UInt8]?) {
        var warnings = [String]()
        let flag = CancellationFlag()
        func report(_ event: TrainingRun.Event) {
            if case .warning(let text) = event { warnings.append(text) }
            if case .report(let step, _, _, _, _, _, _) = event, let last, step >= last { flag.cancel() }
        }
        let training = try TrainingRun(
            run.model, data: [run.directory.file("data")], output: run.directory.file(name),
            training: trainer, settings: settings, resume: resume, report: report)
        return (warnings, try training.run(cancellation: flag, report: report).map(contents))
    }

    private func refusal(_ body: () throws -> Void) -> DistillationError? {
        #expect(throws: DistillationError.self) { try body() }
    }

    private func exists(_ name: String) -> Bool { access(run.directory.file(name), F_OK) == 0 }

    @Test("Shards whose bytes have changed are refused by name, by a new run and by one that goes on")
    func altered() throws {
        let whole = try run.bytes("data")
        try train("part", until: 10)
        for damage in ToyRun.damages(whole) {
            try run.write(damage.files, to: "data")
            for (name, resume) in [("new", false), ("part", true)] {
                let error = refusal { try train(name, resume: resume) }
                #expect(caseName(of: error) == "format.altered", "\(damage.name)")
                #expect(error?.description.contains("\(damage.file): was changed") == true)
            }
            try run.write(whole, to: "data")
        }
        let rest = try train("part", resume: true)
        #expect(rest.drafter == (try train("whole").drafter))
    }

    @Test(
        "Other data than those that a run was begun with are refused, also where nothing recorded their digests"
    )
    func otherData() throws {
        let directory = run.directory.file("data")
        let whole = try run.bytes("data")
        let original = try DistillationManifest(directory: directory)
        var bare = original
        for index in bare.shards.indices { bare.shards[index].sha256 = nil }
        for (name, manifest) in [("digests", original), ("bare", bare)] {
            try run.write(whole, to: "data")
            try manifest.write(to: directory)
            let begun = try train(name, until: 10)
            #expect(begun.warnings.count == (name == "bare" ? 1 : 0), "\(begun.warnings)")
            let damage = ToyRun.damages(whole)[1]
            try run.write(damage.files, to: "data")
            var changed = manifest
            if name == "digests" {
                // As if it had been written like this.
                changed.shards[1].sha256 = SHA256.hexadecimal(damage.files[damage.file] ?? [])
            }
            try changed.write(to: directory)
            let error = refusal { try train(name, resume: true) }
            #expect(caseName(of: error) == "training.mismatch", "\(error as Any)")
            #expect(error?.description.contains("data.sha256") == true)
            #expect(error?.hint?.contains("data") == true)
            try run.write(whole, to: "data")
            try manifest.write(to: directory)
            #expect(try train(name, resume: true).drafter != nil)
        }
    }

    @Test("A checkpoint of an earlier version, without a digest of its data, goes on with a warning")
    func earlierVersion() throws {
        try train("part", until: 10)
        let store = CheckpointStore(directory: run.directory.file("part"))
        var checkpoint = try #require(try store.load()).checkpoint
        checkpoint.state = checkpoint.state.without("sha256")
        try store.save(checkpoint)
        let rest = try train("part", resume: true)
        #expect(rest.warnings.count == 1 && rest.warnings[0].contains("no digest"), "\(rest.warnings)")
        #expect(rest.drafter == (try train("whole").drafter))
    }

    @Test("To resume where there is no checkpoint is an error, and changes nothing")
    func nothingToResume() throws {
        #expect(caseName(of: refusal { try train("absent", resume: true) }) == "nothingToResume")
        #expect(!exists("absent"))
        try train("out", until: 5)
        let log = try contents(run.directory.file("out/log.jsonl"))
        #expect(rename(run.directory.file("out/checkpoint-00000005"), run.directory.file("away")) == 0)
        let error = refusal { try train(resume: true) }
        #expect(error == .nothingToResume(directory: run.directory.file("out")) && error?.hint != nil)
        #expect(try contents(run.directory.file("out/log.jsonl")) == log)
        // Only the rest of a checkpoint is there: it is removed, and is none.
        #expect(
            rename(run.directory.file("away"), run.directory.file("out/checkpoint-00000005.partial")) == 0)
        #expect(caseName(of: refusal { try train(resume: true) }) == "nothingToResume")
        #expect(!exists("out/checkpoint-00000005.partial"))
    }

    @Test("What stopped runs have left is removed at the next start, also of a run that is finished")
    func leftovers() throws {
        let whole = try train()
        let ours = ["log.jsonl.1a.partial", "drafter.gguf.2b.partial", "progress.svg.3c.partial"]
        for resume in [true, false] {
            for name in ours + ["own.4d.partial"] {
                try ToyModelFile.write([1], to: run.directory.file("out/\(name)"))
            }
            let doomed = run.directory.file("out/checkpoint-00000010.partial")
            mkdir(doomed, 0o700)
            try ToyModelFile.write([1], to: "\(doomed)/state.json")
            if resume {
                #expect(try train(resume: true).drafter == whole.drafter)
            } else {
                #expect(caseName(of: refusal { try train() }) == "outputInUse")
            }
            for name in ours + ["checkpoint-00000010.partial"] { #expect(!exists("out/\(name)"), "\(name)") }
            #expect(exists("out/own.4d.partial"))
        }
    }

    @Test(
        "A loss that is no number ends a run, whatever its gradient, and good checkpoints stay",
        arguments: [0, 7])
    func lossless(pieces: Int) throws {
        var settings = Self.settings
        settings.saveEvery = 1
        LosslessTrainer.rest.store(pieces, ordering: .relaxed)
        let error = refusal { try train("out", settings, trainer: LosslessTrainer.self) }
        guard case .diverged(let step, _) = error else {
            Issue.record("\(error as Any)")
            return
        }
        let loaded = try CheckpointStore(directory: run.directory.file("out")).load()
        #expect(step == 8 + pieces && loaded?.checkpoint.step == (pieces > 0 ? pieces : nil))
        #expect(loaded?.checkpoint.state["failures"]?.integer ?? 0 == 0)
        #expect(!exists("out/drafter.gguf"))
        // A run that ends before so many steps.
        settings.iterations = 3
        LosslessTrainer.rest.store(2, ordering: .relaxed)
        #expect(
            caseName(of: refusal { try train("short", settings, trainer: LosslessTrainer.self) })
                == "diverged")
        #expect(!exists("short/drafter.gguf"))
    }

    @Test(
        "A run that diverges ends with an error and no drafter, and leaves checkpoints of finite numbers",
        arguments: [1e4, 1e9, 3e38] as [Float], [1, 3, 20])
    func diverges(rate: Float, iterations: Int) throws {
        var settings = Self.settings
        settings.learningRate = rate
        settings.iterations = iterations
        settings.warmupSteps = 0
        settings.saveEvery = 1
        do {
            // A rate that is only far too large may leave a drafter, of finite weights.
            let drafter = try train("out", settings).drafter
            #expect(rate < 1e9 && drafter != nil, "no error")
            let weights = try DrafterWeights(path: run.directory.file("out/drafter.gguf"), kinds: .bundled)
            #expect(weights.damage == nil)
        } catch let error as DistillationError {
            #expect(["diverged", "training.nonFinite"].contains(caseName(of: error)), "\(error)")
            #expect(error.hint?.contains("smaller learning rate") == true)
            #expect(!exists("out/drafter.gguf"))
            let loaded = try CheckpointStore(directory: run.directory.file("out")).load()
            let values = loaded?.checkpoint.tensors.flatMap(\.values) ?? []
            #expect(values.allSatisfy { $0.isFinite })
        }
    }
}

/// The recurrent drafter with a loss that is no number after some pieces of batches; its gradient stays one.
private struct LosslessTrainer: DrafterTrainer {
    static let name = "lossless"
    static let summary = "a loss that is no number"
    /// Pieces until then.
    static let rest = Atomic<Int>(0)

    let inner: RecurrentTrainer
    var configuration: RecurrentConfiguration { inner.configuration }
    var layout: ParameterLayout { inner.layout }
    var usesEmbedding: Bool { inner.usesEmbedding }

    init(_ configuration: RecurrentConfiguration) throws(TrainingError) {
        inner = try RecurrentTrainer(configuration)
    }

    static func configuration(
        _ settings: TrainingSettings, model: ModelSizes, vocabularySize: Int
    ) -> RecurrentConfiguration {
        RecurrentTrainer.configuration(settings, model: model, vocabularySize: vocabularySize)
    }

    static func drafter(
        _ weights: DrafterWeights, for target: DraftTarget
    ) throws(DrafterError) -> any Drafter {
        try RecurrentTrainer.drafter(weights, for: target)
    }

    func initialParameters(_ model: ModelParts, seed: UInt64) -> [Float] {
        inner.initialParameters(model, seed: seed)
    }

    var copyLengths: Int { inner.copyLengths }

    func headRows(draftLength: Int) -> Int { inner.headRows(draftLength: draftLength) }

    func accumulate(_ chunk: TrainingChunk, into result: inout BatchResult) {
        inner.accumulate(chunk, into: &result)
        if Self.rest.subtract(1, ordering: .relaxed).newValue < 0 { result.lossSum = .nan }
    }
}

extension JSONValue {
    /// The same without the members of a name, at any depth.
    fileprivate func without(_ name: String) -> JSONValue {
        guard let object else { return self }
        return .object(
            JSONObject(object.filter { $0.key != ByteSlice(name) }.map { ($0.key, $0.value.without(name)) }))
    }
}
