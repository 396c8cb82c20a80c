import ArgumentParser
import Redrafter
import RedrafterFormats
import RedrafterPlatform

/// Which chat template is used, and what it is told.
struct ChatTemplateArguments: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Chat template: a file of Jinja, one of \(BuiltInChatTemplate.names.joined(separator: ", ")), or the name of one of "
                + "several that the model has; without it, the model's own.",
            valueName: "file|name"))
    var chatTemplate: String?

    @Option(
        name: .customLong("set"), parsing: .unconditionalSingleValue,
        help: ArgumentHelp(
            "Sets a variable of the chat template (enable_thinking=false, date_string=\"1 May 2026\"); may be repeated. "
                + "Values are JSON where they can be read so, else text.", valueName: "key=value"))
    var variables: [String] = []

    /// Whether any of them was passed.
    var isGiven: Bool { chatTemplate != nil || !variables.isEmpty }

    func options() throws -> ChatTemplateOptions {
        try Self.options(chatTemplate, variables)
    }

    static func options(_ template: String?, _ variables: [String]) throws -> ChatTemplateOptions {
        ChatTemplateOptions(choice: try choice(template), variables: try values(variables))
    }

    private static func choice(_ template: String?) throws -> ChatTemplateOptions.Choice {
        guard let template else { return .ofModel }
        guard BuiltInChatTemplate(rawValue: template) == nil else { return .named(template) }
        let looksLikePath = template.contains("/") || template.contains(".")
        guard looksLikePath || access(template, F_OK) == 0 else { return .named(template) }
        return .source(try PromptSource.read(prompt: nil, file: template), file: template)
    }

    private static func values(_ variables: [String]) throws -> [String: JSONValue] {
        var result = [String: JSONValue]()
        for variable in variables {
            guard let mark = variable.firstIndex(of: "="), mark > variable.startIndex else {
                throw CommandFailure(
                    .usage, "--set \(variable): there is no KEY=VALUE", hint: "write --set key=value")
            }
            let text = String(variable[variable.index(after: mark)...])
            result[String(variable[..<mark])] =
                (try? JSONValue(parsing: text.utf8, path: "--set")) ?? .string(text)
        }
        return result
    }
}
