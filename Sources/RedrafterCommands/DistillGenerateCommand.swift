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
            Stores tokens, the most likely tokens at each position with their log-probabilities, and hidden states. Many \
            prompts are answered in one pass. Give the same command again to resume an interrupted run, or with a larger \
            --tokens to extend a finished one.

            A prompt file has one JSON object on each line, as for `redrafter compare`.
            """)

    @OptionGroup var modelArguments: ModelArguments
    @OptionGroup var chatTemplate: ChatTemplateArguments

    @Option(help: ArgumentHelp("File of prompts, one JSON object on each line.", valueName: "path"))
    var prompts: String

    @Option(name: [.short, .long], help: ArgumentHelp("Directory for the data.", valueName: "path"))
    var output: String

    @Option(parsing: .unconditional, help: ArgumentHelp("Number of answer tokens to make.", valueName: "n"))
    var tokens = DistillationSettings().tokens

    @Option(
        parsing: .unconditional, help: ArgumentHelp("Maximum number of tokens in one answer.", valueName: "n")
    )
    var maxTokens = DistillationSettings().maximumTokens

    @Option(parsing: .unconditional, help: ArgumentHelp("Longer prompts are skipped.", valueName: "n"))
    var maxPromptTokens = DistillationSettings().maximumPromptTokens

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("Number of answers to each prompt; all but the first are sampled.", valueName: "n")
    )
    var answers = DistillationSettings().answersPerPrompt

    @Option(
        parsing: .unconditional, help: ArgumentHelp("Share of first answers that are greedy.", valueName: "p")
    )
    var greedyShare = DistillationSettings().greedyShare

    @Option(
        name: .customLong("temp"), parsing: .unconditional,
        help: ArgumentHelp("Temperature of sampled answers.", valueName: "t"))
    var temperature = DistillationSettings().temperature

    @Option(
        name: .customLong("top-k"), parsing: .unconditional,
        help: ArgumentHelp(
            "Most likely tokens to store at each position; sampled answers choose among them.", valueName: "k"
        ))
    var topCount = DistillationSettings().topCount

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("Seed, from which each answer gets its own.", valueName: "n"))
    var seed = DistillationSettings().seed

    @Option(parsing: .unconditional, help: ArgumentHelp("Prompts answered at the same time.", valueName: "n"))
    var batch = DistillationSettings().batch

    @Option(parsing: .unconditional, help: ArgumentHelp("Number of answers in each file.", valueName: "n"))
    var shardAnswers = DistillationSettings().shardAnswers

    @Flag(
        name: .customLong("no-hidden"),
        help: "Leave out hidden states, nine tenths of the data; training computes them again.")
    var noHidden = false

    @Flag(help: "Take a record's \"text\" as a question, not as a text to continue.")
    var textAsQuestion = false

    @Flag(help: "Print the result as JSON.")
    var json = false

    func run() throws {
        let settings = settings()
        try settings.validate()
        let promptSet = try PromptSet(path: prompts)
        let template = try chatTemplate.options()
        Interrupt.install()
        let model = try modelArguments.load(
            contextLength: settings.maximumPromptTokens + settings.maximumTokens, chatTemplate: template)
        var generation = try AnswerGeneration(
            model, prompts: promptSet, settings: settings, directory: output, onCheck: Terminal.sayChecking)
        for warning in generation.warnings { Terminal.warn(warning) }
        if generation.resumedTokens > 0 {
            Terminal.say("\(output) holds \(generation.resumedTokens) tokens already; resuming from there")
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
            Terminal.say("run the same command again to resume")
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
                manifest.skippedPrompts > 0 ? ", \(manifest.skippedPrompts) prompts skipped" : ""
            Terminal.say(
                "\(output): \(manifest.tokens) tokens of \(answers) answers in \(manifest.shards.count) files\(skipped)"
            )
        }
    }
}
