import RedrafterCore

/// Why a template cannot be read or run. `description` is one line; text of the template in it is escaped and cut.
public enum TemplateError: Error, Sendable, Equatable, CustomStringConvertible {
    /// The text is no template.
    case syntax(template: String, line: Int, problem: String)
    /// Jinja has the construct, this engine does not, or nobody has it; `nearest` is what to write instead.
    case unsupported(template: String, line: Int, construct: String, nearest: String)
    /// An operation that fails in Jinja, too: a wrong type, an attribute of something undefined.
    case failed(template: String, line: Int, problem: String)
    /// The template refused its input with `raise_exception`.
    case raised(template: String, line: Int, message: String)
    /// The template wants more work, memory, output or nesting than is allowed.
    case limit(template: String, line: Int, what: String, allowed: String)

    public var description: String {
        switch self {
        case .syntax(let template, let line, let problem):
            "\(Self.place(template, line)): \(Self.shown(problem))"
        case .unsupported(let template, let line, let construct, let nearest):
            "\(Self.place(template, line)): \(Self.shown(construct)) is not supported; "
                + "the nearest that is: \(nearest)"
        case .failed(let template, let line, let problem):
            "\(Self.place(template, line)): \(Self.shown(problem))"
        case .raised(let template, let line, let message):
            "\(Self.place(template, line)): the template refuses this conversation: \(Self.shown(message))"
        case .limit(let template, let line, let what, let allowed):
            "\(Self.place(template, line)): \(what), more than \(allowed)"
        }
    }

    private static func place(_ template: String, _ line: Int) -> String {
        "\(TerminalText.escaped(template)), line \(line) of the template"
    }

    private static func shown(_ text: String) -> String { TerminalText.escaped(text) }
}

/// An error on its way out, before it is known where in which template it arose.
struct Fault: Error {
    enum Kind {
        case syntax(String)
        case unsupported(construct: String, nearest: String)
        case failed(String)
        case raised(String)
        case limit(what: String, allowed: String)
    }

    var kind: Kind

    static func syntax(_ problem: String) -> Fault { Fault(kind: .syntax(problem)) }
    static func failed(_ problem: String) -> Fault { Fault(kind: .failed(problem)) }
    static func unsupported(_ construct: String, nearest: String) -> Fault {
        Fault(kind: .unsupported(construct: construct, nearest: nearest))
    }
    static func limit(_ what: String, allowed: String) -> Fault {
        Fault(kind: .limit(what: what, allowed: allowed))
    }

    func error(template: String, line: Int) -> TemplateError {
        switch kind {
        case .syntax(let problem): .syntax(template: template, line: line, problem: problem)
        case .unsupported(let construct, let nearest):
            .unsupported(template: template, line: line, construct: construct, nearest: nearest)
        case .failed(let problem): .failed(template: template, line: line, problem: problem)
        case .raised(let message): .raised(template: template, line: line, message: message)
        case .limit(let what, let allowed):
            .limit(template: template, line: line, what: what, allowed: allowed)
        }
    }
}
