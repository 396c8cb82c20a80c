import RedrafterCore
import RedrafterFormats

/// Why a file holds no tokenizer that this project can run exactly.
public enum TokenizerError: Error, Sendable, Equatable, CustomStringConvertible {
    /// A field is missing, out of range, or does not fit another one.
    case invalid(file: String, field: String, expected: String, got: String)
    /// A construct that would give other tokens if it were ignored.
    case unsupported(file: String, what: String, supported: String)
    /// The container itself is damaged or cannot be read.
    case format(FormatError)

    /// One sentence, with everything that came from a file escaped.
    public var description: String {
        switch self {
        case .invalid(let file, let field, let expected, let got):
            "\(TerminalText.escaped(file)): \(field): expected \(expected), got \(TerminalText.escaped(got))"
        case .unsupported(let file, let what, let supported):
            "\(TerminalText.escaped(file)): \(TerminalText.escaped(what)) is not supported; supported: \(supported)"
        case .format(let error): error.description
        }
    }
}
