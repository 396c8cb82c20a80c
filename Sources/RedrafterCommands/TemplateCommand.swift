import ArgumentParser
import Redrafter
import RedrafterFormats
import RedrafterModels
import RedrafterPlatform

/// `redrafter template`: the prompt that a chat template makes of a conversation.
struct TemplateCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "template",
        abstract: "Prints the prompt that a chat template makes of a conversation.",
        discussion: """
            Prints the text and nothing else, byte for byte. The conversation is a list of messages, or an object with \
            "messages" and further variables ("tools", "documents"). Special tokens are the model's; without a model, set them.

              redrafter template -m model.gguf --messages chat.json
              redrafter template --template my.jinja --messages chat.json
            """)

    @Option(
        name: [.short, .long], parsing: .unconditional,
        help: ArgumentHelp(
            "GGUF file, folder with tokenizer.json, or hf:ORG/NAME: whose template is run. Without it and --template, the default "
                + "model.", valueName: "path"))
    var model: String?

    @Option(
        help: ArgumentHelp(
            "Chat template: a file of Jinja, one of \(BuiltInChatTemplate.names.joined(separator: ", ")), or the name of one of "
                + "several that the model has.", valueName: "file|name"))
    var template: String?

    @Option(help: ArgumentHelp("JSON file with the conversation; - reads stdin.", valueName: "path"))
    var messages: String

    @Option(help: ArgumentHelp("JSON file with a list of tools.", valueName: "path"))
    var tools: String?

    @Flag(name: .customLong("no-generation-prompt"), help: "Do not begin the assistant's next turn.")
    var noGenerationPrompt = false

    @Option(
        name: .customLong("set"), parsing: .unconditionalSingleValue,
        help: ArgumentHelp(
            "Sets a variable of the template; may be repeated. Values are JSON where they can be read so, else text.",
            valueName: "key=value"))
    var variables: [String] = []

    @Flag(
        help:
            "Print a JSON object with the text and its parts: those of the conversation, and those of the template."
    )
    var json = false

    func run() throws {
        let options = try ChatTemplateArguments.options(template, variables)
        let conversation = try read(messages)
        let tools = try tools.map(readTools)
        let parts = try chatTemplate(options).render(
            conversation: conversation, from: messages == "-" ? "stdin" : messages, tools: tools,
            addGenerationPrompt: noGenerationPrompt ? false : nil)
        let text = parts.map(\.text).joined()
        guard json else { return try Terminal.write(text) }
        let values = parts.map { part in
            let isContent = if case .content = part { true } else { false }
            return JSONValue.object(["text": .string(part.text), "content": .bool(isContent)])
        }
        let result = JSONValue.object(["text": .string(text), "parts": .array(values)])
        try Terminal.write(result.text(isPretty: true) + "\n")
    }

    private func readTools(_ path: String) throws -> JSONValue {
        let tools = try read(path)
        guard tools.array != nil else {
            throw CommandFailure(
                .usage, "\(TerminalText.escaped(path)): tools are a list, not \(tools.summary)")
        }
        return tools
    }

    private func read(_ path: String) throws -> JSONValue {
        let text =
            path == "-"
            ? try PromptSource.read(prompt: "-", file: nil) : try PromptSource.read(prompt: nil, file: path)
        return try JSONValue(parsing: text.utf8, path: path == "-" ? "stdin" : path)
    }

    private func chatTemplate(_ options: ChatTemplateOptions) throws -> ChatTemplate {
        // The default model stands in where neither a model nor a template is named.
        let isDefault = model == nil && options.choice == .ofModel && access(DefaultModelFile.path, R_OK) == 0
        if let model = model ?? (isDefault ? DefaultModelFile.path : nil) {
            return try TokenizerDefinition(path: ModelLocation.path(model)).makeChatTemplate(options)
        }
        switch options.choice {
        case .source(let source, let file): return try ChatTemplate(source, file: file, options: options)
        case .named(let name):
            guard let format = BuiltInChatTemplate(rawValue: name) else {
                throw CommandFailure(
                    .usage, "there is no chat template \"\(name)\"",
                    hint:
                        "pass --template FILE, or one of \(BuiltInChatTemplate.names.joined(separator: ", "))"
                )
            }
            return try ChatTemplate(format.source, file: name, options: options)
        case .ofModel:
            throw CommandFailure(.usage, "neither -m nor --template was given", hint: "pass one of them")
        }
    }
}
