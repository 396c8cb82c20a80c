import ArgumentParser
import Redrafter
import RedrafterDistillation
import RedrafterFormats

/// `redrafter distill export`: answers for other trainers.
struct DistillExportCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "export",
        abstract: "Writes a data set as conversations for the reference trainer (ShareGPT's JSON).",
        discussion: """
            For training on many GPUs with ReDrafter's reference code; `redrafter convert` reads the resulting drafter.

              redrafter distill export --data data --prompts prompts.jsonl --output conversations.json
              redrafter convert checkpoint-folder drafter.gguf --type q4_0
            """)

    @OptionGroup var modelArguments: ModelArguments
    @OptionGroup var chatTemplate: ChatTemplateArguments

    @Option(help: ArgumentHelp("Directory made by `redrafter distill generate`.", valueName: "path"))
    var data: String

    @Option(help: ArgumentHelp("The prompts from which the data was made.", valueName: "path"))
    var prompts: String

    @Option(name: [.short, .long], help: ArgumentHelp("JSON file to write.", valueName: "path"))
    var output: String

    func run() throws {
        let set = try PromptSet(path: prompts)
        let model = try modelArguments.load(contextLength: nil, chatTemplate: try chatTemplate.options())
        let report = try ConversationExport.write(
            data: data, prompts: set, model: model, to: output, onCheck: Terminal.sayChecking)
        for warning in report.warnings { Terminal.warn(warning) }
        for (reason, count) in report.skipped.sorted(by: { $0.key < $1.key }) {
            Terminal.warn("\(count) answers left out: \(reason)")
        }
        Terminal.say("\(output): \(report.written) conversations")
    }
}
