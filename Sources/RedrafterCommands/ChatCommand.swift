import ArgumentParser
import Redrafter

/// `redrafter chat`: a conversation whose cache lasts from turn to turn.
struct ChatCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "chat",
        abstract: "Holds a conversation; each line is a turn.",
        discussion: """
            An empty line or the end of the input ends the chat. Ctrl-C ends an answer early. /reset starts again. When the \
            context is full, the oldest turns are dropped; the system message stays.
            """)

    @OptionGroup(title: "Model") var modelArguments: ModelArguments
    @OptionGroup(title: "Chat template") var chatTemplate: ChatTemplateArguments
    @OptionGroup(title: "Length and sampling") var sampling: SamplingArguments
    @OptionGroup(title: "Speculation") var speculation: SpeculationArguments

    @Option(
        name: [.customShort("c"), .customLong("ctx-size")], parsing: .unconditional,
        help: ArgumentHelp(
            "Size of the context in tokens, 0 for what the model was trained for; without it the same, but at most 4096.",
            valueName: "n"))
    var contextSize: Int?

    @Option(
        name: [.short, .long], parsing: .unconditional,
        help: ArgumentHelp("The first turn.", valueName: "text"))
    var prompt: String?

    @Option(
        name: [.short, .long], parsing: .unconditional,
        help: ArgumentHelp("Reads the first turn from a file.", valueName: "path"))
    var file: String?

    @Option(help: ArgumentHelp("System message.", valueName: "text"))
    var system: String?

    @Flag(name: .customLong("show-accepted"), help: "Colour the tokens that were drafted and confirmed.")
    var showAccepted = false

    @Flag(help: "Print one JSON object for each turn.")
    var json = false

    func run() throws {
        let seed = sampling.seed ?? UInt64.random(in: 0...UInt64(UInt32.max))
        let parameters = try sampling.parameters(seed: seed)
        let speculation = try speculation.options()
        let template = try chatTemplate.options()
        var first = prompt == nil && file == nil ? nil : try PromptSource.read(prompt: prompt, file: file)
        Interrupt.install()
        let model = try modelArguments.load(
            contextLength: contextSize, chatTemplate: template)
        let conversation = try Conversation(model, instructions: system, speculation: speculation)
        for warning in conversation.warnings { Terminal.warn(warning) }
        let stream = AnswerStream(marksDrafted: showAccepted, json: json, seed: seed)
        while true {
            if Interrupt.flag.isCancelled, Interrupt.isTermination || !Terminal.isErrorTTY {
                throw ExitCode(Interrupt.exitCode)
            }
            if Terminal.isErrorTTY, first == nil { Terminal.note("> ") }
            guard let line = first ?? Interrupt.waiting({ readLine() }), !line.isEmpty else { return }
            first = nil
            if line == "/reset" {
                conversation.reset()
                continue
            }
            guard let prompt = try prompt(for: line, conversation, parameters) else { continue }
            Interrupt.flag.reset()
            let result = try stream.write { show throws(RedrafterError) in
                try conversation.answer(prompt, parameters, cancellation: Interrupt.flag, onPiece: show)
            }
            if result.isContextFull {
                Terminal.warn(
                    "the context of \(model.contextLength) tokens is full: the answer ends here, and the oldest turns "
                        + "will be dropped for the next one (-c makes it larger)")
            }
        }
    }

    /// The conversation with a question, and a warning where the context has no room for all of it; nil where a person has typed
    /// a question that is too long by itself, and may type another.
    private func prompt(
        for question: String, _ conversation: Conversation, _ parameters: GenerationParameters
    ) throws -> FittedPrompt? {
        let prompt: FittedPrompt
        do {
            prompt = try conversation.prompt(for: question, parameters)
        } catch {
            guard case .promptTooLong = error, Terminal.isErrorTTY else { throw error }
            CommandFailure(error, of: CommandPath(["chat"]))?.say()
            return nil
        }
        if prompt.droppedTurns > 0 {
            let turns =
                prompt.droppedTurns == 1 ? "the oldest turn" : "the \(prompt.droppedTurns) oldest turns"
            Terminal.warn(
                "the context of \(conversation.model.contextLength) tokens is full: dropped \(turns) "
                    + "(-c makes it larger)")
        }
        return prompt
    }
}
