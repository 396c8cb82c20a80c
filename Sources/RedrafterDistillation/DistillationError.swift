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
    /// The gradient was not finite for so many steps.
    case diverged(step: Int, steps: Int)

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
        case .diverged(let step, let steps):
            "step \(step): the gradient was not finite \(steps) times in a row; the last checkpoint is intact"
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
        case .diverged: "resume with a smaller learning rate into another directory"
        case .parameter, .format: nil
        }
    }

}
