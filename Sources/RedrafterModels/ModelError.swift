import RedrafterCore
import RedrafterFormats

/// Why a well-formed file is no model that this project can run.
public enum ModelError: Error, Sendable, Equatable, CustomStringConvertible {
    /// A hyper-parameter is missing.
    case missingKey(file: String, key: String)
    /// A hyper-parameter is out of its range or does not fit another one.
    case invalidValue(file: String, key: String, got: String, allowed: String)
    /// The architecture, or a feature of it, is unknown here.
    case unsupported(file: String, what: String, supported: String)
    /// Weights that the architecture needs are not in the file.
    case missingTensors(file: String, names: [String], count: Int)
    /// The container itself is damaged or cannot be read.
    case format(FormatError)

    /// An exit code of sysexits.
    public var exitCode: Int32 {
        switch self {
        case .format(let error): error.exitCode
        default: 65
        }
    }

    /// One sentence, with everything that came from a file escaped.
    public var description: String {
        switch self {
        case .missingKey(let file, let key):
            "\(TerminalText.escaped(file)): \(key) is missing; the file is no complete model"
        case .invalidValue(let file, let key, let got, let allowed):
            "\(TerminalText.escaped(file)): \(key): expected \(allowed), got \(TerminalText.escaped(got))"
        case .unsupported(let file, let what, let supported):
            "\(TerminalText.escaped(file)): \(TerminalText.escaped(what)) is not supported; supported: \(supported)"
        case .missingTensors(let file, let names, let count):
            "\(TerminalText.escaped(file)): \(count) weights are missing: "
                + names.map { TerminalText.escaped($0, limit: 64) }.joined(separator: ", ") + (count > names.count ? ", …" : "")
        case .format(let error): error.description
        }
    }
}
