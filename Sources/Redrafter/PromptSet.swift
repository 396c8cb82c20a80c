import RedrafterCore
import RedrafterFormats
import RedrafterModels

/// A prompt to compare drafters on.
public struct ComparisonPrompt: Sendable, Hashable {
    /// What the model is given.
    public enum Content: Sendable, Hashable {
        /// A conversation that ends with a question.
        case messages([ChatMessage])
        /// A text to continue as it is.
        case text(String)
        /// Tokens to continue.
        case tokens([Int32])
    }

    /// Name in reports: the file's `question_id`, `task_id` or `id`, else its place.
    public var name: String
    /// Results are also shown for each category; nil where the file has none.
    public var category: String?
    public var content: Content

    public init(name: String, category: String? = nil, content: Content) {
        self.name = name
        self.category = category
        self.content = content
    }

    /// Bytes of all texts: an upper bound on their tokens.
    public var byteCount: Int {
        switch content {
        case .messages(let messages): messages.reduce(0) { $0 + $1.content.utf8.count }
        case .text(let text): text.utf8.count
        case .tokens(let tokens): tokens.count
        }
    }

    /// Tokens of the prompt.
    /// - Parameters:
    ///   - model: whose tokenizer and chat format are used.
    ///   - usesChatTemplate: false continues the last message as plain text.
    public func tokens(for model: Model, usesChatTemplate: Bool = true) throws(RedrafterError) -> [Int32] {
        switch content {
        case .text(let text): return model.prompt(text).tokens
        case .tokens(let tokens):
            for token in tokens where !(0..<model.tokenCount).contains(Int(token)) {
                throw .parameter(
                    .outOfRange(
                        name: "token of prompt \(TerminalText.escaped(name))", got: "\(token)",
                        allowed: "0 to \(model.tokenCount - 1)"))
            }
            return tokens
        case .messages(let messages):
            guard usesChatTemplate else { return model.prompt(messages.last?.content ?? "").tokens }
            return try model.prompt(messages).tokens
        }
    }
}

/// Prompts of a file, or those that come with the library.
public struct PromptSet: Sendable {
    /// The file's name, or `built-in`.
    public var name: String
    public var prompts: [ComparisonPrompt]

    public init(name: String, prompts: [ComparisonPrompt]) {
        self.name = name
        self.prompts = prompts
    }

