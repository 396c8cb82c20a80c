import RedrafterCore

/// What is wrong with a file, where, and what was expected there.
///
/// `description` is one line without control characters: strings from the file are escaped and cut.
public enum FormatError: Error, Sendable, Equatable, CustomStringConvertible {
    /// There is no such file, or a link leads nowhere.
    case missing(file: String, reason: String)
    /// The path names a directory, a pipe, a device: nothing that can be mapped.
    case notRegular(file: String, kind: String)
    /// The system denied access.
    case permission(file: String, reason: String)
    /// Reading, writing or mapping failed half-way.
    case inputOutput(file: String, operation: String, reason: String)
    /// The process has no memory, or no address space, for the file.
    case outOfMemory(file: String, operation: String, needed: Int)
    /// An output file could not be created.
    case cannotCreate(file: String, reason: String)
    /// The file system has less room than an output needs; said before anything is written.
    case noSpace(file: String, needed: Int, available: Int)
    /// The content is of another format altogether.
    case wrongFormat(file: String, expected: String, looksLike: String)
    /// The file ends before what it declares.
    case truncated(file: String, what: String, needed: String, available: String, offset: Int?)
    /// A field holds a value that its format does not allow.
    case invalid(file: String, field: String, expected: String, got: String, offset: Int?)
    /// The bytes are not those that were written: their SHA-256 is not the one that was recorded then.
    case altered(file: String, expected: String, got: String)
    /// A size computed from the file does not fit 63 bits.
    case overflow(file: String, what: String, got: String, offset: Int?)
    /// A name that must be unique appears twice.
    case duplicate(file: String, what: String, name: String, offset: Int?)
    /// A field or tensor that is needed is absent.
    case missingField(file: String, field: String, expected: String)
    /// Well-formed, but of a kind this engine does not work with.
    case unsupported(file: String, what: String, supported: String)
    /// Weights cannot be written in this type.
    case cannotQuantize(type: String, supported: String)
    /// The text is no JSON.
    case syntax(file: String, problem: String, offset: Int)

    /// The file the error is about; empty where there is none.
    public var file: String {
        switch self {
        case .missing(let file, _), .notRegular(let file, _), .permission(let file, _),
            .inputOutput(let file, _, _), .cannotCreate(let file, _), .wrongFormat(let file, _, _),
            .truncated(let file, _, _, _, _), .invalid(let file, _, _, _, _), .overflow(let file, _, _, _),
            .outOfMemory(let file, _, _), .noSpace(let file, _, _), .duplicate(let file, _, _, _),
            .missingField(let file, _, _), .altered(let file, _, _),
            .unsupported(let file, _, _),
            .syntax(let file, _, _):
            file
        case .cannotQuantize: ""
        }
    }

    /// One sentence, with everything that came from a file escaped.
    public var description: String {
        file.isEmpty ? problem : "\(TerminalText.escaped(file, limit: 1000)): \(problem)"
    }

    /// The description without the file's name.
    public var problem: String {
        switch self {
        case .missing(_, let reason):
            reason
        case .notRegular(_, let kind):
            "is a \(kind), expected a regular file"
        case .permission(_, let reason):
            reason
        case .inputOutput(_, let operation, let reason):
            "cannot \(operation): \(reason)"
        case .outOfMemory(_, let operation, let needed):
            "cannot \(operation): not enough memory for its \(needed) bytes"
        case .cannotCreate(_, let reason):
            "cannot create the file: \(reason)"
        case .noSpace(_, let needed, let available):
            "needs \(needed) bytes of disk space, \(available) are free"
        case .wrongFormat(_, let expected, let looksLike):
            "not a \(expected) file, it looks like \(safe(looksLike)); "
                + (looksLike == FileSignature.pointer
                    ? "run 'git lfs pull' in its folder, or download the file itself"
                    : "download the model again")
        case .truncated(_, let what, let needed, let available, let offset):
            "\(safe(what)) needs \(needed), file has \(available)\(at(offset)); the file is incomplete"
        case .invalid(_, let field, let expected, let got, let offset):
            "\(safe(field)) is \(safe(got)), expected \(safe(expected))\(at(offset))"
        case .altered(_, let expected, let got):
            "was changed or damaged after it was written: its SHA-256 is \(safe(got)), expected \(safe(expected)); "
                + "restore it from a copy, or make the data again in an empty directory"
        case .overflow(_, let what, let got, let offset):
            "size overflows: \(safe(what)) is \(safe(got))\(at(offset))"
        case .duplicate(_, let what, let name, let offset):
            "duplicate \(what) \"\(safe(name))\"\(at(offset))"
        case .missingField(_, let field, let expected):
            "\(safe(field)) is missing, expected \(safe(expected))"
        case .unsupported(_, let what, let supported):
            "\(safe(what)) is not supported; supported: \(supported)"
        case .cannotQuantize(let type, let supported):
            "weights cannot be written as \(type), which is only read; choose one of: \(supported)"
        case .syntax(_, let problem, let offset):
            "invalid JSON: \(safe(problem))\(at(offset))"
        }
    }

    private func safe(_ text: String) -> String { TerminalText.escaped(text, limit: 300) }

    private func at(_ offset: Int?) -> String {
        offset.map { " (offset 0x\(String($0, radix: 16)))" } ?? ""
    }
}
