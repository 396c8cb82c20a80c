extension ChatTemplate {
    /// The prompt for a conversation; the begin-of-sequence token that may stand before it is the tokenizer's matter.
    /// - Parameters:
    ///   - messages: the turns, a system message first where there is one.
    ///   - addGenerationPrompt: ends with the header of the assistant's turn.
    public func render(_ messages: [ChatMessage], addGenerationPrompt: Bool = true) -> [PromptSegment] {
        var prompt = Prompt()
        switch self {
        case .chatML(let defaultSystem): chatML(messages, defaultSystem, addGenerationPrompt, &prompt)
        case .llama3(let preamble): llama3(messages, preamble, addGenerationPrompt, &prompt)
        case .zephyr(let end):
            for message in messages {
                prompt.add("<|\(message.role.rawValue)|>\n", content: message.content, "\(end)\n")
            }
            if addGenerationPrompt { prompt.control("<|assistant|>\n") }
        case .vicuna(let format): vicuna(messages, format, addGenerationPrompt, &prompt)
        case .llama2(let format), .mistral(let format): instruction(messages, format, &prompt)
        }
        return prompt.segments
    }

    /// Segments in the making: neighbours of one kind become one, empty ones are left out.
    private struct Prompt {
        var segments: [PromptSegment] = []

        mutating func control(_ text: String) {
            guard !text.isEmpty else { return }
            if case .control(let before)? = segments.last {
                segments[segments.count - 1] = .control(before + text)
            } else {
                segments.append(.control(text))
            }
        }

        mutating func content(_ text: String) {
            if !text.isEmpty { segments.append(.content(text)) }
        }

        mutating func add(_ before: String, content text: String, _ after: String) {
            control(before)
            content(text)
            control(after)
        }
    }

    private func chatML(
        _ messages: [ChatMessage], _ defaultSystem: String?, _ addGenerationPrompt: Bool,
        _ prompt: inout Prompt
    ) {
        if let defaultSystem, messages.first?.role != .system {
            prompt.control("<|im_start|>system\n\(defaultSystem)<|im_end|>\n")
        }
        for message in messages {
            prompt.add("<|im_start|>\(message.role.rawValue)\n", content: message.content, "<|im_end|>\n")
        }
        if addGenerationPrompt { prompt.control("<|im_start|>assistant\n") }
    }

    private func llama3(
        _ messages: [ChatMessage], _ preamble: String?, _ addGenerationPrompt: Bool, _ prompt: inout Prompt
    ) {
        func header(_ role: ChatMessage.Role) -> String {
            "<|start_header_id|>\(role.rawValue)<|end_header_id|>\n\n"
        }
        var turns = messages[...]
        if let preamble {
            let system = turns.first?.role == .system ? turns.removeFirst().content : ""
            prompt.add(header(.system) + preamble, content: system.trimmed(), "<|eot_id|>")
        }
        for message in turns {
            prompt.add(header(message.role), content: message.content.trimmed(), "<|eot_id|>")
        }
        if addGenerationPrompt { prompt.control(header(.assistant)) }
    }

    private func vicuna(
        _ messages: [ChatMessage], _ format: VicunaFormat, _ addGenerationPrompt: Bool, _ prompt: inout Prompt
    ) {
        if let system = format.defaultSystem, messages.first?.role != .system {
            prompt.control(format.systemOpen + system + format.systemClose)
        }
        for message in messages {
            let text = format.trims && message.role != .system ? message.content.trimmed() : message.content
            switch message.role {
            case .system: prompt.add(format.systemOpen, content: text, format.systemClose)
            case .user: prompt.add(format.userOpen, content: text, format.userClose)
            case .assistant: prompt.add(format.answerOpen, content: text, format.answerClose)
            }
        }
        if addGenerationPrompt { prompt.control(format.generation) }
    }

    /// Llama 2 and Mistral: user turns between `[INST]` and `[/INST]`, the system message inside one of them or before.
    private func instruction(_ messages: [ChatMessage], _ format: InstructionFormat, _ prompt: inout Prompt) {
        let given = messages.first { $0.role == .system }?.content
        let users = messages.indices.filter { messages[$0].role == .user }
        let systemTurn = format.systemPlace == .lastUserTurn ? users.last : users.first
        for (index, message) in messages.enumerated() {
            switch message.role {
            case .system:
                if format.systemPlace == .turnOfItsOwn {
                    prompt.add(format.systemOpen, content: message.content, format.systemClose)
                }
            case .user:
                if index != users.first { prompt.control(format.repeatedBOS) }
                prompt.control(format.open)
                var hasSystem = false
                if index == systemTurn, format.systemPlace != .turnOfItsOwn {
                    if let given {
                        prompt.add(format.systemOpen, content: given, format.systemClose)
                        hasSystem = true
                    } else if let standard = format.defaultSystem {
                        prompt.control(format.systemOpen + standard + format.systemClose)
                        hasSystem = true
                    }
                }
                // Templates trim the system message and the user's as one text.
                let text = message.content.trimmed(
                    start: format.trimsUser && !hasSystem, end: format.trimsUser)
                prompt.content(text)
                prompt.control(format.close)
            case .assistant:
                let text = format.trimsAnswer ? message.content.trimmed() : message.content
                prompt.add(format.answerPrefix, content: text, format.answerSuffix)
            }
        }
    }
}

extension Tokenizer {
    /// The chat format the file's template describes. - Throws: `ChatTemplateError` for a missing or unknown one.
    public func chatTemplate() throws(ChatTemplateError) -> ChatTemplate {
        func spelling(_ token: Int32?, _ standard: String) -> String {
            token.map { String(decoding: bytes(of: $0), as: UTF8.self) } ?? standard
        }
        return try ChatTemplate(
            recognising: definition.chatTemplate, file: definition.file, bos: spelling(bos, "<s>"),
            eos: spelling(eos, "</s>"))
    }

    /// Tokens of a conversation in a chat format, ready to be continued by the assistant.
    public func encode(_ messages: [ChatMessage], using template: ChatTemplate) -> Encoding {
        encode(template.render(messages))
    }
}
