import ArgumentParser
import Redrafter
import RedrafterCore
import RedrafterDistillation
import RedrafterFormats
import RedrafterHub
import RedrafterModels
import RedrafterTraining
import Testing

@testable import RedrafterCommands

@Suite("Exit codes and hints of the libraries' errors") struct ExitStatusTests {
    private static let missing = FormatError.missing(file: "f", reason: "no such file")
    private static let parameter = ParameterError.outOfRange(name: "n", got: "0", allowed: "1")
    private static let full = BackendError.outOfMemory(needed: 2, available: 1, purpose: "it")
    private static let mismatch = DrafterError.mismatch(drafter: "d", what: "w", got: "1", expected: "2")

    private static let format: [(FormatError, Int32)] = [
        (missing, 66), (.notRegular(file: "f", kind: "pipe"), 66),
        (.permission(file: "f", reason: "denied"), 77),
        (.inputOutput(file: "f", operation: "read", reason: "EIO"), 74),
        (.outOfMemory(file: "f", operation: "map", needed: 2), 75),
        (.cannotCreate(file: "f", reason: "no"), 73),
        (.noSpace(file: "f", needed: 2, available: 1), 74),
        (.wrongFormat(file: "f", expected: "GGUF", looksLike: "text"), 65),
        (.truncated(file: "f", what: "it", needed: "2", available: "1", offset: nil), 65),
        (.invalid(file: "f", field: "k", expected: "1", got: "2", offset: nil), 65),
        (.altered(file: "f", expected: "a", got: "b"), 65),
        (.overflow(file: "f", what: "size", got: "2", offset: nil), 65),
        (.duplicate(file: "f", what: "key", name: "k", offset: nil), 65),
        (.missingField(file: "f", field: "k", expected: "1"), 65),
        (.unsupported(file: "f", what: "it", supported: "that"), 65),
        (.cannotQuantize(type: "q4_K", supported: "f16"), 64),
        (.syntax(file: "f", problem: "no JSON", offset: 0), 65),
    ]

    private static let backend: [(BackendError, Int32)] = [
        (.unsupported(operation: "linear", type: "f16", reason: "no"), 65), (full, 75),
        (.deviceUnavailable(name: "Vulkan", reason: "no driver"), 69), (.nonFinite(what: "the logits"), 70),
        (.unknownSelection(what: "device", got: "9", available: []), 64),
    ]

    private static let tokenizer: [(TokenizerError, Int32)] = [
        (.invalid(file: "f", field: "k", expected: "1", got: "2"), 65),
        (.unsupported(file: "f", what: "it", supported: "that"), 65), (.format(missing), 66),
    ]

    private static let chatTemplate: [(ChatTemplateError, Int32)] = [
        (.missing(file: "f"), 65), (.unknownName(file: "f", name: "n", known: []), 64),
        (.template(.syntax(template: "f", line: 1, problem: "x")), 65),
        (.template(.unsupported(template: "f", line: 1, construct: "x", nearest: "y")), 65),
        (.template(.failed(template: "f", line: 1, problem: "x")), 65),
        (.template(.limit(template: "f", line: 1, what: "x", allowed: "y")), 65),
        (.template(.raised(template: "f", line: 1, message: "x")), 64),
        (.invalidMessages(file: "f", expected: "x", got: "y"), 65),
    ]

    private static let model: [(ModelError, Int32)] = [
        (.missingKey(file: "f", key: "k"), 65),
        (.invalidValue(file: "f", key: "k", got: "1", allowed: "2"), 65),
        (.unsupported(file: "f", what: "it", supported: "that"), 65),
        (.missingTensors(file: "f", names: ["t"], count: 1), 65),
        (.wrongShape(file: "f", tensor: "t", got: [1], expected: [2], configuration: "f"), 65),
        (.wrongShape(file: "f", tensor: "t", got: [1], expected: [2], configuration: "c"), 78),
        (.mismatch(file: "f", what: "w", got: "1", other: "g", expected: "2"), 78),
        (.outputIsInput(file: "f"), 64), (.tokenizer(.format(missing)), 66), (.format(missing), 66),
    ]

