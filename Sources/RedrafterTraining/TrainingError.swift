/// Why a drafter cannot be trained.
public enum TrainingError: Error, Sendable, Equatable, CustomStringConvertible {
    /// OpenBLAS, which multiplies the matrices, cannot be loaded.
    case blasUnavailable(reason: String)
    /// OpenBLAS serves fewer threads than were asked for.
    case tooManyThreads(got: Int, most: Int)
    /// The configuration is of another drafter, or has numbers that no drafter has.
    case invalidConfiguration(what: String, got: String, expected: String)
    /// An array of a batch, of parameters or of embeddings does not fit the drafter.
    case invalidInput(what: String, got: String, expected: String)

    public var description: String {
        switch self {
        case .blasUnavailable(let reason):
            "training needs OpenBLAS, which is not available: \(reason); install libopenblas (Debian and "
                + "Ubuntu: libopenblas0-pthread), or name the file in REDRAFTER_OPENBLAS"
        case .tooManyThreads(let got, let most):
            "OpenBLAS serves \(most) threads at once, not \(got); ask for fewer threads"
        case .invalidConfiguration(let what, let got, let expected):
            "a drafter with \(what) \(got) cannot be trained, expected \(expected)"
        case .invalidInput(let what, let got, let expected):
            "training data: \(what) is \(got), expected \(expected)"
        }
    }

    /// An exit code of sysexits.
    public var exitCode: Int32 {
        switch self {
        case .blasUnavailable: 69
        case .tooManyThreads: 64
        case .invalidConfiguration: 64
        case .invalidInput: 65
        }
    }
}
