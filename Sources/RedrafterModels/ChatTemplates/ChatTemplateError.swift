import RedrafterCore
import RedrafterTemplates

/// Why a model's chat template cannot be used.
public enum ChatTemplateError: Error, Sendable, Equatable, CustomStringConvertible {
    /// The file has no template, or none that is called `default`; `named` are those that it has.
    case missing(file: String, named: [String] = [])
    /// Neither the file nor this program has a template of that name.
    case unknownName(file: String, name: String, known: [String])
    /// The template cannot be read or run.
    case template(TemplateError)
    /// The conversation is no list of messages.
    case invalidMessages(file: String, expected: String, got: String)

    public var description: String {
        switch self {
        case .missing(let file, let named):
            "\(TerminalText.escaped(file)): the model has no chat template"
                + (named.isEmpty ? "" : ", except for special uses: \(Self.list(named))")
        case .unknownName(let file, let name, let known):
            "\(TerminalText.escaped(file)): there is no chat template \"\(TerminalText.escaped(name, limit: 80))\"; "
                + "known: \(Self.list(known))"
        case .template(let error): error.description
        case .invalidMessages(let file, let expected, let got):
            "\(TerminalText.escaped(file)): a conversation is \(expected), not \(got)"
        }
    }

    private static func list(_ names: [String]) -> String {
        names.prefix(12).map { TerminalText.escaped($0, limit: 40) }.joined(separator: ", ")
    }

    /// What to do about it.
    public var hint: String {
        switch self {
        case .missing, .unknownName:
            "name one of the formats \(BuiltInChatTemplate.names.joined(separator: ", ")) if the model was trained for "
                + "it; the model can also continue plain text"
        case .template(.raised): "change the conversation, or use another template"
        case .template: "use another template; the model can also continue plain text"
        case .invalidMessages: "write [{\"role\": \"user\", \"content\": \"…\"}]"
        }
    }
}
