import Redrafter
import RedrafterCore
import RedrafterDistillation
import RedrafterFormats
import RedrafterHub
import RedrafterModels
import RedrafterTraining

/// What may help after an error of the libraries, with the flags of the command that failed. The libraries know no flags;
/// what they suggest in words is used where a command lacks the flag.
enum Hint {
    /// - Parameter flags: those of the command.
    static func text(for error: any Error, in flags: @autoclosure () -> Set<String>) -> String? {
        let error = ofLibrary(error)
        let hints = withFlags(error)
        guard !hints.isEmpty else { return inWords(error) }
        let known = flags()
        return hints.first { known.isSuperset(of: Hint.flags(in: $0)) } ?? inWords(error)
    }

    /// The library's error for one of its modules.
    private static func ofLibrary(_ error: any Error) -> any Error {
        switch error {
        case let error as FormatError: RedrafterError.format(error)
        case let error as ModelError: RedrafterError.model(error)
        case let error as TokenizerError: RedrafterError.tokenizer(error)
        case let error as ChatTemplateError: RedrafterError.chatTemplate(error)
        case let error as TransformerError: RedrafterError.transformer(error)
        case let error as BackendError: RedrafterError.backend(error)
        case let error as DrafterError: RedrafterError.drafter(error)
        default: error
        }
    }

    /// The flags in a text; a command line in quotes has its own.
    static func flags(in text: String) -> [String] {
        var flags = [String]()
        var isQuoted = false
        for part in text.split(separator: "'", omittingEmptySubsequences: false) {
            let words = part.split { !$0.isLetter && !$0.isNumber && $0 != "-" }
            if !isQuoted { flags += words.filter { $0.hasPrefix("-") }.map(String.init) }
            isQuoted.toggle()
        }
        return flags
    }

    /// Suggestions, the best one first.
    private static func withFlags(_ error: any Error) -> [String] {
        switch error {
        case RedrafterError.promptTooLong: ["use a larger context (-c) or a shorter prompt"]
        case RedrafterError.emptyPrompt: ["pass a prompt with -p"]
        case RedrafterError.backend(.outOfMemory), RedrafterError.transformer(.backend(.outOfMemory)):
            ["use a smaller context (-c) or a model with fewer bits"]
        case DistillationError.model(let error): withFlags(error)
        case DistillationError.tooLittleData: ["make more data, or pass a smaller --batch-size"]
        case DistillationError.outputInUse: ["pass --resume to continue it, or another --output"]
        case DistillationError.nothingToResume:
            ["check --output, or leave out --resume to begin a new run there"]
        case DistillationError.diverged, DistillationError.training(.nonFinite):
            ["start again with a smaller --learning-rate and another --output"]
        case RedrafterError.drafter(.mismatch): ["train it for this model, or pass another --drafter-model"]
        case RedrafterError.drafter(.missingWeights), RedrafterError.drafter(.noShippedWeights):
            [
                "pass --drafter-model FILE, or use --drafter lookup",
                "pass --drafter-model FILE, or use --drafters lookup",
            ]
        case RedrafterError.chatTemplate(.template(.raised)), RedrafterError.chatTemplate(.unknownName),
            RedrafterError.chatTemplate(.invalidMessages):
            []
        case RedrafterError.chatTemplate:
            [
                "pass --chat-template NAME if you know the format, or --no-chat-template to continue plain text",
                "pass --chat-template NAME if you know the format; 'redrafter generate --no-chat-template' continues "
                    + "plain text",
                "'redrafter generate --no-chat-template' continues plain text",
            ]
        default: []
        }
    }

    private static func inWords(_ error: any Error) -> String? {
        switch error {
        case let error as RedrafterError: error.hint
        case let error as DistillationError: error.hint
        case let error as TrainingError: error.hint
        case let error as HubError: error.hint
        default: nil
        }
    }
}
