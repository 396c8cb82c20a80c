import ArgumentParser
import Redrafter
import RedrafterCore
import RedrafterFormats

/// `redrafter compare`: drafters head to head.
struct CompareCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "compare",
        abstract: "Compares drafters on the same prompts, alternating in one run.",
        discussion: """
            Plain decoding (none) always takes part. Every answer is checked against it, token for token. Speedup is the \
            median, over prompts and rounds, of tokens/s divided by those of none in the same round.

              redrafter compare --drafters rnn,none
              redrafter compare --drafters rnn,lookup,rnn+lookup --prompts question.jsonl
              redrafter compare --drafters rnn+lookup,none --clients 1,4,8
              redrafter compare --drafters auto -o html --output report.html
              redrafter compare --drafters lookup --temp 0.7 -r 5 -o json

            A prompt file has one JSON object on each line: {"prompt"}, {"text"}, {"tokens"}, {"messages"}, or {"turns"} as in \
            MT-Bench and Spec-Bench (the first turn is used); "category" groups the results.

            Without -n, answers have up to \(Comparison.Settings().maximumTokens) tokens; without -s, the seed is 0. --stop \
            cannot be used. Exit code 70 means that an answer differed from plain decoding's.
            """)

    enum Output: String, ExpressibleByArgument, CaseIterable {
        case md, csv, json, html
    }

    @OptionGroup(title: "Model") var modelArguments: ModelArguments
    @OptionGroup(title: "Chat template") var chatTemplate: ChatTemplateArguments
    @OptionGroup(title: "Length and sampling") var sampling: SamplingArguments
    @OptionGroup(title: "Speculation") var shape: TreeArguments

    @Option(help: ArgumentHelp("Drafters, separated by commas; a+b combines two.", valueName: "names"))
    var drafters = "auto,none"

    @Option(
        help: ArgumentHelp(
            "File of prompts, one JSON object on each line; without it, a small built-in set.",
            valueName: "path"))
    var prompts: String?

    @Option(parsing: .unconditional, help: ArgumentHelp("Use the first n prompts only.", valueName: "n"))
    var limit: Int?

    @Option(
        name: [.short, .long], parsing: .unconditional,
        help: ArgumentHelp("Number of timed rounds.", valueName: "n"))
    var repetitions = 3

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp(
            "Callers that ask at the same time, comma-separated: all of them share passes, as those of a server do.",
            valueName: "n"))
    var clients: String?

    @Flag(name: .customLong("no-chat-template"), help: "Continue prompts as plain text.")
    var noChatTemplate = false

    @Option(
        name: [.customShort("o"), .customLong("format")], parsing: .unconditional,
        help: "Format of the result.")
    var format = Output.md

    @Option(help: ArgumentHelp("Writes the result to a file.", valueName: "path"))
    var output: String?

    func run() throws {
        let settings = try settings()
        let prompts = try promptSet()
        let template = try chatTemplate.options()
        Interrupt.install()
        if let clients { return try compareLoad(clients, prompts, settings, template) }
        let backends = modelArguments.backend.split(separator: ",").map(String.init)
        let longest = prompts.prompts.map(\.byteCount).max() ?? 0
        let models = try backends.map {
            try modelArguments.load(
                contextLengthLimit: longest + Self.templateTokens + settings.maximumTokens, backend: $0,
                chatTemplate: template)
        }
        var bar = ProgressBar("comparing")
        let comparison = try Comparison.run(
            models: models, drafters: drafters.split(separator: ",").map(String.init), prompts: prompts,
            settings: settings, cancellation: Interrupt.flag, onWarning: Terminal.warn,
            progress: { bar.update($0) })
        bar.finish()
        guard comparison.entries.contains(where: { $0.figures != nil }) else {
            throw ExitCode(Interrupt.exitCode)
        }
        try write(comparison)
        for entry in comparison.entries { entry.figures?.metrics.warnOfDamage(by: entry.drafter) }
        if comparison.isPartial { throw ExitCode(Interrupt.exitCode) }
        if comparison.entries.contains(where: { $0.isExact && $0.firstDifference != nil }) {
            Terminal.fail("an answer differs from plain decoding's; this is a defect, please report it")
            throw ExitCode(70)
        }
    }

    private func settings() throws -> Comparison.Settings {
        guard (1...1000).contains(repetitions) else {
            Terminal.fail("repetitions is \(repetitions); allowed: 1 to 1000")
            throw ExitCode(64)
        }
        if let limit, limit < 1 {
            Terminal.fail("limit is \(limit); allowed: 1 or more")
            throw ExitCode(64)
        }
        let parameters = try sampling.parameters(seed: sampling.seed ?? 0)
        guard parameters.stop.isEmpty else {
            Terminal.fail("--stop cannot be used in a comparison")
            throw ExitCode(64)
        }
        var settings = Comparison.Settings()
        settings.maximumTokens = parameters.maximumTokens ?? settings.maximumTokens
        guard settings.maximumTokens > 1 else {
            Terminal.fail("n-predict is \(settings.maximumTokens); a comparison needs at least 2 tokens")
            throw ExitCode(64)
        }
        settings.repetitions = repetitions
        settings.sampling = parameters.sampling
        settings.usesChatTemplate = !noChatTemplate
        settings.speculation = try shape.options(drafter: "none")
        return settings
    }

    private func promptSet() throws -> PromptSet {
        var set = try prompts.map { try PromptSet(path: $0, limit: limit) } ?? .builtIn
        if let limit { set.prompts = Array(set.prompts.prefix(limit)) }
        return set
    }

    private func write(_ comparison: Comparison) throws {
        switch format {
        case .md: try write(comparison.markdown)
        case .csv: try write(comparison.csv)
        case .html: try write(comparison.html)
        case .json: try write(comparison.json.text(isPretty: true) + "\n")
        }
    }

    func write(_ text: String) throws {
        guard let output else { return try Terminal.write(text) }
        let file = try AtomicFile(path: output)
        try file.write(Array(text.utf8))
        try file.commit()
    }

    /// Room for the tokens of a chat format; a text has at most as many tokens as bytes.
    static let templateTokens = 128
}
