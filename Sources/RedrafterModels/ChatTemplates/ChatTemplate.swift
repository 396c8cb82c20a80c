/// One turn of a conversation.
public struct ChatMessage: Sendable, Hashable {
    public enum Role: String, Sendable {
        case system
        case user
        case assistant
    }

    public var role: Role
    public var content: String

    public init(role: Role, content: String) {
        self.role = role
        self.content = content
    }
}

/// A piece of a rendered prompt. Control text holds the format's special tokens; content is plain text, in which a
/// special token's spelling means nothing.
public enum PromptSegment: Sendable, Hashable {
    case control(String)
    case content(String)

    /// The text of either.
    public var text: String {
        switch self {
        case .control(let text), .content(let text): text
        }
    }
}

/// Why a model's chat format cannot be used.
public enum ChatTemplateError: Error, Sendable, Equatable, CustomStringConvertible {
    case missing(file: String)
    case unrecognised(file: String)

    /// An exit code of sysexits.
    public var exitCode: Int32 { 65 }

    public var description: String {
        let remedy = "pass --no-chat-template to continue plain text"
        return switch self {
        case .missing(let file): "\(file): the model has no chat template; \(remedy)"
        case .unrecognised(let file):
            "\(file): the chat template is none of ChatML, Llama 2, Llama 3, Vicuna, Zephyr, Mistral; \(remedy)"
        }
    }
}

/// The chat formats in use among the supported model families, recognised from the file's Jinja source.
public enum ChatTemplate: Sendable, Hashable {
    /// `<|im_start|>role\ncontent<|im_end|>\n`; a default system message where the template has one.
    case chatML(defaultSystem: String?)
    case llama2
    case llama3
    case vicuna
    case zephyr
    /// Spaces around `[INST]` differ between tokenizer versions.
    case mistral(spaceBeforeUser: Bool, spaceAfterInstruction: Bool)

    /// - Throws: `ChatTemplateError` for a missing or unknown template.
    public init(recognising source: String?, file: String) throws(ChatTemplateError) {
        guard let source, !source.isEmpty else { throw .missing(file: file) }
        if source.contains("<|im_start|>") {
            self = .chatML(defaultSystem: Self.chatMLDefault(source))
        } else if source.contains("<|start_header_id|>") {
            self = .llama3
        } else if source.contains("[INST]") {
            if source.contains("<<SYS>>") {
                self = .llama2
            } else {
                // v1: "[INST] text [/INST]", v3: "[INST] text[/INST]", tekken: "[INST]text[/INST]"
                self = .mistral(
                    spaceBeforeUser: source.contains("[INST] ") || source.contains("' [INST] '"),
                    spaceAfterInstruction: source.contains(" [/INST]"))
            }
        } else if source.contains("<|user|>"), source.contains("<|assistant|>") {
            self = .zephyr
        } else if source.contains("USER: "), source.contains("ASSISTANT:") {
            self = .vicuna
        } else {
            throw .unrecognised(file: file)
        }
    }

    /// The text behind the first `<|im_start|>system\n` of the source, up to the end of that turn, if it is literal.
    private static func chatMLDefault(_ source: String) -> String? {
        for opening in ["<|im_start|>system\n", "<|im_start|>system\\n"] {
            guard let start = source.range(of: opening) else { continue }
            let rest = source[start.upperBound...]
            guard let end = rest.range(of: "<|im_end|>") else { continue }
            let text = rest[..<end.lowerBound]
            if !text.isEmpty, !text.contains("{"), !text.contains("'") || text.contains("\\'") {
                return String(text)
            }
        }
        return nil
    }

    /// The prompt for a conversation.
    /// - Parameter addGenerationPrompt: ends with the header of the assistant's turn.
    public func render(_ messages: [ChatMessage], addGenerationPrompt: Bool = true) -> [PromptSegment] {
        switch self {
        case .chatML(let defaultSystem): renderChatML(messages, defaultSystem, addGenerationPrompt)
        case .llama3: renderLlama3(messages, addGenerationPrompt)
        case .zephyr: renderZephyr(messages, addGenerationPrompt)
        case .vicuna: renderVicuna(messages, addGenerationPrompt)
        case .llama2:
            renderInstruction(messages, isLlama2: true, open: "[INST] ", close: " [/INST]", end: " </s>")
        case .mistral(let before, let after):
            renderInstruction(
                messages, isLlama2: false, open: before ? "[INST] " : "[INST]",
                close: after ? " [/INST]" : "[/INST]",
                end: "</s>")
        }
    }

