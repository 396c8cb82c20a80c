import ArgumentParser
import Redrafter
import RedrafterModels

/// `redrafter generate`: one answer, streamed.
struct GenerateCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "generate",
        abstract: "Answers one prompt.",
        discussion: """
            The prompt is put into the model's chat format; --no-chat-template continues it as plain text. The answer is the \
            same with every drafter and tree; they only change how fast it comes.

              redrafter generate -p "Name three rivers." -n 64
              redrafter generate -p "Once upon a time" --no-chat-template --temp 0.8
              git diff | redrafter generate -p - --system "Write a commit message."

            The answer goes to stdout, the speed to stderr.
            """)

    @OptionGroup(title: "Model") var modelArguments: ModelArguments
    @OptionGroup(title: "Chat template") var chatTemplate: ChatTemplateArguments
    @OptionGroup(title: "Length and sampling") var sampling: SamplingArguments
    @OptionGroup(title: "Speculation") var speculation: SpeculationArguments

    @Option(
        name: [.short, .long], parsing: .unconditional,
        help: ArgumentHelp("The prompt; - reads stdin.", valueName: "text"))
    var prompt: String?

    @Option(
        name: [.short, .long], parsing: .unconditional,
        help: ArgumentHelp("Reads the prompt from a file.", valueName: "path"))
    var file: String?

    @Option(
        name: [.customShort("c"), .customLong("ctx-size")], parsing: .unconditional,
        help: ArgumentHelp(
            "Size of the context in tokens, 0 for what the model was trained for; without it the same, but at most 4096.",
            valueName: "n"))
    var contextSize: Int?

    @Option(help: ArgumentHelp("System message.", valueName: "text"))
    var system: String?

    @Flag(name: .customLong("no-chat-template"), help: "Continue the prompt as plain text.")
    var noChatTemplate = false

    @Flag(name: .customLong("show-accepted"), help: "Colour the tokens that were drafted and confirmed.")
    var showAccepted = false

    @Flag(help: "Print one JSON object when done.")
    var json = false

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp(
            "With --json, the log-probability of each token, and of the n most likely ones: 0 to "
                + "\(GenerationParameters.maximumTopLogProbabilities).", valueName: "n"))
    var logprobs: Int?

    func run() throws {
        let seed = sampling.seed ?? UInt64.random(in: 0...UInt64(UInt32.max))
        var parameters = try sampling.parameters(seed: seed)
        if logprobs != nil {
            guard json else {
                throw CommandFailure(
                    .usage, "--logprobs is part of the JSON object", hint: "pass --json, too")
            }
            parameters.topLogProbabilities = logprobs
            try parameters.validate()
        }
        let speculation = try speculation.options()
        if noChatTemplate, system != nil || chatTemplate.isGiven {
            throw CommandFailure(
                .usage, "--no-chat-template leaves no place for --system, --chat-template or --set",
                hint: "drop one of them")
        }
        let template = try chatTemplate.options()
        let text = try PromptSource.read(prompt: prompt, file: file)
        Interrupt.install()
        let model = try modelArguments.load(
            contextLength: contextSize, chatTemplate: template)
        let encoding = try encode(text, for: model)
        if encoding.droppedBytes > 0 {
            Terminal.warn(
                "\(encoding.droppedBytes) bytes of the prompt have no token in this model and were dropped")
        }
        let generator = try TextGenerator(model, speculation: speculation)
        for warning in generator.warnings { Terminal.warn(warning) }
        let stream = AnswerStream(marksDrafted: showAccepted, json: json, seed: seed)
        let result = try stream.write { show throws(RedrafterError) in
            try generator.generate(
                encoding.tokens, parameters, cancellation: Interrupt.flag, onPiece: show)
        }
        if !json { Terminal.say(GenerationReport(result, seed: seed).summary) }
        if result.finishReason == .cancelled { throw ExitCode(Interrupt.exitCode) }
    }

    private func encode(_ text: String, for model: Model) throws(RedrafterError) -> Tokenizer.Encoding {
        if noChatTemplate { return model.prompt(text) }
        let systemMessage = system.map { [ChatMessage(role: .system, content: $0)] } ?? []
        return try model.prompt(systemMessage + [ChatMessage(role: .user, content: text)])
    }
}
