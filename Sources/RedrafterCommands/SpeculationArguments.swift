import ArgumentParser
import Redrafter
import RedrafterCore

/// Which drafter, and how much it may guess.
struct SpeculationArguments: ParsableArguments {
    @Option(
        name: .customLong("drafter"),
        help: ArgumentHelp(
            "What guesses tokens: auto (the best that fits the model), none, or one that `redrafter drafters` lists; a+b "
                + "combines two.",
            valueName: "name"))
    var drafter = "auto"

    @OptionGroup var shape: TreeArguments

    func options() throws -> SpeculationOptions { try shape.options(drafter: drafter) }
}

/// How much a drafter may guess, and which guesses are verified.
struct TreeArguments: ParsableArguments {
    @Option(
        name: .customLong("drafter-model"),
        parsing: .unconditionalSingleValue,
        help: ArgumentHelp(
            "Weights of the drafter in place of those shipped: GGUF, safetensors, or a directory. NAME=PATH where several "
                + "drafters need some.",
            valueName: "path"))
    var drafterModels: [String] = []

    @Option(
        name: .customLong("beam-width"), parsing: .unconditional,
        help: ArgumentHelp("Beams that the drafter's search keeps.", valueName: "n"))
    var beamWidth: Int?

    @Option(
        name: .customLong("beam-length"), parsing: .unconditional,
        help: ArgumentHelp("Tokens that are drafted at most.", valueName: "n"))
    var beamLength: Int?

    @Option(
        help: ArgumentHelp(
            "Which guesses are verified: cost-aware (as many as pay), dynamic (all beams), most-probable (the best of the "
                + "search, always --max-rows), static, medusa-63, eagle-25, or a list of paths of ranks: [[0],[0,0],[1]].",
            valueName: "name"))
    var tree = "cost-aware"

    @Option(
        help: ArgumentHelp(
            "Which guesses are kept: exact (the answer is plain decoding's) or typical (lossy).",
            valueName: "name"))
    var verifier = VerifierChoice.exact

    @Option(
        name: .customLong("max-rows"), parsing: .unconditional,
        help: ArgumentHelp("Rows of a verification pass at most.", valueName: "n"))
    var maximumRows = SpeculationOptions.defaultMaximumRows

    /// - Throws: exit 64 before a model is loaded.
    func options(drafter: String) throws -> SpeculationOptions {
        var options = SpeculationOptions(drafter: drafter)
        options.drafterOptions = DrafterOptions(beamWidth: beamWidth, beamLength: beamLength)
        let names = Plugins.current.registry.drafters.map(\.name)
        for argument in drafterModels {
            if let name = names.first(where: { argument.hasPrefix($0 + "=") }) {
                options.drafterPaths[name] = String(argument.dropFirst(name.count + 1))
            } else {
                options.drafterOptions.path = argument
            }
        }
        try options.requireDrafterFiles()
        options.maximumRows = maximumRows
        options.verifier = verifier
        try Terminal.failing { () throws(RedrafterError) in
            do throws(ParameterError) {
                options.tree = try TreeChoice(tree)
                try options.validate()
            } catch {
                throw .parameter(error)
            }
        }
        return options
    }
}

extension VerifierChoice: ExpressibleByArgument {}