    private func renderChatML(
        _ messages: [ChatMessage], _ defaultSystem: String?, _ addGenerationPrompt: Bool
    ) -> [PromptSegment] {
        var result = [PromptSegment]()
        if let defaultSystem, messages.first?.role != .system {
            result.append(.control("<|im_start|>system\n\(defaultSystem)<|im_end|>\n"))
        }
        for message in messages {
            result.append(.control("<|im_start|>\(message.role.rawValue)\n"))
            result.append(.content(message.content))
            result.append(.control("<|im_end|>\n"))
        }
        if addGenerationPrompt { result.append(.control("<|im_start|>assistant\n")) }
        return result
    }

    private func renderLlama3(_ messages: [ChatMessage], _ addGenerationPrompt: Bool) -> [PromptSegment] {
        func header(_ role: ChatMessage.Role) -> String {
            "<|start_header_id|>\(role.rawValue)<|end_header_id|>\n\n"
        }
        var result = [PromptSegment]()
        for message in messages {
            result.append(.control(header(message.role)))
            result.append(.content(message.content.trimmingWhitespace()))
            result.append(.control("<|eot_id|>"))
        }
        if addGenerationPrompt { result.append(.control(header(.assistant))) }
        return result
    }

    private func renderZephyr(_ messages: [ChatMessage], _ addGenerationPrompt: Bool) -> [PromptSegment] {
        var result = [PromptSegment]()
        for message in messages {
            result.append(.control("<|\(message.role.rawValue)|>\n"))
            result.append(.content(message.content))
            result.append(.control("</s>\n"))
        }
        if addGenerationPrompt { result.append(.control("<|assistant|>\n")) }
        return result
    }

    private func renderVicuna(_ messages: [ChatMessage], _ addGenerationPrompt: Bool) -> [PromptSegment] {
        let standard =
            "A chat between a curious user and an artificial intelligence assistant. "
            + "The assistant gives helpful, detailed, and polite answers to the user's questions."
        var result = [PromptSegment]()
        if messages.first?.role != .system { result.append(.control(standard + " ")) }
        for message in messages {
            switch message.role {
            case .system:
                result.append(.content(message.content))
                result.append(.control(" "))
            case .user:
                result.append(.control("USER: "))
                result.append(.content(message.content))
                result.append(.control(" "))
            case .assistant:
                result.append(.control("ASSISTANT: "))
                result.append(.content(message.content))
                result.append(.control("</s>"))
            }
        }
        if addGenerationPrompt { result.append(.control("ASSISTANT:")) }
        return result
    }

    /// Llama 2 and Mistral: user turns in `[INST] … [/INST]`, the system message inside the first.
    private func renderInstruction(
        _ messages: [ChatMessage], isLlama2: Bool, open: String, close: String, end: String
    ) -> [PromptSegment] {
        var result = [PromptSegment]()
        var system: String?
        var isFirst = true
        for message in messages {
            switch message.role {
            case .system: system = message.content
            case .user:
                // The tokenizer puts <s> before the prompt; Llama 2 puts it before every further turn, too.
                result.append(.control((isLlama2 && !isFirst ? "<s>" : "") + open))
                if let text = system {
                    if isLlama2 { result.append(.control("<<SYS>>\n")) }
                    result.append(.content(text))
                    result.append(.control(isLlama2 ? "\n<</SYS>>\n\n" : "\n\n"))
                    system = nil
                }
                result.append(.content(message.content))
                result.append(.control(close))
                isFirst = false
            case .assistant:
                if isLlama2 { result.append(.control(" ")) }
                result.append(.content(message.content))
                result.append(.control(end))
            }
        }
        return result
    }
}

extension String {
    fileprivate func trimmingWhitespace() -> String {
        let isBlank: (Character) -> Bool = { $0.isWhitespace }
        return String(drop(while: isBlank).reversed().drop(while: isBlank).reversed())
    }

    fileprivate func range(of other: String) -> Range<Index>? { self[...].range(of: other) }
}

extension Substring {
    fileprivate func range(of other: String) -> Range<Index>? {
        let (text, wanted) = (utf8, Array(other.utf8))
        var at = text.startIndex
        while let start = text[at...].firstIndex(of: wanted[0]) {
            if text[start...].starts(with: wanted) {
                return start..<text.index(start, offsetBy: wanted.count)
            }
            at = text.index(after: start)
        }
        return nil
    }

    fileprivate func contains(_ other: String) -> Bool { range(of: other) != nil }
}
