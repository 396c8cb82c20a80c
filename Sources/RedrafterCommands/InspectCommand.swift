import ArgumentParser
import Redrafter
import RedrafterFormats
import RedrafterModels
import RedrafterPlatform

/// `redrafter inspect`: what a model file holds.
struct InspectCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "inspect",
        abstract:
            "Shows what is in a GGUF or safetensors file, whether it can be run and which drafters fit.",
        discussion: """
            The file is validated from the header to the last tensor; no weight is loaded and nothing in it is run.

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
        let path = try ModelLocation.path(file)
        let summary = try FileSummary(path: path, kinds: Plugins.current.registry.kinds)
        var inspection: ModelInspection?
        if summary.drafter == nil {
            var options = ModelOptions()
            options.registry = Plugins.current.registry
            inspection = ModelInspection(path: path, options: options)
        }
        // A tokenizer that `generate` and `convert` would refuse is refused here, too, whatever else is wrong.
        let tokenizer = Result {
            inspection?.problem == nil ? nil : try TokenizerDefinition(inspecting: summary)
        }
        try Terminal.write(
            json
                ? summary.json(listsTensors: tensors, further: inspection.map { [("model", $0.json)] } ?? [])
                    .text(isPretty: true) + "\n"
                : summary.text(listsTensors: tensors, further: inspection?.facts ?? []))
        for warning in try tokenizer.get()?.warnings ?? [] { Terminal.warn(warning) }
    }
}

extension ModelInspection {
    fileprivate var facts: [(name: String, value: String)] {
        var facts = configuration.map { [("decoder", $0.summary)] } ?? []
        guard problem == nil else { return facts + [("can be run", "no: \(problem ?? "")")] }
        facts.append(("can be run", "yes"))
        facts.append(("chat template", chatTemplateProblem ?? "its own"))
        let fitting = drafters.filter { $0.obstacle == nil }.map(\.name)
        let automatic = automaticDrafter.map { "; auto is \($0)" } ?? ""
        return facts + [("drafters", fitting.joined(separator: ", ") + automatic)]
            + warnings.map { ("warning", $0) }
    }

    fileprivate var json: JSONValue {
        func text(_ value: String?) -> JSONValue { value.map { .string($0) } ?? .null }
        func number(_ value: Int?) -> JSONValue { value.map { .integer($0) } ?? .null }
        let fitting = drafters.map { drafter in
            JSONValue.object([
                "name": .string(drafter.name), "fits": .bool(drafter.obstacle == nil),
                "difference": text(drafter.obstacle),
            ])
        }
        return .object([
            "can_be_run": .bool(problem == nil), "problem": text(problem),
            "chat_template_problem": text(chatTemplateProblem),
            "context_length": number(configuration?.contextLength),
            "layers": number(configuration?.layers),
            "windows": configuration.map { .array($0.layerKinds.map { number($0.window) }) } ?? .null,
            "automatic_drafter": text(automaticDrafter), "drafters": .array(fitting),
        ])
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
