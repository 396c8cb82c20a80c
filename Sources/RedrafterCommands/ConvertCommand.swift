import ArgumentParser
import Redrafter
import RedrafterCore
import RedrafterFormats
import RedrafterModels

/// `redrafter convert`: a model as GGUF with weights of another type, or a drafter in another layout.
struct ConvertCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "convert",
        abstract: "Writes a model as GGUF with weights of another type, or a drafter in another layout.",
        discussion: """
            Reads GGUF files and Hugging Face checkpoints (safetensors with config.json and tokenizer.json), and drafters in \
            this project's GGUF and in the layouts of other programs (--layout); which of them is seen from the tensors. Every output file appears complete or not at all.

              redrafter convert model.gguf model-f16.gguf --type f16
              redrafter convert checkpoint-folder model.gguf --type q8_0
              redrafter convert drafter-folder drafter.gguf --type q8_0
              redrafter convert medusa-folder vllm-folder --layout vllm --type bf16
            """)

    @Argument(help: ArgumentHelp("Model or drafter, file or folder, or hf:ORG/NAME.", valueName: "in"))
    var input: String

    @Argument(
        help: ArgumentHelp("GGUF file to write; a folder for drafters in other layouts.", valueName: "out"))
    var output: String

    @Option(
        help: ArgumentHelp(
            "f32, f16, bf16, q8_0, q4_0, q4_1, q5_0 or q5_1. Drafters keep their types without it.",
            valueName: "type"))
    var type: String?

    @Option(
        help: ArgumentHelp(
            "Of a drafter: \(layouts.map(\.name).alternatives). Without it gguf for OUT.gguf, else \(kinds.compactMap(\.layouts.first?.name).alternatives).",
            valueName: "layout"))
    var layout: String?

    @Flag(help: "Print one JSON object when done.")
    var json = false

    func run() throws {
        let weightType = try type.map(Self.weightType)
        let wanted = try layout.map(Self.layout)
        let input = try ModelLocation.path(input)
        if try DrafterLayout.detect(path: input, kinds: Self.kinds) != nil {
            try convertDrafter(input, weightType, wanted)
        } else {
            try convertModel(input, weightType, wanted)
        }
    }

    private func convertDrafter(_ input: String, _ type: WeightType?, _ layout: DrafterLayout?) throws {
        let weights = try DrafterWeights(path: input, kinds: Self.kinds)
        let report = try DrafterWriter.write(
            weights, to: output,
            layout: layout ?? DrafterWriter.layout(forOutput: output, weights.configuration.kind), type: type)
        let warnings = weights.warnings + report.warnings
        for warning in warnings { Terminal.warn(warning) }
        if json {
            try Terminal.write(
                JSONValue.object([
                    "output": .string(output), "layout": .string(report.layout.name),
                    "kind": .string(weights.configuration.kind.name),
                    "type": type.map { .string($0.name) } ?? .null,
                    "files": .array(report.files.map { .string($0) }), "tensors": .integer(report.tensors),
                    "weight_bytes": .integer(report.weightBytes),
                    "warnings": .array(warnings.map { .string($0) }),
                ]).text() + "\n")
        } else {
            Terminal.say(
                "wrote \(report.tensors) tensors, \(report.weightBytes / 1000) kB of weights, layout \(report.layout.name)"
            )
        }
    }

    private func convertModel(_ input: String, _ type: WeightType?, _ layout: DrafterLayout?) throws {
        guard layout == nil || layout == .gguf else {
            Terminal.fail(
                "--layout is for drafters, and \(TerminalText.escaped(input)) is a model, written as gguf only"
            )
            throw ExitCode(64)
        }
        guard let type else {
            Terminal.fail("a model needs --type: \(Self.allowedTypes)")
            throw ExitCode(64)
        }
        var bar = ProgressBar("converting")
        let report = try ModelConverter.convert(input: input, output: output, type: type) { done, total in
            bar.update(Double(done) / Double(max(total, 1)))
        }
        bar.finish()
        for warning in report.warnings { Terminal.warn(warning) }
        if json {
            try Terminal.write(
                JSONValue.object([
                    "output": .string(output), "type": .string(type.name),
                    "tensors": .integer(report.tensors),
                    "weight_bytes": .integer(report.weightBytes),
                    "warnings": .array(report.warnings.map { .string($0) }),
                ]).text() + "\n")
        } else {
            Terminal.say("wrote \(report.tensors) tensors, \(report.weightBytes / 1_000_000) MB of weights")
        }
    }

    /// The kinds of drafters of this build.
    private static var kinds: [DrafterKind] { Plugins.current.registry.kinds }

    /// Their layouts.
    private static var layouts: [DrafterLayout] {
        var layouts = [DrafterLayout]()
        for layout in kinds.flatMap(\.layouts) + [.gguf] where !layouts.contains(layout) {
            layouts.append(layout)
        }
        return layouts
    }

    private static let allowedTypes = Quantization.writableTypes.map(\.name).joined(separator: ", ")

    private static func weightType(_ name: String) throws -> WeightType {
        if let type = WeightType(name: name) { return type }
        Terminal.fail("type is \(TerminalText.escaped(name)); allowed: \(allowedTypes)")
        throw ExitCode(64)
    }

    private static func layout(_ name: String) throws -> DrafterLayout {
        if let layout = layouts.first(where: { $0.name == name }) { return layout }
        let allowed = layouts.map(\.name).joined(separator: ", ")
        Terminal.fail("layout is \(TerminalText.escaped(name)); allowed: \(allowed)")
        throw ExitCode(64)
    }
}
