import ArgumentParser
import Redrafter
import RedrafterDistillation
import RedrafterFormats

/// `redrafter distill prompts`: questions that the model invents.
struct DistillPromptsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "prompts",
        abstract: "Lets the model invent prompts, for those who have none.",
        discussion: """
            Samples what the model expects at the start of a user's turn. Repetitions and unfinished prompts are left out.

              redrafter distill prompts --count 20000 --output prompts.jsonl
              redrafter distill generate --prompts prompts.jsonl --output data
            """)

    @OptionGroup var modelArguments: ModelArguments
    @OptionGroup var chatTemplate: ChatTemplateArguments

    @Option(parsing: .unconditional, help: ArgumentHelp("Number of prompts to write.", valueName: "n"))
    var count = 10_000

    @Option(name: [.short, .long], help: ArgumentHelp("File of JSON lines.", valueName: "path"))
    var output: String

    @Option(
        name: .customLong("temp"), parsing: .unconditional, help: ArgumentHelp("Temperature.", valueName: "t")
    )
    var temperature: Float = 1

    @Option(parsing: .unconditional, help: ArgumentHelp("Longer prompts are dropped.", valueName: "n"))
    var maxTokens = 160

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("Seed, from which each prompt gets its own.", valueName: "n"))
    var seed: UInt64 = 0

    func validate() throws {
        guard (1...100_000_000).contains(count) else {
            throw ValidationError("count is \(count); allowed: 1 to 100000000")
        }
        guard temperature.isFinite, temperature > 0 else {
            throw ValidationError("temp is \(temperature); allowed: a number above 0")
        }
        guard (2...4096).contains(maxTokens) else {
            throw ValidationError("max-tokens is \(maxTokens); allowed: 2 to 4096")
        }
    }

    func run() throws {
        let template = try chatTemplate.options()
        Interrupt.install()
        let model = try modelArguments.load(
            contextLength: maxTokens + Self.headerTokens, chatTemplate: template)
        var bar = ProgressBar("inventing")
        var prompts = try InventedPrompts(model)
        prompts.temperature = temperature
        prompts.seed = seed
        prompts.maximumTokens = maxTokens
        let written = try prompts.write(count, to: output, cancellation: Interrupt.flag) {
            bar.update(Double($0) / Double(count), detail: "\($0) prompts")
        }
        bar.finish()
        guard let written else { throw ExitCode(Interrupt.exitCode) }
        Terminal.say("\(output): \(written) prompts")
    }

    /// Room for what a chat format puts before a question.
    private static let headerTokens = 512
}
