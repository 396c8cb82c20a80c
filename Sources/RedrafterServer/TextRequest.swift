#if Server
    import Redrafter
    import RedrafterCore
    import RedrafterFormats
    import RedrafterModels
    import RedrafterServing

    /// A request for text, checked: of `/v1/chat/completions` or `/v1/completions`.
    struct TextRequest {
        enum Kind {
            case chat
            case completion
        }

        var kind: Kind
        var prompt: [Int32]
        /// With the seed of the first choice.
        var parameters: GenerationParameters
        var choices = 1
        var isStreamed = false
        var includesUsage = false
        var drafter: String?
        var maximumRows = SpeculationOptions.defaultMaximumRows

        /// What the engine is asked for a choice: each has a seed of its own.
        func engineRequest(choice: Int) -> EngineRequest {
            var parameters = parameters
            parameters.sampling.seed &+= UInt64(choice)
            return EngineRequest(prompt, parameters, drafter: drafter, maximumRows: maximumRows)
        }
    }

    extension TextRequest {
        /// Reads a body.
        /// - Throws: 400 naming the field; 404 for another model; 422 where the text cannot be put into tokens.
        init(_ kind: Kind, _ body: JSONValue, _ served: Served) throws(APIError) {
            let fields = try RequestFields(body)
            try fields.allow(
                Self.common.union(kind == .chat ? Self.ofChat : Self.ofCompletion), ignoring: Self.ignored)
            try served.checkName(try fields.string("model"))
            self.kind = kind
            parameters = try fields.generationParameters(tokenCount: served.model.tokenCount)
            choices = try fields.integer("n", in: 1...served.engine.options.slots) ?? 1
            isStreamed = try fields.bool("stream") ?? false
            if let options = fields.value("stream_options") {
                let options = try RequestFields(options, place: "stream_options")
                try options.allow(["include_usage", "include_obfuscation"])
                try options.refuse("include_obfuscation") { $0.bool == false }
                includesUsage = try options.bool("include_usage") ?? false
                guard isStreamed else {
                    throw .field("stream_options", "is for streams; set 'stream' as well")
                }
            }
            drafter = try fields.string("drafter")
            maximumRows = try fields.maximumRows()
            switch kind {
            case .chat:
                try fields.refuseUnsupportedOfChat()
                prompt = try served.prompt(try fields.messages())
            case .completion:
                try fields.refuseUnsupportedOfCompletion()
                prompt = try fields.prompt(served)
            }
            guard !prompt.isEmpty else { throw .field(kind == .chat ? "messages" : "prompt", "is empty") }
            guard prompt.count < served.model.contextLength else {
                throw APIError(
                    .promptTooLong(tokens: prompt.count, contextLength: served.model.contextLength), kind)
            }
        }

        /// Fields of both routes.
        private static let common: Set = [
            "model", "n", "stream", "stream_options", "max_tokens", "temperature", "top_p", "top_k", "min_p",
            "seed", "stop", "presence_penalty", "frequency_penalty", "repeat_penalty", "repeat_last_n",
            "logit_bias", "logprobs", "drafter", "speculation",
        ]
        private static let ofChat: Set = [
            "messages", "max_completion_tokens", "top_logprobs", "response_format", "tools", "tool_choice",
            "functions", "function_call", "modalities",
        ]
        private static let ofCompletion: Set = ["prompt", "best_of", "echo", "suffix"]
        /// Notes for a service with accounts, and what changes no answer here.
        private static let ignored: Set = [
            "user", "safety_identifier", "store", "metadata", "service_tier", "prompt_cache_key",
            "prompt_cache_retention", "parallel_tool_calls", "cache_prompt",
        ]
    }

    extension RequestFields {
        /// What may not be asked for, unless the field asks for nothing.
        fileprivate func refuseUnsupportedOfChat() throws(APIError) {
            try refuse("tools") { $0.array?.isEmpty ?? false }
            try refuse("functions") { $0.array?.isEmpty ?? false }
            try refuse("tool_choice") { $0.string == "none" || $0.string == "auto" }
            try refuse("function_call") { $0.string == "none" || $0.string == "auto" }
            try refuse("response_format") { $0["type"]?.string == "text" }
            try refuse("modalities") { $0.array?.map(\.string) == ["text"] }
        }

        fileprivate func refuseUnsupportedOfCompletion() throws(APIError) {
            try refuse("best_of") { $0.integer == 1 }
            try refuse("echo") { $0.bool == false }
            try refuse("suffix") { $0.string == "" }
        }

        /// `speculation`: true, false or `{"max_rows": n}`.
        fileprivate func maximumRows() throws(APIError) -> Int {
            guard let value = value("speculation") else { return SpeculationOptions.defaultMaximumRows }
            if let bool = value.bool { return bool ? SpeculationOptions.defaultMaximumRows : 1 }
            guard value.object != nil else { throw wrong("speculation", "true, false or {\"max_rows\": n}") }
            let fields = try RequestFields(value, place: name("speculation"))
            try fields.allow(["max_rows"])
            return try fields.integer("max_rows", in: 1...TreeLimits.maximumRows)
                ?? SpeculationOptions.defaultMaximumRows
        }
    }
#endif
