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
            "Weights for the drafter instead of the shipped ones: GGUF, safetensors or a directory; NAME=PATH if several "
                + "drafters need weights.",
            valueName: "path"))
    var drafterModels: [String] = []

    @Option(
        name: .customLong("beam-width"), parsing: .unconditional,
        help: ArgumentHelp("Number of beams in the drafter's search.", valueName: "n"))
    var beamWidth: Int?

    @Option(
        name: .customLong("beam-length"), parsing: .unconditional,
        help: ArgumentHelp(
            "Maximum number of tokens to draft; without it, what suits drafter and tree.", valueName: "n"))
    var beamLength: Int?

    @Option(
        help: ArgumentHelp(
            "Which guesses are verified: \(Self.listed(Plugins.current.registry.trees.map { ($0.name, $0.summary) })), or a "
                + "list of paths of ranks: [[0],[0,0],[1]].",
            valueName: "name"))
    var tree = "cost-aware"

    @Option(
        help: ArgumentHelp(
            "Which guesses are kept: \(Self.listed(Plugins.current.registry.verifiers.map { ($0.name, $0.summary) })).",
            valueName: "name"))
    var verifier = "exact"

    @Option(
        name: .customLong("max-rows"), parsing: .unconditional,
        help: ArgumentHelp(
            "Maximum number of rows in a verification pass; a tree of fixed shape has its own.",
            valueName: "n"))
    var maximumRows = SpeculationOptions.defaultMaximumRows

    /// Names with what they mean; a meaning that several share is said once.
    private static func listed(_ choices: [(name: String, summary: String)]) -> String {
        var groups = [(names: [String], summary: String)]()
        for choice in choices {
            if groups.last?.summary == choice.summary {
                groups[groups.count - 1].names.append(choice.name)
            } else {
                groups.append(([choice.name], choice.summary))
            }
        }
        return groups.map { "\($0.names.joined(separator: ", ")) (\($0.summary))" }.joined(separator: ", ")
    }

    /// - Throws: exit 64 before a model is loaded.
    func options(drafter: String) throws -> SpeculationOptions {
        var options = SpeculationOptions(drafter: drafter)
        options.drafterOptions = DrafterOptions(beamWidth: beamWidth, beamLength: beamLength)
        try options.addDrafterFiles(drafterModels)
        options.maximumRows = maximumRows
        options.tree = tree
        options.verifier = verifier
        // A shape that cannot be is said before a model is loaded.
        _ = try Plugins.current.registry.makeTree(named: tree)
        _ = try Plugins.current.registry.verifier(named: verifier)
        try options.validate()
        return options
    }
}
