import ArgumentParser
import Redrafter
import RedrafterCore
import RedrafterDistillation
import RedrafterFormats
import RedrafterReport
import RedrafterTraining

/// `redrafter train`: drafters for a model, from its own answers.
struct TrainCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "train",
        abstract: "Trains a drafter on answers that the model has given.",
        discussion: """
            The data come from `redrafter distill generate`. The output directory gets checkpoints, log.jsonl, a plot and, at the
            end, drafter.gguf (F16; `redrafter convert` quantises it). A run that was broken off goes on with --resume, bit for
            bit as if it had not been.
              redrafter train rnn --data data --output rnn
              redrafter train medusa --data data --output medusa --draft-length 4 --batch-size 512
              redrafter convert rnn/drafter.gguf rnn.gguf --type q4_0
            """)

    enum Drafter: String, ExpressibleByArgument, CaseIterable {
        case rnn, medusa

        var kind: DrafterKind { self == .rnn ? .recurrent : .medusa }
    }

    @Argument(help: "What to train: rnn (the recurrent drafter) or medusa.")
    var drafter: Drafter

    @OptionGroup var modelArguments: ModelArguments

    @Option(help: ArgumentHelp("Directory that `distill generate` has made.", valueName: "path"))
    var data: String

    @Option(name: [.short, .long], help: ArgumentHelp("Directory for the run.", valueName: "path"))
    var output: String

    @Flag(help: "Go on from the newest checkpoint in the output directory.")
    var resume = false

    @OptionGroup(title: "Training") var training: TrainingArguments

    @Flag(help: "Print one JSON object a line: reports, evaluations, and the result.")
    var json = false

    func run() throws {
        let settings = training.settings(drafter.kind, threads: modelArguments.threads)
        try Terminal.distilling { () throws(DistillationError) in
            do throws(ParameterError) { try settings.validate() } catch { throw .parameter(error) }
        }
        Interrupt.install()
        let model = try modelArguments.load(contextLength: nil)
        var failure: (any Error)?
        func report(_ event: TrainingRun.Event) {
            do { try show(event) } catch { failure = failure ?? error }
        }
        let path = try Terminal.distilling { () throws(DistillationError) in
            let run = try TrainingRun(
                model, data: data, output: output, settings: settings, resume: resume, report: report)
            return try run.run(cancellation: Interrupt.flag, report: report)
        }
        if let failure { throw failure }
        guard let path else {
            Terminal.say("the same command with --resume goes on from here")
            throw ExitCode(Interrupt.exitCode)
        }
        if json {
            try Terminal.write(JSONValue.object(["drafter": .string(path)]).text() + "\n")
        } else {
            Terminal.say(
                "the drafter is \(path); try it: redrafter compare --drafters \(drafter.rawValue),none "
                    + "--drafter-model \(path)")
        }
    }

    private func show(_ event: TrainingRun.Event) throws {
        if json { return try Terminal.write(event.json.text() + "\n") }
        switch event {
        case .warning(let text): Terminal.warn(text)
        case .saved(_, let path): Terminal.say("saved \(path)")
        default: try Terminal.write(event.line + "\n")
        }
    }
}

/// Flags of training, with the names of mlx-lm.
struct TrainingArguments: ParsableArguments {
    private static let standard = TrainingSettings(.recurrent)

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("Steps of the optimiser; one epoch unless given.", valueName: "n"))
    var iters: Int?

    @Option(parsing: .unconditional, help: ArgumentHelp("Positions in a step.", valueName: "n"))
    var batchSize = standard.batchSize

    @Option(parsing: .unconditional, help: ArgumentHelp("Peak of the learning rate.", valueName: "x"))
    var learningRate = standard.learningRate

    @Option(
        name: .customLong("warmup"), parsing: .unconditional,
        help: ArgumentHelp("Steps until the learning rate is reached.", valueName: "n"))
    var warmup = standard.warmupSteps

    @Option(parsing: .unconditional, help: ArgumentHelp("Decay of matrices.", valueName: "x"))
    var weightDecay = standard.weightDecay

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("Drafted tokens that are learnt; heads of Medusa.", valueName: "n"))
    var draftLength = standard.draftLength

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp(
            "Size that the head of a recurrent drafter works on; the hidden size.", valueName: "n"))
    var exitDim: Int?

    @Option(parsing: .unconditional, help: ArgumentHelp("Residual blocks of each head.", valueName: "n"))
    var layers = standard.layers

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp(
            "Tokens that the drafter predicts, the most frequent ones; 0 for all.", valueName: "n"))
    var draftVocab = standard.draftVocabulary

    @Option(
        help: ArgumentHelp(
            "What is learnt: kd, the model's distribution, or ce, the token that came.", valueName: "loss"))
    var loss = standard.loss

    @Option(
        name: .customLong("label-temp"), parsing: .unconditional,
        help: ArgumentHelp("Sharpens the model's distribution below 1.", valueName: "t"))
    var labelTemperature = standard.labelTemperature

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("Weight of each step's loss relative to the one before.", valueName: "x"))
    var stepDecay = standard.stepDecay

    @Option(parsing: .unconditional, help: ArgumentHelp("Steps between two reports.", valueName: "n"))
    var stepsPerReport = standard.stepsPerReport

    @Option(parsing: .unconditional, help: ArgumentHelp("Steps between two evaluations.", valueName: "n"))
    var stepsPerEval = standard.stepsPerEval

    @Option(parsing: .unconditional, help: ArgumentHelp("Steps between two checkpoints.", valueName: "n"))
    var saveEvery = standard.saveEvery

    @Option(
        name: .customLong("tokens"), parsing: .unconditional,
        help: ArgumentHelp("Use so many tokens of the data; all unless given.", valueName: "n"))
    var tokens: Int?

    @Option(parsing: .unconditional, help: ArgumentHelp("Seed of first weights and order.", valueName: "n"))
    var seed = standard.seed

    func settings(_ kind: DrafterKind, threads: Int?) -> TrainingSettings {
        var settings = TrainingSettings(kind)
        settings.iterations = iters
        settings.batchSize = batchSize
        settings.learningRate = learningRate
        settings.warmupSteps = warmup
        settings.weightDecay = weightDecay
        settings.draftLength = draftLength
        settings.exitDimension = exitDim
        settings.layers = layers
        settings.draftVocabulary = draftVocab
        settings.loss = loss
        settings.labelTemperature = labelTemperature
        settings.stepDecay = stepDecay
        settings.stepsPerReport = stepsPerReport
        settings.stepsPerEval = stepsPerEval
        settings.saveEvery = saveEvery
        settings.tokenLimit = tokens
        settings.seed = seed
        if let threads { settings.threads = threads }
        return settings
    }
}

