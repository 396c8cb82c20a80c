import ArgumentParser
import RedrafterFormats
import RedrafterHub
import RedrafterPlatform
import RedrafterReport

/// `redrafter models`: what is in the caches.
struct ModelsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "models",
        abstract: "Lists the models in the caches: this program's own, and that of the Hugging Face hub.",
        discussion: """
            What stands in the first column is what -m takes. Models that other programs have fetched are listed, too; the list is \
            made from names and sizes, no file is opened.

              redrafter models
              redrafter models --json
            """)

    @Flag(help: "Print a JSON array.")
    var json = false

    func run() throws {
        let own = CacheDirectory.path.map { CachedModel.models(in: $0) } ?? []
        let hub = try Hub()
        let models = own + hub.models()
        if json { return try Terminal.write(JSONValue.array(models.map(\.json)).text(isPretty: true) + "\n") }
        guard !models.isEmpty else {
            Terminal.say("no models in \(CacheDirectory.path ?? "the cache") and \(hub.directory)")
            return
        }
        var table = Table([
            .init("model"), .init("type"), .init("files", isNumeric: true), .init("MB", isNumeric: true),
            .init("complete"),
        ])
        for model in models {
            table.append([
                model.name, model.quantization ?? model.format, "\(model.fileCount)",
                Number.fixed(Double(model.byteCount) / 1e6, 1), model.isComplete ? "yes" : "no",
            ])
        }
        try Terminal.write(table.markdown)
    }
}

extension CachedModel {
    fileprivate var json: JSONValue {
        .object([
            "name": .string(name), "path": .string(path), "format": .string(format),
            "quantization": quantization.map { .string($0) } ?? .null,
            "commit": commit.map { .string($0) } ?? .null, "revisions": .array(revisions.map { .string($0) }),
            "files": .integer(fileCount), "bytes": .integer(byteCount), "complete": .bool(isComplete),
        ])
    }
}
