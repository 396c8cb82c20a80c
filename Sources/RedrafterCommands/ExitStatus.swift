import ArgumentParser
import Redrafter
import RedrafterCore
import RedrafterDistillation
import RedrafterFormats
import RedrafterHub
import RedrafterModels
import RedrafterTraining

/// Exit codes of the command, those of sysexits.h, and the code of every error of the libraries.
enum ExitStatus: Int32, CaseIterable {
    /// A flag, a value or a prompt that cannot be used.
    case usage = 64
    /// A file whose content is damaged or of no known kind.
    case badData = 65
    case noInput = 66
    /// A device or a library of the system is missing, or there is no connection.
    case unavailable = 69
    /// A computation that went wrong.
    case software = 70
    case cannotCreate = 73
    case inputOutput = 74
    case outOfMemory = 75
    case noPermission = 77
    /// Files, each of them valid, that do not fit together.
    case mismatch = 78
    /// Cancelled, as after Ctrl-C; other signals have codes of their own (`Interrupt.exitCode`).
    case interrupted = 130

    var code: ExitCode { ExitCode(rawValue) }
}

extension ExitStatus {
    /// The code of an error that a command throws; nil for one that is none of the libraries'.
    init?(_ error: any Error) {
        switch error {
        case let error as RedrafterError: self.init(error)
        case let error as DistillationError: self.init(error)
        case let error as TrainingError: self.init(error)
        case let error as DrafterError: self.init(error)
        case let error as ModelError: self.init(error)
        case let error as TokenizerError: self.init(error)
        case let error as TransformerError: self.init(error)
        case let error as BackendError: self.init(error)
        case let error as FormatError: self.init(error)
        case let error as ChatTemplateError: self.init(error)
        case let error as HubError: self.init(error)
        case is ParameterError: self = .usage
        default: return nil
        }
    }

    private init(_ error: RedrafterError) {
        switch error {
        case .format(let error): self.init(error)
        case .model(let error): self.init(error)
        case .tokenizer(let error): self.init(error)
        case .transformer(let error): self.init(error)
        case .backend(let error): self.init(error)
        case .drafter(let error): self.init(error)
        case .chatTemplate(let error): self.init(error)
        case .parameter, .promptTooLong, .emptyPrompt: self = .usage
        }
    }

    private init(_ error: ChatTemplateError) {
        switch error {
        // The conversation or the name is at fault, not the file.
        case .template(.raised), .unknownName: self = .usage
        case .missing, .template, .invalidMessages: self = .badData
        }
    }

    private init(_ error: DistillationError) {
        switch error {
        case .format(let error): self.init(error)
        case .model(let error): self.init(error)
        case .drafter(let error): self.init(error)
        case .training(let error): self.init(error)
        case .parameter: self = .usage
        case .tooLittleData: self = .badData
        case .nothingToResume: self = .noInput
        case .outputInUse: self = .cannotCreate
        case .diverged: self = .software
        }
    }

    private init(_ error: TrainingError) {
        switch error {
        case .blasUnavailable: self = .unavailable
        case .tooManyThreads, .invalidConfiguration: self = .usage
        case .invalidInput, .noUsableCheckpoint: self = .badData
        // A directory that may not be written is an output that cannot be created.
        case .output(.permission), .locked, .foreignFile: self = .cannotCreate
        case .format(let error), .output(let error): self.init(error)
        case .nonFinite: self = .software
        case .newerCheckpoint, .mismatch, .unsuitableStart: self = .mismatch
        }
    }

    private init(_ error: DrafterError) {
        switch error {
        case .mismatch, .noShippedWeights: self = .mismatch
        case .missingWeights, .unknownDrafter, .parameter: self = .usage
        case .invalidWeights: self = .badData
        case .unreadable(let cause): self = ExitStatus(cause.error) ?? .badData
        case .backend(let error): self.init(error)
        }
    }

    private init(_ error: ModelError) {
        switch error {
        case .format(let error): self.init(error)
        case .tokenizer(let error): self.init(error)
        case .wrongShape(let file, _, _, _, let configuration):
            self = file == configuration ? .badData : .mismatch
        case .mismatch: self = .mismatch
        case .outputIsInput: self = .usage
        case .missingKey, .invalidValue, .unsupported, .missingTensors: self = .badData
        }
    }

    private init(_ error: TokenizerError) {
        switch error {
        case .format(let error): self.init(error)
        case .invalid, .unsupported: self = .badData
        }
    }

    private init(_ error: TransformerError) {
        switch error {
        case .backend(let error): self.init(error)
        case .missingWeight, .wrongShape, .wrongByteCount: self = .badData
        case .contextFull: self = .usage
        case .invalidRows, .invalidPath, .unknownToken: self = .software
        case .cancelled: self = .interrupted
        }
    }

    private init(_ error: BackendError) {
        switch error {
        case .unsupported: self = .badData
        case .outOfMemory: self = .outOfMemory
        case .deviceUnavailable: self = .unavailable
        case .nonFinite: self = .software
        case .unknownSelection: self = .usage
        }
    }

    private init(_ error: HubError) {
        switch error {
        case .invalidReference, .invalidSetting: self = .usage
        case .badResponse, .altered, .unsafeName: self = .badData
        case .notCached, .notFound, .noChoice: self = .noInput
        case .noClient, .unreachable, .untrusted, .unavailable: self = .unavailable
        case .interrupted, .noSpace: self = .inputOutput
        case .unauthorized, .gated: self = .noPermission
        case .file(let error): self.init(error)
        case .cancelled: self = .interrupted
        }
    }

    private init(_ error: FormatError) {
        switch error {
        case .missing, .notRegular: self = .noInput
        case .permission: self = .noPermission
        case .inputOutput, .noSpace: self = .inputOutput
        case .outOfMemory: self = .outOfMemory
        case .cannotQuantize: self = .usage
        case .cannotCreate: self = .cannotCreate
        case .wrongFormat, .truncated, .invalid, .altered, .overflow, .duplicate, .missingField, .unsupported,
            .syntax:
            self = .badData
        }
    }
}
