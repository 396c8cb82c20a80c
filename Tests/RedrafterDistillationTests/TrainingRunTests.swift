import BundledDrafters
import MedusaTraining
import RecurrentTraining
import RedrafterCore
import RedrafterDistillation
import RedrafterFormats
import RedrafterTesting
import RedrafterTraining
import Testing

@testable import Redrafter

@Suite(.serialized) struct TrainingRunTests {
    private static let settings = ToyRun.trainingSettings

    private static let names = [RecurrentTrainer.name, MedusaTrainer.name, "context", "addition"]

    /// Those of a name; `context` is a recurrent drafter with a context block, `addition` one that adds and guesses states.
    private static func settings(_ name: String) -> TrainingSettings {
        var settings = settings
        if name == "context" || name == "addition" { settings.taps = [0, 1] }
        if name == "addition" {
            settings.addsToHidden = true
            settings.stateWeight = 0.5
            settings.textPositions = 16
            settings.stepShare = 0.5
        }
        return settings
    }

    private static func trainer(_ name: String) -> any DrafterTrainer.Type {
        name == MedusaTrainer.name ? MedusaTrainer.self : RecurrentTrainer.self
    }

    /// Trains into a directory of the run; returns what was said and the drafter's bytes.
    private func train(
        _ run: ToyRun, _ name: String, _ settings: TrainingSettings,
        _ trainer: any DrafterTrainer.Type = RecurrentTrainer.self, resume: Bool = false,
        until last: Int? = nil
    ) throws -> (events: [TrainingRun.Event], drafter: [UInt8]?) {
        var events = [TrainingRun.Event]()
        let flag = CancellationFlag()
        func report(_ event: TrainingRun.Event) {
            events.append(event)
            if case .report(let step, _, _, _, _, _, _) = event, let last, step >= last { flag.cancel() }
        }
        let training = try TrainingRun(
            run.model, data: [run.directory.file("data")], output: run.directory.file(name),
            training: trainer,
            settings: settings, resume: resume, report: report)
        let path = try training.run(cancellation: flag, report: report)
        return (events, try path.map(contents))
    }

    private func evaluations(_ events: [TrainingRun.Event]) -> [TrainingRun.Evaluation] {
        events.compactMap { if case .evaluation(_, let evaluation) = $0 { evaluation } else { nil } }
    }

    @Test("A position that comes twice in a batch has the same matches with its text twice")
    func repeatedRoots() throws {
        let run = try ToyRun()
        try run.generate("data")
        let data = try DistillationData(directory: run.directory.file("data"))
        let reader = BatchReader(
            data, vocabulary: DraftVocabulary(counting: data, size: 1 << 16), draftLength: 3, copyLengths: 4)
        func matches(_ roots: [Int32]) throws -> BatchMatches { try #require(reader.batch(roots).matches) }
        var count = 0
        for roots in data.roots(isHeldOut: false).prefix(40).map({ [$0, $0 + 1] }) {
            let (first, second) = (try matches([roots[0]]), try matches([roots[1]]))
            let all = try matches([roots[0], roots[0], roots[1], roots[0]])
            #expect(all.rows == first.rows + first.rows + second.rows + first.rows)
            #expect(all.lengths == first.lengths + first.lengths + second.lengths + first.lengths)
            count += first.rows.count
        }
        #expect(count > 0)
    }

    @Test(
        "A drafter learns its toy model's answers, and the file that is left drafts for it",
        arguments: names)
    func learns(_ name: String) throws {
        let run = try ToyRun()
        try run.generate("data", prompts: 400)
        let (events, _) = try train(run, "out", Self.settings(name), Self.trainer(name))
        let losses = events.compactMap {
            if case .report(_, let loss, _, _, _, _, _) = $0 { loss } else { nil }
        }
        #expect(losses.count == 6)
        #expect(losses[5] < losses[0] - 0.08, "\(losses)")
        let evaluations = evaluations(events)
        #expect(evaluations.count == 2 && evaluations[1].draft.steps > 0)
        #expect(evaluations[1].draft.tokensPerStep > 1.2 && evaluations[1].draft.rowsPerStep <= 8)
        let weights = try DrafterWeights(path: run.directory.file("out/drafter.gguf"))
        #expect(
            weights.fingerprint == run.model.fingerprint
                && weights.configuration.kind == (name == "medusa" ? .medusa : .recurrent))
        // The saved drafter gives plain decoding's text, with some of its guesses confirmed.
        var options = SpeculationOptions(drafter: Self.trainer(name).name)
        options.drafterOptions.path = weights.path
        options.tree = "dynamic"
        let prompt = try ToyRun.prompts(1).prompts[0].tokens(for: run.model)
        let parameters = GenerationParameters(maximumTokens: 40)
        let plain = try TextGenerator(run.model).generate(prompt, parameters)
        let fast = try TextGenerator(run.model, speculation: options).generate(prompt, parameters)
        #expect(fast.tokens == plain.tokens)
        #expect(fast.speculation.steps < plain.speculation.steps)
    }

