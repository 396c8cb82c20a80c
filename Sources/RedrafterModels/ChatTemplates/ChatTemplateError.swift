import RedrafterCore

/// Why a model's chat format cannot be used.
public enum ChatTemplateError: Error, Sendable, Equatable, CustomStringConvertible {
    /// The file has no template.
    case missing(file: String)
    /// The template is of no known family; `line` is its first line.
    case unrecognised(file: String, line: String)
    /// The family is known, but not what this template does there.
    case unsupported(file: String, family: String, construct: String)

    public var description: String {
        switch self {
        case .missing(let file):
            "\(TerminalText.escaped(file)): the model has no chat template"
        case .unrecognised(let file, let line):
            "\(TerminalText.escaped(file)): the chat template is not one of ChatML, Llama 2, Llama 3, Vicuna, Zephyr, "
                + "Mistral: it begins \"\(TerminalText.escaped(line, limit: 80))\""
        case .unsupported(let file, let family, let construct):
            "\(TerminalText.escaped(file)): the chat template looks like \(family) but has no "
                + "\(TerminalText.escaped(construct))"
        }
    }

    /// What to do about it.
    public var hint: String { "the model can continue plain text" }
}
