import RedrafterFormats
import RedrafterTemplates

/// Which chat template is used, and what it is told beside the conversation.
public struct ChatTemplateOptions: Sendable, Equatable {
    /// Where a template comes from.
    public enum Choice: Sendable, Equatable {
        /// The model's own.
        case ofModel
        /// A built-in format (`chatml`), or one of several templates of the model (`tool_use`).
        case named(String)
        /// This text; `file` is named in errors.
        case source(String, file: String)
    }

    public var choice = Choice.ofModel
    /// Variables for the template, such as `enable_thinking` or `date_string`; they win over its own.
    public var variables: [String: JSONValue] = [:]
    /// What `strftime_now` shows.
    public var clock = TemplateClock.system

    public init(choice: Choice = .ofModel, variables: [String: JSONValue] = [:]) {
        self.choice = choice
        self.variables = variables
    }
}

/// A model's chat template, parsed and ready to be run: how a conversation becomes a prompt.
///
/// It runs as in Hugging Face transformers: with the model's special tokens as `bos_token`, `eos_token`, `unk_token` and
/// `pad_token`, `messages`, `tools`, `documents` and `add_generation_prompt`. What comes from the conversation stays text in
/// the prompt, whatever it spells and wherever the template puts it; only what the template itself writes can be a special token.
public struct ChatTemplate: Sendable {
    /// The Jinja text.
    public let source: String
    private let file: String
    private let template: Template
    private let variables: [Template.Variable]
    private let clock: TemplateClock

    /// Parses a template.
    /// - Parameters:
    ///   - source: the Jinja text.
    ///   - file: named in errors.
    ///   - specialTokens: by the names that templates use: `bos_token`.
    ///   - options: variables and the date; which template to use was decided by `source`.
    /// - Throws: `ChatTemplateError.template` with the line.
    public init(
        _ source: String, file: String, specialTokens: [String: String] = [:],
        options: ChatTemplateOptions = ChatTemplateOptions()
    ) throws(ChatTemplateError) {
        self.source = source
        self.file = file
        clock = options.clock
        do { template = try Template(source, name: file) } catch { throw .template(error) }
        var variables = specialTokens.map { Template.Variable($0.key, .string($0.value)) }
        for (name, value) in options.variables {
            // A special token by another spelling is one all the same.
            variables.append(Template.Variable(name, value, isInput: !name.hasSuffix("_token")))
        }
        self.variables = variables
    }

    /// The prompt for a conversation. Whether a begin-of-sequence token that the template does not write stands before it is
    /// the tokenizer's matter.
    /// - Parameters:
    ///   - messages: the turns, a system message first where there is one.
    ///   - addGenerationPrompt: ends with the header of the assistant's turn.
    /// - Throws: `ChatTemplateError.template` where the template fails or refuses the conversation.
    public func render(
        _ messages: [ChatMessage], addGenerationPrompt: Bool = true
    ) throws(ChatTemplateError) -> [PromptSegment] {
        let values = messages.map {
            JSONValue.object(["role": .string($0.role.rawValue), "content": .string($0.content)])
        }
        return try run([
            Template.Variable("messages", .array(values), isInput: true, trusted: Self.roles),
            Template.Variable("add_generation_prompt", .bool(addGenerationPrompt)),
        ])
    }

    /// The prompt for a conversation with tool calls and other members that `ChatMessage` does not have.
    /// - Parameters:
    ///   - conversation: a list of messages, or an object with `messages` and further variables (`tools`, `documents`).
    ///   - origin: the conversation's name in errors.
    ///   - tools: win over those of the conversation.
    ///   - addGenerationPrompt: ends with the header of the assistant's turn; nil for what the conversation says, else true.
    /// - Throws: `ChatTemplateError.template`, `.invalidMessages`.
    public func render(
        conversation: JSONValue, from origin: String = "the conversation", tools: JSONValue? = nil,
        addGenerationPrompt: Bool? = nil
    ) throws(ChatTemplateError) -> [PromptSegment] {
        var given = [Template.Variable]()
        var messages = conversation
        if let object = conversation.object {
            messages = object["messages"] ?? .null
            for (key, value) in object where !(key == "messages") {
                guard let name = key.string else { continue }
                given.append(Template.Variable(name, value, isInput: true))
            }
        }
        let normal = Template.Variable(
            "messages", try normalized(messages, from: origin), isInput: true, trusted: Self.roles)
        var all = [Template.Variable("add_generation_prompt", .bool(true))] + given + [normal]
        if let tools { all.append(Template.Variable("tools", tools, isInput: true)) }
        if let addGenerationPrompt {
            all.append(Template.Variable("add_generation_prompt", .bool(addGenerationPrompt)))
        }
        return try run(all)
    }

    /// Roles that templates write into special tokens (`<|user|>`); any other role is text of the conversation.
    private static let roles: [String: Set<String>] = [
        "role": [
            "system", "developer", "user", "assistant", "tool", "function", "ipython", "model",
            "tool_response",
            "environment",
        ]
    ]

    /// Messages as transformers hands them over: without members that are null, and with thoughts under each of their names.
    private func normalized(
        _ messages: JSONValue, from origin: String
    ) throws(ChatTemplateError) -> JSONValue {
        guard let list = messages.array else {
            throw .invalidMessages(file: origin, expected: "a list of messages", got: messages.summary)
        }
        var result = [JSONValue]()
        for message in list {
            guard let object = message.object else {
                throw .invalidMessages(file: origin, expected: "a list of objects", got: message.summary)
            }
            var members = object.filter { !$0.value.isNull }.map { ($0.key, $0.value) }
            let thoughts = ["reasoning_content", "thinking", "reasoning"].lazy.compactMap { name in
                members.first { $0.0 == name }?.1
            }.first
            if let thoughts {
                if !members.contains(where: { $0.0 == "thinking" }) {
                    members.insert((ByteSlice("thinking"), thoughts), at: 0)
                }
                if let place = members.firstIndex(where: { $0.0 == "reasoning_content" }) {
                    members[place].1 = thoughts
                } else {
                    members.append((ByteSlice("reasoning_content"), thoughts))
                }
            }
            result.append(.object(JSONObject(members)))
        }
        return .array(result)
    }

    private func run(_ given: [Template.Variable]) throws(ChatTemplateError) -> [PromptSegment] {
        let standard = [Template.Variable("tools", .null), Template.Variable("documents", .null)]
        do {
            return try template.render(standard + given + variables, clock: clock).map {
                $0.isInput ? .content($0.text) : .control($0.text)
            }
        } catch {
            throw .template(error)
        }
    }
}
