import RedrafterCore

/// What is wrong with a file, or with reaching it.
public enum FormatError: Error, Sendable, Equatable, CustomStringConvertible {
    /// The path names nothing, a directory, or something that is no regular file.
    case missing(file: String, reason: String)
    /// The file is there but may not be read or written.
    case permission(file: String, reason: String)
    /// Reading or writing failed half-way.
    case inputOutput(file: String, operation: String, reason: String)
    /// The output could not be created.
    case cannotCreate(file: String, reason: String)
    /// The content is not what the format asks for. `field` says where, `offset` in bytes from the start.
    case invalid(file: String, field: String, expected: String, got: String, offset: Int?)
    /// The content is valid but not something this project reads.
    case unsupported(file: String, what: String, supported: String)
    /// Weights cannot be written in this type.
    case cannotQuantize(type: String, supported: String)

    /// An exit code of sysexits.
    public var exitCode: Int32 {
        switch self {
        case .missing: 66
        case .permission: 77
        case .inputOutput: 74
        case .cannotCreate: 73
        case .invalid, .unsupported: 65
        case .cannotQuantize: 64
        }
    }

    /// One sentence, with everything that came from a file escaped.
    public var description: String {
        switch self {
        case .missing(let file, let reason), .permission(let file, let reason),
            .cannotCreate(let file, let reason):
            "\(TerminalText.escaped(file)): \(reason)"
        case .inputOutput(let file, let operation, let reason):
            "\(TerminalText.escaped(file)): \(operation) failed: \(reason)"
        case .invalid(let file, let field, let expected, let got, let offset):
            "\(TerminalText.escaped(file)): \(field): expected \(expected), got \(got)"
                + (offset.map { " (offset 0x\(String($0, radix: 16)))" } ?? "")
        case .unsupported(let file, let what, let supported):
            "\(TerminalText.escaped(file)): \(what) is not supported; supported: \(supported)"
        case .cannotQuantize(let type, let supported):
            "weights cannot be written as \(type), which is only read; choose one of: \(supported)"
        }
    }
}
