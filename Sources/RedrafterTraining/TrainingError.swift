import RedrafterCore
import RedrafterFormats

/// Why a drafter cannot be trained, or a run not go on or be resumed.
public enum TrainingError: Error, Sendable, Equatable, CustomStringConvertible {
    /// OpenBLAS, which multiplies the matrices, cannot be loaded.
    case blasUnavailable(reason: String)
    /// OpenBLAS serves fewer threads than were asked for.
    case tooManyThreads(got: Int, most: Int)
    /// The configuration is of another drafter, or has numbers that no drafter has.
    case invalidConfiguration(what: String, got: String, expected: String)
    /// An array of a batch, of parameters or of embeddings does not fit the drafter.
    case invalidInput(what: String, got: String, expected: String)
    /// An input is damaged or cannot be read.
    case format(FormatError)
    /// An output cannot be written. What was there before is intact.
    case output(FormatError)
    /// Another process writes to the same directory; `pid` is nil where it did not say who it is.
    case locked(directory: String, pid: Int?)
    /// The name of an output is taken by something that this program did not make. It was not touched.
    case foreignFile(file: String, found: String)
    /// A number that a checkpoint would hold is NaN or infinite: the training has diverged.
    case nonFinite(step: Int, tensor: String, index: Int, value: String, count: Int)
    /// There are checkpoints, and every one of them is damaged. `reasons` has one line for each, newest
    /// first.
    case noUsableCheckpoint(directory: String, reasons: [String])
    /// A checkpoint of a later version of this program.
    case newerCheckpoint(file: String, version: Int, supported: Int)
    /// A checkpoint was made under other settings than those of this run.
    case mismatch(file: String, key: String, stored: String, current: String)
    /// A drafter cannot begin with the weights of another one.
    case unsuitableStart(file: String, reason: String)

    /// One sentence, with everything that came from a file escaped.
    public var description: String {
        switch self {
        case .blasUnavailable(let reason): "training needs OpenBLAS, which is not available: \(reason)"
        case .tooManyThreads(let got, let most): "OpenBLAS supports \(most) threads at once, not \(got)"
        case .invalidConfiguration(let what, let got, let expected):
            "a drafter with \(what) \(got) cannot be trained, expected \(expected)"
        case .invalidInput(let what, let got, let expected):
            "training data: \(what) is \(got), expected \(expected)"
        case .format(let error), .output(let error): error.description
        case .locked(let directory, let pid):
            "\(safe(directory)): locked by \(pid.map { "pid \($0)" } ?? "another process"), which writes into it"
        case .foreignFile(let file, let found):
            "\(safe(file)): \(found) is in its place, and was not touched"
        case .nonFinite(let step, let tensor, let index, let value, let count):
            "step \(step): tensor \"\(safe(tensor))\" holds \(count) values that are not finite, "
                + "the first is \(value) at \(index); no checkpoint was written"
        case .noUsableCheckpoint(let directory, let reasons):
            "\(safe(directory)): none of \(reasons.count) checkpoints can be used: "
                + reasons.joined(separator: "; ")
        case .newerCheckpoint(let file, let version, let supported):
            "\(safe(file)): checkpoint version is \(version), this program reads up to \(supported)"
        case .mismatch(let file, let key, let stored, let current):
            "\(safe(file)): \(safe(key)) was \(safe(stored)) when it was written, it is \(safe(current)) now"
        case .unsuitableStart(let file, let reason):
            "\(safe(file)): a drafter cannot begin with these weights: \(safe(reason))"
        }
    }

    /// What may help, where something does.
    public var hint: String? {
        switch self {
        case .locked(_, let pid):
            "wait for it" + (pid.map { " or stop it (kill \($0))" } ?? "")
                + ", or use another directory"
        case .foreignFile: "move it away, or use another directory"
        case .output(.noSpace): "free some space, or train into a directory on another disk"
        case .output(.inputOutput):
            "the last complete checkpoint is intact; resume from it when there is room"
        case .output(.permission), .output(.cannotCreate): "choose an output directory that you may write to"
        case .nonFinite: "start again in another directory with a smaller learning rate"
        case .noUsableCheckpoint: "restore one of them from a copy, or start again in an empty directory"
        case .newerCheckpoint: "resume with the version that wrote it"
        case .mismatch(_, let key, _, _) where key == Self.dataKey || key.hasPrefix(Self.dataKey + "."):
            "resume with the data that it was made with, or use another directory"
        case .mismatch: "resume with the same settings, or use another directory"
        case .blasUnavailable:
            "install libopenblas (Debian and Ubuntu: libopenblas0-pthread), or name the file in REDRAFTER_OPENBLAS"
        case .tooManyThreads: "ask for fewer threads"
        case .unsuitableStart:
            "train the same kind with the same --layers, --exit-dim, --draft-length and --copy-lengths; see `redrafter inspect` of the file"
        case .format, .output, .invalidConfiguration, .invalidInput: nil
        }
    }

    /// The member of a run's settings that tells its data.
    static let dataKey = "data"

    private func safe(_ text: String) -> String { TerminalText.escaped(text, limit: 300) }
}