    @Test(
        "A run that is interrupted and resumed leaves the same drafter, bit for bit",
        arguments: names)
    func resumes(_ name: String) throws {
        let trainer = Self.trainer(name)
        let run = try ToyRun()
        try run.generate("data", prompts: 200)
        let settings = Self.settings(name)
        let whole = try train(run, "whole", settings, trainer)
        for stop in [10, 30, 50] {
            let part = try train(run, "part-\(stop)", settings, trainer, until: stop)
            #expect(part.drafter == nil)
            let rest = try train(run, "part-\(stop)", settings, trainer, resume: true)
            #expect(rest.drafter == whole.drafter, "stopped at \(stop)")
        }
    }

    @Test("Taps that are no layers of the model, or do not ascend, are refused by the name of their flag")
    func taps() throws {
        let run = try ToyRun()
        try run.generate("data", prompts: 100)
        for taps in [[0, 2], [1, 0], [1, 1], [-1]] {
            var settings = Self.settings
            settings.taps = taps
            let error = #expect(throws: DistillationError.self) { _ = try train(run, "out", settings) }
            #expect(error?.description.contains("taps") == true, "\(taps): \(String(describing: error))")
        }
        var settings = Self.settings
        (settings.taps, settings.addsToHidden) = ([0], true)
        let partial = #expect(throws: DistillationError.self) { _ = try train(run, "out", settings) }
        #expect(partial?.description.contains("last layer, 1") == true, "\(String(describing: partial))")
        (settings.taps, settings.addsToHidden) = ([1], false)
        let error = #expect(throws: DistillationError.self) {
            _ = try train(run, "out", settings, MedusaTrainer.self)
        }
        #expect(error?.description.contains("taps") == true)
        (settings.taps, settings.copyLengths) = ([], 4)
        let copies = #expect(throws: DistillationError.self) {
            _ = try train(run, "out", settings, MedusaTrainer.self)
        }
        #expect(copies?.description.contains("copy-lengths") == true)
    }

    @Test("Settings that contradict each other are refused by the name of a flag")
    func contradictions() {
        func refusal(_ change: (inout TrainingSettings) -> Void) -> String {
            var settings = Self.settings
            settings.taps = [0, 1]
            change(&settings)
            do { try settings.validate() } catch { return error.description }
            return ""
        }
        #expect(refusal { $0.addsToHidden = true } == "")
        #expect(refusal { $0.stateWeight = 1 }.contains("state-weight"))
        #expect(refusal { ($0.addsToHidden, $0.stateWeight) = (true, -1) }.contains("state-weight"))
        #expect(refusal { ($0.addsToHidden, $0.stateWeight) = (true, .infinity) }.contains("state-weight"))
        #expect(refusal { ($0.stepShare, $0.weighsBySurvival) = (0.5, true) }.contains("step-share"))
        for share in [0, -1, 1.5, Float.nan] {
            #expect(refusal { $0.stepShare = share }.contains("step-share"), "\(share)")
        }
        #expect(refusal { $0.textPositions = 0 }.contains("text-positions"))
        #expect(refusal { ($0.taps, $0.addsToHidden) = ([], true) }.contains("context-adds"))
        #expect(refusal { ($0.taps, $0.normalizesTaps) = ([], false) }.contains("tap-norm"))
        #expect(refusal { ($0.taps, $0.attends) = ([], false) }.contains("context-layer"))
        #expect(refusal { ($0.taps, $0.tapFolder) = ([], "taps") }.contains("tap-folder"))
    }

    @Test("A damaged checkpoint is passed over with its reason, and the run ends the same")
    func damagedCheckpoint() throws {
        let run = try ToyRun()
        try run.generate("data", prompts: 200)
        let settings = Self.settings
        let whole = try train(run, "whole", settings)
        _ = try train(run, "part", settings, until: 50)
        let newest = run.directory.file("part/checkpoint-00000050/manifest.json")
        try ToyModelFile.write([0x7B], to: newest)
        let rest = try train(run, "part", settings, resume: true)
        let warnings = rest.events.compactMap { if case .warning(let text) = $0 { text } else { nil } }
        #expect(warnings.count == 1 && warnings[0].contains("checkpoint-00000050"), "\(warnings)")
        #expect(rest.drafter == whole.drafter)
    }

    @Test("A directory in use, other settings, data of another model and too little data are refused")
    func refused() throws {
        let run = try ToyRun()
        try run.generate("data", prompts: 100)
        let settings = Self.settings
        _ = try train(run, "out", settings, until: 10)
        func refusal(_ name: String, _ settings: TrainingSettings, resume: Bool = false) -> String? {
            caseName(
                of: #expect(throws: DistillationError.self) {
                    _ = try train(run, name, settings, resume: resume)
                })
        }
        #expect(refusal("out", settings) == "outputInUse")
        var other = settings
        other.learningRate = 1e-4
        #expect(refusal("out", other, resume: true) == "training.mismatch")
        other = settings
        other.batchSize = 1 << 20
        #expect(refusal("new", other) == "tooLittleData")
        other.batchSize = 0
        #expect(refusal("new", other) == "parameter.outOfRange")
        let stranger = try ToyRun()
        try ToyModelFile(seed: 9).writeGGUF(to: stranger.directory.path, name: "other")
        let manifest = run.directory.file("data/manifest.json")
        let text = String(decoding: try contents(manifest), as: UTF8.self)
        let edited = text.replacing(
            "\"num_hidden_layers\": 2", with: "\"num_hidden_layers\": 3")
        #expect(edited != text)
        try ToyModelFile.write(Array(edited.utf8), to: manifest)
        #expect(refusal("new", settings) == "drafter.mismatch")
    }
}
