import ArgumentParser
import Redrafter
import RedrafterCore
import RedrafterFormats
import RedrafterModels

/// `redrafter convert`: a model as GGUF with weights of another type.
struct ConvertCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "convert",
        abstract: "Writes a model as a GGUF file with weights of another type.",
        discussion: """
            Reads GGUF files and Hugging Face checkpoints (safetensors with config.json and tokenizer.json). The output
            appears complete or not at all.
              redrafter convert model.gguf model-f16.gguf --type f16
              redrafter convert checkpoint-folder model.gguf --type q8_0
            """)

    @Argument(help: ArgumentHelp("Model file or folder.", valueName: "in"))
    var input: String

    @Argument(help: ArgumentHelp("GGUF file to write.", valueName: "out"))
    var output: String

    @Option(help: ArgumentHelp("f32, f16, bf16, q8_0, q4_0, q4_1, q5_0 or q5_1.", valueName: "type"))
    var type: String

    @Flag(help: "Print one JSON object when done.")
    var json = false

    func run() throws {
        guard let weightType = WeightType(name: type) else {
            Terminal.fail(
                "type is \(TerminalText.escaped(type)); allowed: f32, f16, bf16, q8_0, q4_0, q4_1, q5_0, q5_1"
            )
            throw ExitCode(64)
        }
        var bar = ProgressBar("converting")
        let report = try Terminal.failing { () throws(RedrafterError) in
            do throws(ModelError) {
                return try ModelConverter.convert(input: input, output: output, type: weightType) {
                    done, total in
                    bar.update(Double(done) / Double(max(total, 1)))
                }
            } catch {
                throw .model(error)
            }
        }
        bar.finish()
        for warning in report.warnings { Terminal.warn(warning) }
        if json {
            try Terminal.write(
                JSONValue.object([
                    "output": .string(output), "type": .string(weightType.name),
                    "tensors": .integer(report.tensors),
                    "weight_bytes": .integer(report.weightBytes),
                    "warnings": .array(report.warnings.map { .string($0) }),
                ]).text() + "\n")
        } else {
            Terminal.say("wrote \(report.tensors) tensors, \(report.weightBytes / 1_000_000) MB of weights")
        }
    }
}
