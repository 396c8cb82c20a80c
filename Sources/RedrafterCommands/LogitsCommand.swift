import ArgumentParser
import Redrafter
import RedrafterCore
import RedrafterFormats
import RedrafterModels
import RedrafterPlatform

/// `redrafter logits`: all logits of given tokens, to compare engines (Tests/Reference).
struct LogitsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "logits", abstract: "Writes the logits of every position as raw float32.",
        shouldDisplay: false)

    @OptionGroup var modelArguments: ModelArguments

    @Option(help: ArgumentHelp("JSON: {\"sequences\": [[ids], …]}.", valueName: "path"))
    var tokens: String

    @Option(
        name: [.short, .long],
        help: ArgumentHelp("File of [positions, vocabulary] floats.", valueName: "path"))
    var output: String

    func run() throws {
        let sequences = try readSequences()
        let model = try modelArguments.load(contextLength: max(1, sequences.map(\.count).max() ?? 1))
        guard let file = fopen(output, "wb") else {
            throw CommandFailure(
                .cannotCreate,
                "cannot create \(TerminalText.escaped(output)): \(String(cString: strerror(errno)))")
        }
        defer { fclose(file) }
        var wroteAll = true
        try model.forEachLogits(sequences) { values in
            wroteAll = wroteAll && fwrite(values.baseAddress, 4, values.count, file) == values.count
        }
        guard wroteAll, fflush(file) == 0 else {
            throw CommandFailure(
                .inputOutput,
                "cannot write \(TerminalText.escaped(output)): \(String(cString: strerror(errno)))")
        }
    }

    private func readSequences() throws -> [[Int32]] {
        let json = try JSONValue(path: tokens)
        let sequences = (json["sequences"]?.array ?? []).map { (list: JSONValue) -> [Int32] in
            (list.array ?? []).compactMap { $0.integer.flatMap { Int32(exactly: $0) } }
        }
        guard !sequences.isEmpty, !sequences.contains(where: { $0.isEmpty }) else {
            throw CommandFailure(
                .badData,
                "\(TerminalText.escaped(tokens)): sequences: expected lists of token ids, got something else")
        }
        return sequences
    }
}
