import ArgumentParser
import RedrafterFormats
import RedrafterHub

/// `redrafter pull`: a model of the hub into the cache.
struct PullCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "pull",
        abstract: "Fetches a model from the Hugging Face hub, or the newest state of one.",
        discussion: """
            The model lies in the cache of Hugging Face's own programs (HF_HOME), which find it there, as this one finds \
            what they have fetched. Of GGUF files Q4_K_M is taken before others; a fetch that was interrupted goes on where it ended. The \
            path is printed when done.

              redrafter pull ORG/NAME                  the best suited GGUF file, or the folder with safetensors
              redrafter pull ORG/NAME:Q8_0             a quantisation
              redrafter pull ORG/NAME/FILE.gguf        a file, with all its parts
              redrafter generate -m hf:ORG/NAME -p …   the same name everywhere; fetched where it is not there

            HF_TOKEN or the file of `hf auth login` gives access to private and gated models, HF_ENDPOINT names another \
            hub, and with HF_HUB_OFFLINE=1 only the cache is used.
            """)

    @Argument(
        help: ArgumentHelp(
            "ORG/NAME, ORG/NAME:QUANT or ORG/NAME/FILE, with @REVISION or without.", valueName: "model"))
    var model: String

    @Option(help: ArgumentHelp("Branch, tag or commit; without it, main.", valueName: "name"))
    var revision: String?

    @Flag(help: "Print one JSON object when done.")
    var json = false

    func run() throws {
        var reference = try HubReference(model)
        if let revision {
            guard reference.revision == HubReference.defaultRevision else {
                throw CommandFailure(.usage, "both @ and --revision were given", hint: "pass one of them")
            }
            reference = try HubReference("\(reference)@\(revision)")
        }
        let hub = try Hub()
        let model = try ModelLocation.pull(reference, from: hub)
        guard json else { return try Terminal.write(model.path + "\n") }
        let files = model.files.map { file in
            JSONValue.object([
                "path": .string(file.path), "bytes": file.byteCount.map { .integer($0) } ?? .null,
                "blob": file.blob.map { .string($0) } ?? .null,
            ])
        }
        try Terminal.write(
            JSONValue.object([
                "model": .string(reference.description), "path": .string(model.path),
                "commit": .string(model.commit),
                "taken": .string(model.label), "others": .array(model.others.map { .string($0) }),
                "bytes": .integer(model.byteCount), "files": .array(files),
            ]).text() + "\n")
    }
}
