// Compares a drafter of one's own with those of the package: `swift run -c release CompareBigram MODEL.gguf`
import BigramDrafter
import Redrafter
import RedrafterCore

@main
struct CompareBigram {
    static func main() throws {
        guard CommandLine.arguments.count == 2 else { return print("usage: CompareBigram MODEL.gguf") }
        var options = ModelOptions(contextLength: 1024)
        options.registry.register(DrafterDescription(name: "bigram", summary: "")) { _, _ in BigramDrafter() }
        let model = try Model.load(path: CommandLine.arguments[1], options: options)
        var settings = Comparison.Settings()
        (settings.maximumTokens, settings.repetitions) = (96, 1)
        let comparison = try Comparison.run(
            models: [model], drafters: ["bigram", "lookup", "bigram+lookup"], prompts: .builtIn,
            settings: settings)
        print(comparison.markdown)
    }
}