    /// Reads a file of JSON lines. Each object has one of
    ///
    /// - `prompt`: a question, put into the model's chat format,
    /// - `text`: a text to continue as it is,
    /// - `tokens`: ids to continue,
    /// - `messages`: `[{"role", "content"}]`, as in OpenAI's format,
    /// - `turns`: the questions of a conversation, as in MT-Bench and Spec-Bench; the first one is used;
    ///
    /// and may have a `category`. Empty lines are passed over.
    /// - Throws: `FormatError` with the line.
    public init(path: String, limit: Int? = nil) throws(FormatError) {
        let file = try MappedFile(path: path)
        name = path.split(separator: "/").last.map(String.init) ?? path
        prompts = []
        var number = 0
        for line in file.bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false) {
            number += 1
            if let limit, prompts.count >= limit { break }
            guard line.contains(where: { $0 != 0x20 && $0 != 0x09 && $0 != 0x0D }) else { continue }
            let place = "\(path), line \(number)"
            let value = try JSONValue(parsing: line, path: place)
            prompts.append(try Self.prompt(value, number: prompts.count + 1, place: place))
        }
        guard !prompts.isEmpty else {
            throw .missingField(file: path, field: "prompt", expected: "at least one line with a prompt")
        }
    }

    private static func prompt(
        _ value: JSONValue, number: Int, place: String
    ) throws(FormatError) -> ComparisonPrompt {
        let name = ["question_id", "task_id", "id"].lazy.compactMap { key in
            value[key]?.string ?? value[key]?.integer.map(String.init)
        }.first
        let category = value["category"]?.string
        return ComparisonPrompt(
            name: name ?? "\(number)", category: category, content: try content(value, place))
    }

    private static func content(
        _ value: JSONValue, _ place: String
    ) throws(FormatError) -> ComparisonPrompt.Content {
        if let prompt = value["prompt"] {
            return .messages([ChatMessage(role: .user, content: try text(prompt, "prompt", place))])
        }
        if let plain = value["text"] { return .text(try text(plain, "text", place)) }
        if let tokens = value["tokens"] {
            let ids = tokens.array?.compactMap { $0.integer.flatMap(Int32.init(exactly:)) } ?? []
            guard !ids.isEmpty, ids.count == tokens.array?.count else {
                throw wrong("tokens", "an array of ids", tokens, place)
            }
            return .tokens(ids)
        }
        if let turns = value["turns"] {
            guard let first = turns.array?.first else {
                throw wrong("turns", "an array of texts", turns, place)
            }
            return .messages([ChatMessage(role: .user, content: try text(first, "turns", place))])
        }
        if let messages = value["messages"] { return .messages(try conversation(messages, place)) }
        throw .missingField(file: place, field: "prompt", expected: "prompt, text, tokens, turns or messages")
    }

    /// The messages up to the last question; answers after it are dropped.
    private static func conversation(
        _ value: JSONValue, _ place: String
    ) throws(FormatError) -> [ChatMessage] {
        guard let items = value.array else { throw wrong("messages", "an array", value, place) }
        var messages = [ChatMessage]()
        for item in items {
            guard let role = item["role"]?.string.flatMap(ChatMessage.Role.init(rawValue:)) else {
                throw wrong("role", "system, user or assistant", item["role"] ?? .null, place)
            }
            let content = try text(item["content"] ?? .null, "content", place)
            messages.append(ChatMessage(role: role, content: content))
        }
        guard let last = messages.lastIndex(where: { $0.role == .user }) else {
            throw wrong("messages", "a message of the user", value, place)
        }
        return Array(messages[...last])
    }

    private static func text(
        _ value: JSONValue, _ field: String, _ place: String
    ) throws(FormatError) -> String {
        guard let text = value.string, !text.isEmpty else {
            throw wrong(field, "a text that is not empty", value, place)
        }
        return text
    }

    private static func wrong(
        _ field: String, _ expected: String, _ value: JSONValue, _ place: String
    ) -> FormatError {
        .invalid(file: place, field: field, expected: expected, got: value.summary, offset: nil)
    }
}

extension PromptSet {
    /// A few prompts of different kinds, for a first look.
    public static let builtIn = PromptSet(
        name: "built-in",
        prompts: [
            question(
                "writing", "Write a short story about a lighthouse keeper who finds a message in a bottle."),
            question("explaining", "Explain to a ten-year-old why the sea is salty."),
            question(
                "coding", "Write a Python function that returns the n-th Fibonacci number, with a docstring."),
            question(
                "reasoning",
                "A train leaves at 9:40 and arrives at 13:05. It stops twice on the way, ten minutes each. How long does "
                    + "it move? Show each step."),
            question("listing", "List the days of the week and write one sentence about each."),
            question(
                "summarizing",
                "Summarize this text in three sentences: \(harbour)"),
            question(
                "editing",
                "Repeat this text, but write it in the past tense: \(harbour)"),
            question(
                "extracting",
                "List every number in this text with what it counts: \(harbour)"),
        ])

    private static func question(_ category: String, _ text: String) -> ComparisonPrompt {
        ComparisonPrompt(
            name: category, category: category,
            content: .messages([ChatMessage(role: .user, content: text)]))
    }

    private static let harbour = """
        The harbour of Linden has three piers. The oldest pier is made of oak and holds 14 fishing boats. The second pier \
        is made of stone and holds 6 ferries, which carry 900 passengers a day to the islands. The newest pier is made of \
        steel and holds 2 cranes that unload grain. Every morning at 5, the fishing boats leave the oldest pier, and every \
        evening at 7, they come back with herring, cod and crabs.
        """
}
