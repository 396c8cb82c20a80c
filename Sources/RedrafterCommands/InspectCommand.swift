import ArgumentParser
import RedrafterFormats

/// `redrafter inspect`: what a model file holds.
struct InspectCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "inspect",
        abstract: "Shows what is in a GGUF or safetensors file, without loading it.",
        discussion: """
            The file is validated from the header to the last tensor; nothing in it is run.

              redrafter inspect model.gguf --tensors
              redrafter inspect model-folder --json
              redrafter inspect hf:ORG/NAME
            """)

    @Argument(
        help: ArgumentHelp("GGUF file, safetensors file, index or folder, or hf:ORG/NAME.", valueName: "file")
    )
    var file: String

    @Flag(help: "List every tensor.")
    var tensors = false

    @Flag(help: "Print one JSON object.")
    var json = false

    func run() throws {
        let summary = try FileSummary(path: ModelLocation.path(file), kinds: Plugins.current.registry.kinds)
        try Terminal.write(
            json
                ? summary.json(listsTensors: tensors).text(isPretty: true) + "\n"
                : summary.text(listsTensors: tensors))
    }
}
