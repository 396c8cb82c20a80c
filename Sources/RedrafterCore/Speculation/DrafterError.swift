/// Why a drafter cannot be made for a model.
public enum DrafterError: Error, Sendable, Equatable, CustomStringConvertible {
    /// The drafter was trained for another model.
    case mismatch(drafter: String, what: String, got: String, expected: String)
    /// The drafter needs weights and none were given.
    case missingWeights(drafter: String)
    /// The drafter needs weights, and those that the program carries are for other models.
    case noShippedWeights(drafter: String, models: [String], difference: String)
    /// The weights are none for this drafter.
    case invalidWeights(path: String, reason: String)
    /// The file with the weights is missing, damaged or in no layout that is known.
    case unreadable(Cause)
    case unknownDrafter(got: String, available: [String])
    case parameter(ParameterError)
    case backend(BackendError)

    public var description: String {
        switch self {
        case .mismatch(let drafter, let what, let got, let expected):
            "the drafter \(TerminalText.escaped(drafter)) was trained for \(what) \(TerminalText.escaped(got)), "
                + "the model has \(expected)"
        case .missingWeights(let drafter):
            "the drafter '\(drafter)' needs weights"
        case .noShippedWeights(let drafter, let models, let difference):
            "the drafter '\(drafter)' needs weights, and those shipped are for another model, "
                + "\(models.joined(separator: ", ")): \(difference)"
        case .invalidWeights(let path, let reason):
            "\(TerminalText.escaped(path)): \(reason)"
        case .unreadable(let cause): cause.description
        case .unknownDrafter(let got, let available):
            "drafter '\(TerminalText.escaped(got))' does not exist; choose from: \(available.joined(separator: ", "))"
        case .parameter(let error): error.description
        case .backend(let error): error.description
        }
    }

    /// What to do about it.
    public var hint: String? {
        switch self {
        case .mismatch: "train it for this model, or use other weights"
        case .missingWeights, .noShippedWeights: "name a file of weights, or use a drafter that needs none"
        default: nil
        }
    }

    /// The error of the module that reads weights, which this one does not know; equal where the descriptions are.
    public struct Cause: Sendable, Equatable, CustomStringConvertible {
        public let error: any Error & CustomStringConvertible

        public init(_ error: any Error & CustomStringConvertible) { self.error = error }

        public var description: String { error.description }

        public static func == (left: Cause, right: Cause) -> Bool { left.description == right.description }
    }
}
