import ArgumentParser
import Redrafter
import RedrafterCore
import RedrafterDistillation
import RedrafterFormats
import RedrafterTraining

/// `redrafter distill generate`: the model's own answers.
struct DistillGenerateCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "generate",
        abstract: "Answers prompts with the model and stores what a drafter learns from.",
        discussion: """
            Stores tokens, the most likely tokens of every place with their log-probabilities, and hidden states. Many prompts
            are answered in one pass. A run that was broken off goes on where it was when the same command is given again,
            and a finished one with a larger --tokens.
            A prompt file holds one JSON object a line, as for `redrafter compare`.
            """)

    @OptionGroup var modelArguments: ModelArguments

    @Option(help: ArgumentHelp("Prompts, one JSON object a line.", valueName: "path"))
    var prompts: String

    @Option(name: [.short, .long], help: ArgumentHelp("Directory for the data.", valueName: "path"))
    var output: String

    @Option(parsing: .unconditional, help: ArgumentHelp("Tokens of answers to make.", valueName: "n"))
    var tokens = DistillationSettings().tokens

    @Option(parsing: .unconditional, help: ArgumentHelp("Tokens of one answer at most.", valueName: "n"))
    var maxTokens = DistillationSettings().maximumTokens

    @Option(parsing: .unconditional, help: ArgumentHelp("Longer prompts are passed over.", valueName: "n"))
    var maxPromptTokens = DistillationSettings().maximumPromptTokens

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("Answers to each prompt; from the second on they are sampled.", valueName: "n"))
    var answers = DistillationSettings().answersPerPrompt

    @Option(
        parsing: .unconditional, help: ArgumentHelp("Part of first answers that are greedy.", valueName: "p"))
    var greedyShare = DistillationSettings().greedyShare

    @Option(
        name: .customLong("temp"), parsing: .unconditional,
        help: ArgumentHelp("Temperature of sampled answers.", valueName: "t"))
    var temperature = DistillationSettings().temperature

    @Option(
        name: .customLong("top-k"), parsing: .unconditional,
        help: ArgumentHelp(
            "Likeliest tokens to store at each place; samples choose among them.", valueName: "k"))
    var topCount = DistillationSettings().topCount

    @Option(
        parsing: .unconditional, help: ArgumentHelp("Seed; each answer has one of its own.", valueName: "n"))
    var seed = DistillationSettings().seed

    @Option(parsing: .unconditional, help: ArgumentHelp("Prompts answered at the same time.", valueName: "n"))
    var batch = DistillationSettings().batch

    @Option(parsing: .unconditional, help: ArgumentHelp("Answers in a file.", valueName: "n"))
    var shardAnswers = DistillationSettings().shardAnswers

    @Flag(
        name: .customLong("no-hidden"),
        help: "Store no hidden states, nine tenths of the data; training computes them anew.")
    var noHidden = false

    @Flag(help: "Take a record's \"text\" as a question, not as a text to continue.")
    var textAsQuestion = false

    @Flag(help: "Print the result as JSON.")
    var json = false

    func run() throws {
        let settings = settings()
        try settings.validate()
        let promptSet = try PromptSet(path: prompts)
        Interrupt.install()
        let model = try modelArguments.load(
            contextLength: settings.maximumPromptTokens + settings.maximumTokens)
        var generation = try AnswerGeneration(
            model, prompts: promptSet, settings: settings, directory: output)
        if generation.resumedTokens > 0 {
            Terminal.say("\(output) holds \(generation.resumedTokens) tokens already; going on from there")
        }
        var bar = ProgressBar("answering")
        let manifest = try generation.run(cancellation: Interrupt.flag) { progress in
            bar.update(
                Double(progress.tokens) / Double(progress.target),
                detail: "\(progress.tokens) tokens, \(Int(progress.tokensPerSecond)) tokens/s")
        }
        bar.finish()
        try report(manifest)
        guard manifest.isComplete else {
            Terminal.say("the same command goes on from here")
            throw ExitCode(Interrupt.exitCode)
        }
    }

    private func settings() -> DistillationSettings {
        var settings = DistillationSettings()
        settings.tokens = tokens
        settings.maximumTokens = maxTokens
        settings.maximumPromptTokens = maxPromptTokens
        settings.answersPerPrompt = answers
        settings.greedyShare = greedyShare
        settings.temperature = temperature
        settings.topCount = topCount
        settings.seed = seed
        settings.batch = batch
        settings.shardAnswers = shardAnswers
        settings.storesHidden = !noHidden
        settings.textIsQuestion = textAsQuestion
        return settings
    }

    private func report(_ manifest: DistillationManifest) throws {
        let answers = manifest.shards.reduce(0) { $0 + $1.answers }
        if json {
            let value = JSONValue.object([
                "output": .string(output), "tokens": .integer(manifest.tokens), "answers": .integer(answers),
                "shards": .integer(manifest.shards.count),
                "skipped_prompts": .integer(manifest.skippedPrompts),
                "is_complete": .bool(manifest.isComplete),
            ])
            try Terminal.write(value.text(isPretty: true) + "\n")
        } else {
            let skipped =
                manifest.skippedPrompts > 0 ? ", \(manifest.skippedPrompts) prompts passed over" : ""
            Terminal.say(
                "\(output): \(manifest.tokens) tokens of \(answers) answers in \(manifest.shards.count) files\(skipped)"
            )
        }
    }
}
