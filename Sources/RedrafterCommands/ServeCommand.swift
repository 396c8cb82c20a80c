import ArgumentParser
import Redrafter

/// `redrafter serve`: an HTTP server with OpenAI's API.
struct ServeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve",
        abstract: "Serves a model over HTTP with OpenAI's API.",
        discussion: """
            Many texts share every pass over the model, and each answer is the one that `redrafter generate` gives for the same \
            prompt and seed, whatever else is running.

              redrafter serve                               http://127.0.0.1:8080, a page to try it
              redrafter serve -m model.gguf --parallel 8 -c 2048
              curl http://127.0.0.1:8080/v1/chat/completions \\
                -d '{"messages": [{"role": "user", "content": "Name three rivers."}]}'

            It serves this machine alone. For others, put a key into REDRAFTER_API_KEY or a file, and pass --host 0.0.0.0. \
            Ctrl-C or SIGTERM takes no new requests and lets running ones finish (--grace); a second one ends at once.
            """)

    @OptionGroup(title: "Model") var modelArguments: ModelArguments
    @OptionGroup(title: "Chat template") var chatTemplate: ChatTemplateArguments
    @OptionGroup(title: "Texts") var texts: ServeTextArguments
    @OptionGroup(title: "Network") var network: ServeNetworkArguments
    @OptionGroup(title: "Limits") var limits: ServeLimitArguments

    func run() throws {
        #if Server
            try serve()
        #else
            throw CommandFailure(
                .unavailable, "this redrafter was built without its server",
                hint: "run `make serve`, or build with `swift build -c release --traits Server`")
        #endif
    }
}

/// How many texts are generated at the same time, and how they are made faster.
struct ServeTextArguments: ParsableArguments {
    @Option(
        name: [.customLong("parallel"), .customLong("np", withSingleDash: true)], parsing: .unconditional,
        help: ArgumentHelp("Texts that are generated at the same time.", valueName: "n"))
    var parallel = 4

    @Option(
        name: [.customShort("c"), .customLong("ctx-size")], parsing: .unconditional,
        help: ArgumentHelp(
            "Context of each text in tokens, 0 for what the model was trained for; without it the same, but at most 4096.",
            valueName: "n"))
    var contextSize: Int?

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("Requests that may wait; one more is answered with 429.", valueName: "n"))
    var queue = 64

    @Option(
        name: .customLong("prompt-rows"), parsing: .unconditional,
        help: ArgumentHelp(
            "Prompt tokens that are read in one pass: how long a long prompt may hold up the other texts.",
            valueName: "n"))
    var promptRows = 64

    @Option(
        name: .customLong("drafter"), parsing: .unconditionalSingleValue,
        help: ArgumentHelp(
            "What guesses tokens: auto (the best that fits the model), none, or one that `redrafter drafters` lists. May be given "
                + "several times: a request can choose; the first serves those that do not.",
            valueName: "name"))
    var drafters: [String] = []

    @Option(
        name: .customLong("drafter-model"), parsing: .unconditionalSingleValue,
        help: ArgumentHelp(
            "Weights for the drafter instead of the shipped ones; NAME=PATH if several drafters need weights.",
            valueName: "path"))
    var drafterModels: [String] = []
}

/// Where the server listens, and whom it serves.
struct ServeNetworkArguments: ParsableArguments {
    @Option(
        help: ArgumentHelp("Address to listen on; 0.0.0.0 for all of this machine.", valueName: "address"))
    var host = "127.0.0.1"

    @Option(parsing: .unconditional, help: ArgumentHelp("Port; 0 for any free one.", valueName: "n"))
    var port = 8080

    @Option(help: ArgumentHelp("Name of the model in answers, instead of the file's.", valueName: "name"))
    var alias: String?

    @Option(
        name: .customLong("api-key-file"),
        help: ArgumentHelp(
            "File with the keys that requests must bring, one a line; without it REDRAFTER_API_KEY, if set.",
            valueName: "path"))
    var keyFile: String?

    @Flag(name: .customLong("insecure"), help: "Serve other machines without a key.")
    var isInsecure = false

    @Option(
        name: .customLong("allowed-host"), parsing: .unconditionalSingleValue,
        help: ArgumentHelp(
            "A name under which the server may be reached besides this machine's own (Host, Origin); may be repeated.",
            valueName: "name"))
    var allowedHosts: [String] = []

    @Option(
        help: ArgumentHelp("Origin whose pages may ask and read answers; * for all.", valueName: "origin"))
    var cors: String?

    @Option(
        name: .customLong("log-level"),
        help: ArgumentHelp(
            "Least severe lines on stderr: trace, debug, info, notice, warning, error, critical.",
            valueName: "level"))
    var logLevel = "info"

    @Flag(name: .customLong("log-prompts"), help: "Log prompts and answers, too.")
    var logsPrompts = false
}

/// What a client may take.
struct ServeLimitArguments: ParsableArguments {
    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("Seconds that running requests may take after the wish to stop.", valueName: "s"))
    var grace = 30.0

    @Option(
        name: .customLong("timeout-headers"), parsing: .unconditional,
        help: ArgumentHelp("Seconds until a request's header must be there.", valueName: "s"))
    var headerTimeout = 10.0

    @Option(
        name: .customLong("timeout-body"), parsing: .unconditional,
        help: ArgumentHelp("Seconds until its whole body must be there.", valueName: "s"))
    var bodyTimeout = 30.0

    @Option(
        name: .customLong("timeout-idle"), parsing: .unconditional,
        help: ArgumentHelp("Seconds that a connection without a request is kept.", valueName: "s"))
    var idleTimeout = 60.0

    @Option(
        name: .customLong("timeout-write"), parsing: .unconditional,
        help: ArgumentHelp("Seconds that a client may read nothing before it is cut off.", valueName: "s"))
    var writeTimeout = 30.0

    @Option(
        name: .customLong("max-body"), parsing: .unconditional,
        help: ArgumentHelp("Largest body, in bytes.", valueName: "n"))
    var bodyBytes = 2_097_152

    @Option(
        name: .customLong("max-connections"), parsing: .unconditional,
        help: ArgumentHelp("Connections at the same time; more wait.", valueName: "n"))
    var connections = 256
}
