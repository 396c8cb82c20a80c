#if Server
    import Redrafter
    import RedrafterCore
    import RedrafterFormats
    import RedrafterModels

    extension RequestFields {
        /// The conversation.
        func messages() throws(APIError) -> [ChatMessage] {
            guard let values = value("messages")?.array, !values.isEmpty else {
                throw wrong("messages", "an array with at least one message")
            }
            var messages = [ChatMessage]()
            for (index, value) in values.enumerated() {
                messages.append(try RequestFields(value, place: name("messages[\(index)]")).message())
            }
            return messages
        }

        private func message() throws(APIError) -> ChatMessage {
            try allow(["role", "content", "refusal", "annotations", "tool_calls", "function_call", "audio"])
            for key in ["refusal", "annotations", "tool_calls", "function_call", "audio"] {
                try refuse(key) { $0.array?.isEmpty ?? false }
            }
            let role: ChatMessage.Role
            switch try string("role") {
            // What newer models call the system message.
            case "system", "developer": role = .system
            case "user": role = .user
            case "assistant": role = .assistant
            default: throw wrong("role", "system, developer, user or assistant")
            }
            return ChatMessage(role: role, content: try content())
        }

        /// A text, or parts of one.
        private func content() throws(APIError) -> String {
            guard let parts = value("content")?.array else {
                guard let text = try string("content") else { throw wrong("content", "a string") }
                return text
            }
            var text = ""
            for (index, part) in parts.enumerated() {
                let fields = try RequestFields(part, place: name("content[\(index)]"))
                guard try fields.string("type") == "text" else { throw fields.wrong("type", "\"text\"") }
                try fields.allow(["type", "text"])
                guard let part = try fields.string("text") else { throw fields.wrong("text", "a string") }
                text += part
            }
            return text
        }

        /// `prompt`: a text, tokens, or an array of one of those.
        func prompt(_ served: Served) throws(APIError) -> [Int32] {
            guard let value = value("prompt") else { throw wrong("prompt", "a string or an array") }
            if let text = value.string { return try served.prompt(text) }
            guard let values = value.array, let first = values.first else {
                throw wrong("prompt", "a string, an array of token ids, or an array of one of these")
            }
            if first.string != nil || first.array != nil {
                guard values.count == 1 else {
                    throw .field(
                        name("prompt"), "holds \(values.count) prompts; send a request for each",
                        code: "unsupported_value")
                }
                if let text = first.string { return try served.prompt(text) }
            }
            return try tokens("prompt", first.array ?? values, below: served.model.tokenCount)
        }
    }
#endif
