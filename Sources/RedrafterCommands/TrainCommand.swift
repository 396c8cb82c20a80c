import ArgumentParser
import Redrafter
import RedrafterCore
import RedrafterDistillation
import RedrafterFormats
import RedrafterTraining

/// `redrafter train`: drafters for a model, from its own answers.
struct TrainCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "train",
        abstract: "Trains a drafter on answers that the model has given.",
        discussion: """
            The data comes from `redrafter distill generate`. The output directory gets checkpoints, log.jsonl, a plot and, at \
            the end, drafter.gguf (F16; `redrafter convert` quantises it). --resume continues an interrupted run; the \
            result has the same bits as without the interruption.

              redrafter train rnn --data data --output rnn
              redrafter train rnn --data data --output rnn-context --taps 8,18,29 --learning-rate 1e-3
              redrafter train medusa --data data --output medusa --draft-length 4 --batch-size 512
              redrafter train rnn --data more --output rnn-more --start rnn/drafter.gguf
              redrafter convert rnn/drafter.gguf rnn.gguf --type q4_0
            """)

    /// A name of the trainers of this build.
    struct Trainer: ExpressibleByArgument {
        let type: any DrafterTrainer.Type

        init?(argument: String) {
            guard let type = Plugins.current.trainers[argument] else { return nil }
            self.type = type
        }

        static var allValueStrings: [String] { Plugins.current.trainers.names }

        /// Each name, with a summary where that says more.
        static var list: String {
            Plugins.current.trainers.trainers.map { "\($0.name) (\($0.summary))" }.alternatives
        }
    }

    @Argument(help: "What to train: \(Trainer.list).")
    var drafter: Trainer

    @OptionGroup var modelArguments: ModelArguments

    @Option(
        help: ArgumentHelp(
            "Directory made by `redrafter distill generate`. Give it again for more data of the same model.",
            valueName: "path"))
    var data: [String]

    @Option(name: [.short, .long], help: ArgumentHelp("Directory for the run.", valueName: "path"))
    var output: String

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp(
            "Begin with the weights and the draft vocabulary of this drafter. Parts that it lacks, such as a context block, begin as usual.",
            valueName: "path"))
    var start: String?

    @Flag(help: "Resume from the newest checkpoint in the output directory.")
    var resume = false

    @OptionGroup(title: "Training") var training: TrainingArguments

    @Flag(help: "Print JSON, one object on each line: reports, evaluations, and the result.")
    var json = false

    func run() throws {
        let settings = training.settings(threads: modelArguments.threads)
        try settings.validate()
        try drafter.type.validate(settings)
        Interrupt.install()
        let model = try modelArguments.load(contextLength: nil)
        var failure: (any Error)?
        func report(_ event: TrainingRun.Event) {
            do { try show(event) } catch { failure = failure ?? error }
        }
        let run = try TrainingRun(
            model, data: data, output: output, training: drafter.type, settings: settings,
            start: try start.map {
                try DrafterWeights(path: ModelLocation.path($0), kinds: Plugins.current.registry.kinds)
            },
            resume: resume, report: report)
        let path = try run.run(cancellation: Interrupt.flag, report: report)
        if let failure { throw failure }
        guard let path else {
            Terminal.say("run the same command with --resume to continue")
            throw ExitCode(Interrupt.exitCode)
        }
        if json {
            try Terminal.write(JSONValue.object(["drafter": .string(path)]).text() + "\n")
        } else {
            Terminal.say(
                "the drafter is \(path); try it: redrafter compare --drafters \(drafter.type.name),none "
                    + "--drafter-model \(path)")
        }
    }

    private func show(_ event: TrainingRun.Event) throws {
        if json { return try Terminal.write(event.json.text() + "\n") }
        switch event {
        case .warning(let text): Terminal.warn(text)
        case .saved(_, let path): Terminal.say("saved \(path)")
        case .checking(let bytes): Terminal.sayChecking(bytes)
        default: try Terminal.write(event.line + "\n")
        }
    }
}

extension DraftLoss: ExpressibleByArgument {}