    private static let transformer: [(TransformerError, Int32)] = [
        (.backend(full), 75), (.missingWeight("w"), 65),
        (.wrongShape(weight: "w", got: [1], expected: [2]), 65),
        (.wrongByteCount(weight: "w", got: 1, expected: 2), 65),
        (.contextFull(sequence: 0, needed: 2, contextLength: 1), 64),
        (.invalidRows(.emptyBatch), 70), (.invalidPath(row: 0, reason: "no"), 70),
        (.unknownToken(1, vocabulary: 1), 70), (.cancelled, 130),
    ]

    private static let drafter: [(DrafterError, Int32)] = [
        (mismatch, 78), (.missingWeights(drafter: "rnn"), 64),
        (.noShippedWeights(drafter: "rnn", models: ["m"], difference: "d"), 78),
        (.invalidWeights(path: "f", reason: "no"), 65), (.unreadable(DrafterError.Cause(missing)), 66),
        (.unknownDrafter(got: "oracle", available: ["rnn"]), 64), (.parameter(parameter), 64),
        (.backend(full), 75),
    ]

    private static let redrafter: [(RedrafterError, Int32)] = [
        (.format(missing), 66), (.model(.format(missing)), 66), (.tokenizer(.format(missing)), 66),
        (.chatTemplate(.missing(file: "f")), 65), (.transformer(.backend(full)), 75), (.backend(full), 75),
        (.parameter(parameter), 64), (.drafter(mismatch), 78),
        (.promptTooLong(tokens: 2, contextLength: 1), 64), (.emptyPrompt, 64),
    ]

    private static let training: [(TrainingError, Int32)] = [
        (.blasUnavailable(reason: "no"), 69), (.tooManyThreads(got: 2, most: 1), 64),
        (.invalidConfiguration(what: "w", got: "1", expected: "2"), 64),
        (.invalidInput(what: "w", got: "1", expected: "2"), 65), (.format(missing), 66),
        (.output(.permission(file: "f", reason: "denied")), 73),
        (.output(.cannotCreate(file: "f", reason: "no")), 73),
        (.output(.inputOutput(file: "f", operation: "write", reason: "EIO")), 74),
        (.output(.noSpace(file: "f", needed: 2, available: 1)), 74), (.locked(directory: "d", pid: nil), 73),
        (.foreignFile(file: "f", found: "a symbolic link"), 73),
        (.nonFinite(step: 1, tensor: "t", index: 0, value: "nan", count: 1), 70),
        (.noUsableCheckpoint(directory: "d", reasons: []), 65),
        (.newerCheckpoint(file: "f", version: 2, supported: 1), 78),
        (.mismatch(file: "f", key: "k", stored: "1", current: "2"), 78),
    ]

    private static let hub: [(HubError, Int32)] = [
        (.invalidReference(text: "t", reason: "r"), 64),
        (.invalidSetting(name: "n", got: "g", expected: "e"), 64),
        (.notCached(model: "m", directory: "d", reason: "r"), 66), (.noClient(reason: "r"), 69),
        (.unreachable(host: "h", reason: "r"), 69), (.untrusted(host: "h", reason: "r"), 69),
        (.unauthorized(model: "m", hasToken: false), 77), (.unauthorized(model: "m", hasToken: true), 77),
        (.gated(model: "m", page: "p", hasToken: false), 77),
        (.gated(model: "m", page: "p", hasToken: true), 77),
        (.notFound(what: "w", host: "h"), 66), (.unavailable(host: "h", status: 429, secondsToWait: 1), 69),
        (.unavailable(host: "h", status: 503, secondsToWait: nil), 69),
        (.interrupted(host: "h", reason: "r"), 74),
        (.badResponse(address: "a", what: "w", expected: "e", got: "g"), 65),
        (.altered(file: "f", expected: "e", got: "g"), 65),
        (.noChoice(model: "m", asked: "a", available: []), 66),
        (.unsafeName(name: "n", reason: "r"), 65), (.noSpace(directory: "d", needed: 2, available: 1), 74),
        (.file(missing), 66), (.cancelled, 130),
    ]

