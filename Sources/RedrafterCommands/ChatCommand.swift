import ArgumentParser
import Redrafter
import RedrafterModels

/// `redrafter chat`: a conversation whose cache lasts from turn to turn.
struct ChatCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "chat",
        abstract: "Holds a conversation; each line is a turn.",
        discussion: """
            An empty line or the end of input ends it. Ctrl-C ends an answer early. /reset begins anew. When the context is \
            full, the oldest turns are dropped; the system message stays.
            """)

    @OptionGroup(title: "Model") var modelArguments: ModelArguments
    @OptionGroup(title: "Length and sampling") var sampling: SamplingArguments
    @OptionGroup(title: "Speculation") var speculation: SpeculationArguments

    @Option(
        name: [.customShort("c"), .customLong("ctx-size")], parsing: .unconditional,
        help: ArgumentHelp(
            "Tokens the context holds; unless given, what the model was trained for, 4096 at most.",
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

    @Flag(help: "Print one JSON object a turn.")
    var json = false

    func run() throws {
        let seed = sampling.seed ?? UInt64.random(in: 0...UInt64(UInt32.max))
        let parameters = try sampling.parameters(seed: seed)
        let speculation = try speculation.options()
        var first = prompt == nil && file == nil ? nil : try PromptSource.read(prompt: prompt, file: file)
        Interrupt.install()
        let model = try modelArguments.load(contextLength: contextSize)
        _ = try model.chatTemplate()
        let generator = try TextGenerator(model, speculation: speculation)
        let opening = system.map { [ChatMessage(role: .system, content: $0)] } ?? []
        var messages = opening
        while true {
            if Interrupt.flag.isCancelled, Interrupt.isTermination || !Terminal.isErrorTTY {
                throw ExitCode(Interrupt.exitCode)
            }
            if Terminal.isErrorTTY, first == nil { Terminal.note("> ") }
            guard let line = first ?? Interrupt.waiting({ readLine() }), !line.isEmpty else { return }
            first = nil
            if line == "/reset" {
                messages = opening
                generator.reset()
                continue
            }
            let question = ChatMessage(role: .user, content: line)
            guard let prompt = try fit(messages + [question], generator.model, parameters) else { continue }
            let answer = try turn(prompt.encoding.tokens, generator, parameters, seed: seed)
            messages = prompt.messages + [ChatMessage(role: .assistant, content: answer)]
        }
    }

    /// The conversation without the turns for which the context has no room; nil where a person has typed a question that is
    /// too long by itself, and may type another.
    private func fit(
        _ messages: [ChatMessage], _ model: Model, _ parameters: GenerationParameters
    ) throws -> FittedPrompt? {
        // A quarter of the context, so that an answer is not cut as soon as it begins.
        let room = min(parameters.maximumTokens ?? .max, max(1, model.contextLength / 4))
        do throws(RedrafterError) {
            let prompt = try model.prompt(fitting: messages, answerTokens: room)
            if prompt.droppedTurns > 0 {
                let turns =
                    prompt.droppedTurns == 1 ? "the oldest turn" : "the \(prompt.droppedTurns) oldest turns"
                Terminal.warn(
                    "the context of \(model.contextLength) tokens is full: dropped \(turns) (-c makes it larger)"
                )
            }
            return prompt
        } catch {
            guard case .promptTooLong = error, Terminal.isErrorTTY else { throw error }
            Terminal.fail(error.description, hint: error.hint)
            return nil
        }
    }

    /// One answer, streamed.
    private func turn(
        _ prompt: [Int32], _ generator: TextGenerator, _ parameters: GenerationParameters, seed: UInt64
    ) throws -> String {
        Interrupt.flag.reset()
        var writeFailure: (any Error)?
        let result = try generator.generate(
            prompt, parameters, cancellation: Interrupt.flag
        ) { (piece: TextPiece) in
            guard !json, writeFailure == nil else { return }
            do { try Terminal.write(Terminal.shown(piece, marksDrafted: showAccepted)) } catch {
                writeFailure = error
                Interrupt.flag.cancel()
            }
        }
        if let writeFailure { throw writeFailure }
        try Terminal.write(json ? GenerationReport(result, seed: seed).json + "\n" : "\n")
        if result.isContextFull {
            Terminal.warn(
                "the context of \(generator.model.contextLength) tokens is full: the answer ends here, and the oldest turns "
                    + "will be dropped for the next one (-c makes it larger)")
        }
        return result.text
    }
}
