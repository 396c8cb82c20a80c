import ArgumentParser
import Redrafter
import RedrafterCore
import RedrafterFormats
import RedrafterPlatform
import RedrafterReport

/// `redrafter drafters`: what can guess, and for which model.
struct DraftersCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "drafters",
        abstract: "Lists the drafters of this build, and whether the shipped ones fit a model.",
        discussion: """
            Combine drafters with +, as in --drafter rnn+lookup. Without --drafter, `auto` is used: lookup, \
            together with the shipped weights of rnn if they were trained for the model.

              redrafter drafters
              redrafter drafters -m model.gguf --json
            """)

    @Option(
        name: [.short, .long], parsing: .unconditional,
        help: ArgumentHelp(
            "Model that the drafters should fit; without it, the default model if it is there.",
            valueName: "path"))
    var model: String?

    @Flag(help: "Print a JSON array.")
    var json = false

    func run() throws {
        let registry = Plugins.current.registry
        let path =
            try model.map(ModelLocation.path)
            ?? (access(DefaultModelFile.path, R_OK) == 0 ? DefaultModelFile.path : nil)
        var options = ModelOptions()
        options.registry = registry
        let target = try path.map { try Model.draftTarget(path: $0, options: options) }
        let listing = try DrafterListing(registry, for: target)
        if json { return try Terminal.write(listing.json.text(isPretty: true) + "\n") }
        try Terminal.write(listing.table.markdown)
        if let path, let automatic = listing.automatic {
            Terminal.say("auto is \(automatic) for \(TerminalText.escaped(path))")
        }
    }
}

extension DrafterListing {
    fileprivate var table: Table {
        var table = Table([
            .init("drafter"), .init("what it is"), .init("weights"), .init("made for"), .init("fits"),
            .init("MB", isNumeric: true),
        ])
        for entry in entries {
            let (name, summary) = (entry.drafter.name, entry.drafter.summary)
            for shipped in entry.shipped {
                let fits = shipped.fits.map { $0 ? "yes" : "no" } ?? "–"
                table.append([
                    name, summary, "shipped", shipped.model, fits,
                    Number.fixed(Double(shipped.byteCount) / 1e6, 1),
                ])
            }
            if entry.shipped.isEmpty {
                table.append([
                    name, summary, entry.drafter.needsWeights ? "--drafter-model" : "none", "–", "–", "–",
                ])
            }
        }
        return table
    }

    fileprivate var json: JSONValue {
        .array(
            entries.map { entry in
                .object([
                    "name": .string(entry.drafter.name), "summary": .string(entry.drafter.summary),
                    "needs_weights": .bool(entry.drafter.needsWeights),
                    "shipped": .array(entry.shipped.map(object)),
                    "automatic": automatic.map {
                        .bool($0.split(separator: "+").contains { $0 == entry.drafter.name })
                    } ?? .null,
                ])
            })
    }

    private func object(_ shipped: Shipped) -> JSONValue {
        .object([
            "name": .string(shipped.name), "model": .string(shipped.model),
            "bytes": .integer(shipped.byteCount),
            "fits": shipped.fits.map { .bool($0) } ?? .null,
            "difference": shipped.difference.map { .string($0) } ?? .null,
        ])
    }
}
