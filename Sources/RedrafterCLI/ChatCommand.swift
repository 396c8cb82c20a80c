import ArgumentParser
import Redrafter
import RedrafterModels

/// `redrafter chat`: a conversation whose cache lasts from turn to turn.
struct ChatCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "chat",
        abstract: "Holds a conversation; each line is a turn.",
        discussion:
            "An empty line or the end of input ends it. Ctrl-C ends an answer early. /reset begins anew.")

    @OptionGroup var modelArguments: ModelArguments
    @OptionGroup var sampling: SamplingArguments
    @OptionGroup var speculation: SpeculationArguments

    @Option(
        name: [.customShort("c"), .customLong("ctx-size")], parsing: .unconditional,
        help: ArgumentHelp("Tokens the context holds.", valueName: "n"))
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
        let generator = try Terminal.failing { () throws(RedrafterError) in
            _ = try model.chatTemplate()
            return try TextGenerator(model, speculation: speculation)
        }
        let opening = system.map { [ChatMessage(role: .system, content: $0)] } ?? []
        var messages = opening
        while true {
            if Terminal.isErrorTTY, first == nil { Terminal.note("> ") }
            guard let line = first ?? readLine(), !line.isEmpty else { return }
            first = nil
            if line == "/reset" {
                messages = opening
                generator.reset()
                continue
            }
            messages.append(ChatMessage(role: .user, content: line))
            guard let answer = try turn(messages, generator, parameters, seed: seed) else {
                messages.removeLast()
                continue
            }
            messages.append(ChatMessage(role: .assistant, content: answer))
        }
    }

    /// One answer, streamed; nil where the conversation no longer fits.
    private func turn(
        _ messages: [ChatMessage], _ generator: TextGenerator, _ parameters: GenerationParameters,
        seed: UInt64
    ) throws -> String? {
        let encoding = try Terminal.failing { () throws(RedrafterError) in
            try generator.model.prompt(messages)
        }
        guard encoding.tokens.count < generator.model.contextLength else {
            Terminal.warn(
                "the conversation has \(encoding.tokens.count) tokens, the context holds \(generator.model.contextLength): "
                    + "/reset begins anew, -c makes it larger")
            return nil
        }
        Interrupt.flag.reset()
        var writeFailure: (any Error)?
        let result = try Terminal.failing { () throws(RedrafterError) in
            try generator.generate(
                encoding.tokens, parameters, cancellation: Interrupt.flag
            ) { (piece: TextPiece) in
                guard !json, writeFailure == nil else { return }
                do { try Terminal.write(Terminal.shown(piece, marksDrafted: showAccepted)) } catch {
                    writeFailure = error
                    Interrupt.flag.cancel()
                }
            }
        }
        if let writeFailure { throw writeFailure }
        try Terminal.write(json ? GenerationReport(result, seed: seed).json + "\n" : "\n")
        if result.isContextFull {
            Terminal.warn("the context is full: /reset begins anew, -c makes it larger")
        }
        if result.finishReason == .cancelled, !Terminal.isErrorTTY { throw ExitCode(130) }
        return result.text
    }
}
