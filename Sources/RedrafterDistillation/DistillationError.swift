import Redrafter
import RedrafterCore
import RedrafterFormats
import RedrafterTraining

/// Why a drafter cannot be trained, or its data not be used.
public enum DistillationError: Error, Sendable, Equatable, CustomStringConvertible {
    case parameter(ParameterError)
    case format(FormatError)
    case model(RedrafterError)
    case drafter(DrafterError)
    case training(TrainingError)
    /// There are fewer positions than one step takes.
    case tooLittleData(positions: Int, batchSize: Int)
    /// The directory holds another run, or an earlier part of this one.
    case outputInUse(directory: String, step: Int)
    /// A run is to go on, and the directory holds no checkpoint.
    case nothingToResume(directory: String)
    /// Numbers of the training are not finite any more.
    case diverged(step: Int, reason: String)

    /// One sentence without a line break.
    public var description: String {
        switch self {
        case .parameter(let error): error.description
        case .format(let error): error.description
        case .model(let error): error.description
        case .drafter(let error): error.description
        case .training(let error): error.description
        case .tooLittleData(let positions, let batchSize):
            "the data has \(positions) positions to train on, one step takes \(batchSize)"
        case .outputInUse(let directory, let step):
            "\(TerminalText.escaped(directory)) holds a run that has taken \(step) steps"
        case .nothingToResume(let directory):
            "\(TerminalText.escaped(directory)) holds no checkpoint to resume from"
        case .diverged(let step, let reason):
            "step \(step): the training has diverged: \(TerminalText.escaped(reason)); no drafter was written, and "
                + "earlier checkpoints are intact"
        }
    }

    /// What may help, where something does.
    public var hint: String? {
        switch self {
        case .model(let error): error.hint
        case .drafter(.mismatch): "use the model that made the data"
        case .drafter(let error): error.hint
        case .training(let error): error.hint
        case .tooLittleData: "make more data, or use smaller batches"
        case .outputInUse: "resume it, or use another directory"
        case .nothingToResume: "check the directory, or begin a new run there without resuming"
        case .diverged: "start again in another directory with a smaller learning rate"
        case .parameter, .format: nil
        }
    }

}