    private static let distillation: [(DistillationError, Int32)] = [
        (.parameter(parameter), 64), (.format(missing), 66), (.model(.backend(full)), 75),
        (.drafter(mismatch), 78), (.training(.locked(directory: "d", pid: 1)), 73),
        (.tooLittleData(positions: 1, batchSize: 2), 65), (.outputInUse(directory: "d", step: 1), 73),
        (.nothingToResume(directory: "d"), 66), (.diverged(step: 1, reason: "r"), 70),
    ]

    private static var all: [(any Error, Int32)] {
        let parts: [[(any Error, Int32)]] = [
            format, backend, tokenizer, chatTemplate, model, transformer, drafter, redrafter, training,
            distillation, hub, [(parameter, 64)],
        ]
        return parts.flatMap { $0 }
    }

    @Test("Every case has the code of sysexits that says what is at fault")
    func codes() {
        for (error, code) in Self.all { #expect(ExitStatus(error)?.rawValue == code, "\(error)") }
        #expect(ExitStatus(CancellationError()) == nil)
    }

    private static let commands = [
        "generate", "chat", "compare", "drafters", "bench", "devices", "inspect", "convert", "pull", "models",
        "distill generate", "distill prompts", "distill export", "train rnn", "logits", "serve",
    ]

    @Test("A hint names no flag that the command lacks", arguments: commands)
    func flags(command: String) {
        let path = CommandPath(command.split(separator: " ").map(String.init))
        let flags = path.flags
        #expect(flags.contains("--help"))
        for (error, _) in Self.all {
            let hint = CommandFailure(error, of: path)?.hint ?? ""
            #expect(flags.isSuperset(of: Hint.flags(in: hint)), "\(error): \(hint)")
        }
    }

    @Test("Hints name the flags of the command that failed")
    func hints() {
        let unknown = RedrafterError.chatTemplate(.missing(file: "f"))
        let long = RedrafterError.promptTooLong(tokens: 2, contextLength: 1)
        let memory = RedrafterError.transformer(.backend(Self.full))
        let weights = RedrafterError.drafter(.missingWeights(drafter: "rnn"))
        for (command, error, hint) in [
            (
                "generate", unknown,
                "pass --chat-template NAME if you know the format, or --no-chat-template to continue plain text"
            ),
            (
                "chat", unknown,
                "pass --chat-template NAME if you know the format; 'redrafter generate --no-chat-template' continues "
                    + "plain text"
            ),
            ("generate", long, "use a larger context (-c) or a shorter prompt"),
            ("chat", long, "use a larger context (-c) or a shorter prompt"),
            ("compare", long, "use a larger context or a shorter prompt"),
            ("generate", .emptyPrompt, "pass a prompt with -p"),
            ("generate", memory, "use a smaller context (-c) or a model with fewer bits"),
            ("bench", memory, "use a smaller context or a model with fewer bits"),
            ("generate", weights, "pass --drafter-model FILE, or use --drafter lookup"),
            ("compare", weights, "pass --drafter-model FILE, or use --drafters lookup"),
            (
                "compare", .drafter(Self.mismatch),
                "train it for this model, or pass another --drafter-model"
            ),
            (
                "inspect", .format(.invalid(file: "f", field: "k", expected: "1", got: "2", offset: 0)),
                "the file may be damaged or incomplete; correct it, or get it again"
            ),
        ] as [(String, RedrafterError, String)] {
            #expect(CommandFailure(error, of: CommandPath([command]))?.hint == hint)
        }
        for (error, hint) in [
            (.tooLittleData(positions: 1, batchSize: 2), "make more data, or pass a smaller --batch-size"),
            (.outputInUse(directory: "d", step: 1), "pass --resume to continue it, or another --output"),
            (
                .nothingToResume(directory: "d"),
                "check --output, or leave out --resume to begin a new run there"
            ),
            (
                .diverged(step: 1, reason: "r"),
                "start again with a smaller --learning-rate and another --output"
            ),
            (
                .training(.mismatch(file: "f", key: "data.sha256", stored: "a", current: "b")),
                "resume with the data that it was made with, or use another directory"
            ),
            (.drafter(Self.mismatch), "use the model that made the data"),
            (.training(.tooManyThreads(got: 2, most: 1)), "ask for fewer threads"),
        ] as [(DistillationError, String)] {
            #expect(CommandFailure(error, of: CommandPath(["train", "rnn"]))?.hint == hint)
        }
    }
}
