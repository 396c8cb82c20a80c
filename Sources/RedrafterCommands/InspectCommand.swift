import ArgumentParser
import RedrafterFormats
import RedrafterModels
import RedrafterPlatform

/// `redrafter inspect`: what a model file holds.
struct InspectCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "inspect",
        abstract: "Shows what is in a GGUF or safetensors file, without loading it.",
        discussion: """
            The file is validated from the header to the last tensor; nothing in it is run.

              redrafter inspect model.gguf --tensors
              redrafter inspect model-folder --json
            """)

    @Argument(help: ArgumentHelp("GGUF file, safetensors file, index or folder.", valueName: "file"))
    var file: String

    @Flag(help: "List every tensor.")
    var tensors = false

    @Flag(help: "Print one JSON object.")
    var json = false

    func run() throws {
        let summary = try FileSummary(path: file, kinds: Plugins.current.registry.kinds)
        let tokenizer = Result { try TokenizerDefinition(inspecting: summary) }
        try Terminal.write(
            json
                ? summary.json(listsTensors: tensors).text(isPretty: true) + "\n"
                : summary.text(listsTensors: tensors))
        // What `generate` and `convert` would refuse, or say, is said here, too.
        for warning in try tokenizer.get()?.warnings ?? [] { Terminal.warn(warning) }
    }
}

extension TokenizerDefinition {
    /// The tokenizer of a model that is being inspected; nil where there is none.
    fileprivate init?(inspecting summary: FileSummary) throws(TokenizerError) {
        let isGGUF = summary.format == "GGUF"
        let hasTokenizer =
            isGGUF
            ? summary.metadata.contains { $0.key == "tokenizer.ggml.tokens" }
            : access(summary.path + "/tokenizer.json", F_OK) == 0
        guard summary.drafter == nil, hasTokenizer else { return nil }
        let embedding = summary.tensors.first {
            $0.name == "token_embd.weight" || $0.name == "model.embed_tokens.weight"
        }
        try self.init(path: summary.path, vocabularySize: embedding?.shape.first)
    }
}