extension DraftLoss: ExpressibleByArgument {}

extension Terminal {
    /// Runs a body of training and turns its error into a line on stderr and an exit code.
    static func distilling<Value>(_ body: () throws(DistillationError) -> Value) throws -> Value {
        do {
            return try body()
        } catch {
            fail(error.description, hint: error.hint)
            throw ExitCode(error.exitCode)
        }
    }
}

extension TrainingRun.Event {
    /// A line as mlx-lm prints it.
    var line: String {
        switch self {
        case .started(let step, let iterations, let parameters, let positions, let coverage):
            "Training from iteration \(step) to \(iterations): \(parameters) parameters, \(positions) positions, "
                + "draft vocabulary covers \(Self.percent(coverage)) of the answers"
        case .report(let step, let loss, let accuracy, let rate, let speed):
            "Iteration \(step): training loss \(Self.number(loss, 3)), top-1 \(Self.list(accuracy)), "
                + "learning rate \(Self.scientific(Double(rate))), \(Int(speed)) positions/s"
        case .evaluation(let step, let evaluation):
            "Iteration \(step): held-out loss \(Self.number(evaluation.loss, 3)), top-1 \(Self.list(evaluation.accuracy)), "
                + "\(Self.number(evaluation.draft.tokensPerStep, 3)) tokens per step with "
                + "\(Self.number(evaluation.draft.rowsPerStep, 1)) rows"
        case .saved(_, let path): "saved \(path)"
        case .warning(let text): "warning: \(text)"
        }
    }

    /// The same for programs.
    var json: JSONValue {
        switch self {
        case .started(let step, let iterations, let parameters, let positions, let coverage):
            .object([
                "event": .string("started"), "step": .integer(step), "iterations": .integer(iterations),
                "parameters": .integer(parameters), "positions": .integer(positions),
                "coverage": .double(coverage),
            ])
        case .report(let step, let loss, let accuracy, let rate, let speed):
            .object([
                "event": .string("report"), "step": .integer(step), "loss": .double(loss),
                "top1": .array(accuracy.map(JSONValue.double)), "learning_rate": .double(Double(rate)),
                "positions_per_second": .double(speed),
            ])
        case .evaluation(let step, let evaluation):
            .object([
                "event": .string("evaluation"), "step": .integer(step), "loss": .double(evaluation.loss),
                "top1": .array(evaluation.accuracy.map(JSONValue.double)),
                "tokens_per_step": .double(evaluation.draft.tokensPerStep),
                "rows_per_step": .double(evaluation.draft.rowsPerStep),
            ])
        case .saved(let step, let path):
            .object(["event": .string("saved"), "step": .integer(step), "path": .string(path)])
        case .warning(let text): .object(["event": .string("warning"), "text": .string(text)])
        }
    }

    private static func percent(_ share: Double) -> String { number(share * 100, 1) + " %" }

    private static func list(_ shares: [Double]) -> String {
        shares.map { number($0, 3) }.joined(separator: " ")
    }

    private static func number(_ value: Double, _ digits: Int) -> String { Number.fixed(value, digits) }

    private static func scientific(_ value: Double) -> String {
        guard value > 0 else { return "0" }
        var (mantissa, exponent) = (value, 0)
        while mantissa < 1 { (mantissa, exponent) = (mantissa * 10, exponent - 1) }
        return number(mantissa, 2) + (exponent == 0 ? "" : "e\(exponent)")
    }
}
