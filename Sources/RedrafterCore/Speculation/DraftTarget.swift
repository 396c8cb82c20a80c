/// What a drafter is made for: the facts of a loaded model, and the backend both run on.
public struct DraftTarget: Sendable {
    public let fingerprint: ModelFingerprint
    /// Ids below this may be generated.
    public let vocabularySize: Int
    public let backend: any ComputeBackend

    public init(fingerprint: ModelFingerprint, vocabularySize: Int, backend: any ComputeBackend) {
        self.fingerprint = fingerprint
        self.vocabularySize = vocabularySize
        self.backend = backend
    }
}

/// What a drafter may be told when it is made. Each drafter reads what concerns it.
public struct DrafterOptions: Sendable, Hashable {
    /// Weights of the drafter; nil for those that need none or are shipped.
    public var path: String?
    /// Beams that the search keeps; nil for the drafter's own choice.
    public var beamWidth: Int?
    /// Tokens that are drafted at most, without the certain one; nil for the drafter's own choice.
    public var beamLength: Int?
    /// Guesses for one token that the search looks at (`draftTopK`); nil for all of the drafter's vocabulary.
    public var topK: Int?

    public init(path: String? = nil, beamWidth: Int? = nil, beamLength: Int? = nil, topK: Int? = nil) {
        self.path = path
        self.beamWidth = beamWidth
        self.beamLength = beamLength
        self.topK = topK
    }
}

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
    case unreadable(description: String, exitCode: Int32)
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
        case .unreadable(let description, _): description
        case .unknownDrafter(let got, let available):
            "drafter '\(TerminalText.escaped(got))' does not exist; choose from: \(available.joined(separator: ", "))"
        case .parameter(let error): error.description
        case .backend(let error): error.description
        }
    }

    /// What to do about it.
    public var hint: String? {
        switch self {
        case .mismatch: "train it for this model, or pass another --drafter-model"
        case .missingWeights, .noShippedWeights: "pass --drafter-model FILE, or use --drafter lookup"
        default: nil
        }
    }

    /// An exit code of sysexits.
    public var exitCode: Int32 {
        switch self {
        case .mismatch, .noShippedWeights: 78
        case .missingWeights, .unknownDrafter, .parameter: 64
        case .invalidWeights: 65
        case .unreadable(_, let exitCode): exitCode
        case .backend(let error): error.exitCode
        }
    }
}
