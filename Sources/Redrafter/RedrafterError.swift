import RedrafterCore
import RedrafterFormats
import RedrafterModels

/// Everything that can go wrong in the library: the errors of its modules, and its own.
public enum RedrafterError: Error, Sendable, Equatable, CustomStringConvertible {
    case format(FormatError)
    case model(ModelError)
    case tokenizer(TokenizerError)
    case chatTemplate(ChatTemplateError)
    case transformer(TransformerError)
    case backend(BackendError)
    case parameter(ParameterError)
    case drafter(DrafterError)
    /// The prompt leaves no room for an answer.
    case promptTooLong(tokens: Int, contextLength: Int)
    /// The prompt has no token, and the model puts none before it.
    case emptyPrompt

    /// One sentence without a line break.
    public var description: String {
        switch self {
        case .format(let error): error.description
        case .model(let error): error.description
        case .tokenizer(let error): error.description
        case .chatTemplate(let error): error.description
        case .transformer(let error): error.description
        case .backend(let error): error.description
        case .parameter(let error): error.description
        case .drafter(let error): error.description
        case .promptTooLong(let tokens, let contextLength):
            "the prompt has \(tokens) tokens, the context holds \(contextLength) and needs room for an answer"
        case .emptyPrompt: "the prompt is empty"
        }
    }

    /// What may help, where something does.
    public var hint: String? {
        switch self {
        case .promptTooLong: "use a larger context or a shorter prompt"
        case .emptyPrompt: "begin with at least one token"
        case .drafter(let error): error.hint
        case .chatTemplate(let error): error.hint
        case .backend(.outOfMemory), .transformer(.backend(.outOfMemory)):
            "use a smaller context or a model with fewer bits"
        case .format(.outOfMemory): "free some memory, or allow the process more of it"
        case .format(.invalid), .tokenizer(.invalid), .model(.format(.invalid)), .model(.missingTensors):
            "the file may be damaged or incomplete; correct it, or get it again"
        case .backend(.nonFinite), .transformer(.backend(.nonFinite)): "check the file's checksum"
        default: nil
        }
    }
}
