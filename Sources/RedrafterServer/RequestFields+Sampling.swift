#if Server
    import Redrafter
    import RedrafterCore
    import RedrafterFormats

    extension RequestFields {
        /// How long the answer may be and how it is sampled; what is absent is as in `redrafter generate`.
        func generationParameters(tokenCount: Int) throws(APIError) -> GenerationParameters {
            let any = -Float.greatestFiniteMagnitude...Float.greatestFiniteMagnitude
            var sampling = SamplingParameters()
            sampling.temperature = try number("temperature", in: 0...Float.greatestFiniteMagnitude) ?? 0
            sampling.topK = try integer("top_k", in: -1...100_000_000) ?? sampling.topK
            if sampling.topK == -1 { sampling.topK = 0 }
            sampling.topP = try number("top_p", in: 0...1) ?? sampling.topP
            sampling.minP = try number("min_p", in: 0...1) ?? sampling.minP
            sampling.repeatPenalty =
                try number(
                    "repeat_penalty", in: Float.leastNormalMagnitude...Float.greatestFiniteMagnitude) ?? 1
            sampling.repeatLastN = try integer("repeat_last_n", in: -1...100_000_000) ?? sampling.repeatLastN
            sampling.presencePenalty = try number("presence_penalty", in: any) ?? 0
            sampling.frequencyPenalty = try number("frequency_penalty", in: any) ?? 0
            sampling.logitBias = try logitBias(tokenCount: tokenCount)
            sampling.seed = try unsigned("seed") ?? UInt64.random(in: 0...UInt64(UInt32.max))
            let parameters = GenerationParameters(
                maximumTokens: try maximumTokens(), stop: try stop(), sampling: sampling,
                topLogProbabilities: try topLogProbabilities())
            do { try parameters.validate() } catch { throw APIError(error) }
            return parameters
        }

        private func maximumTokens() throws(APIError) -> Int? {
            let old = try integer("max_tokens", in: 0...Int.max)
            let new = try integer("max_completion_tokens", in: 0...Int.max)
            if let old, let new, old != new {
                throw .field(
                    "max_completion_tokens", "is \(new), and 'max_tokens' is \(old); send one of them")
            }
            return new ?? old
        }

        /// A text or some.
        private func stop() throws(APIError) -> [String] {
            guard let value = value("stop") else { return [] }
            let values = value.array ?? [value]
            guard values.count <= Self.mostStops else {
                throw wrong("stop", "at most \(Self.mostStops) strings")
            }
            var texts = [String]()
            for value in values {
                guard let text = value.string, !text.isEmpty else {
                    throw wrong("stop", "a string or an array of strings, none empty")
                }
                texts.append(text)
            }
            return texts
        }

        private static let mostStops = 16

        /// Chat: `logprobs` true or false, and `top_logprobs`. Completions: `logprobs` alone, a number.
        private func topLogProbabilities() throws(APIError) -> Int? {
            let most = GenerationParameters.maximumTopLogProbabilities
            guard object["messages"] != nil else { return try integer("logprobs", in: 0...most) }
            let isWanted = try bool("logprobs") ?? false
            let top = try integer("top_logprobs", in: 0...most)
            if let top, !isWanted {
                throw .field("top_logprobs", "is \(top), and 'logprobs' is not true")
            }
            return isWanted ? top ?? 0 : nil
        }

        /// Token ids as strings, with what is added to their logits.
        private func logitBias(tokenCount: Int) throws(APIError) -> [Int32: Float] {
            guard let value = value("logit_bias") else { return [:] }
            guard let members = value.object else { throw wrong("logit_bias", "an object") }
            var bias = [Int32: Float]()
            for (key, value) in members {
                guard let text = key.string, let token = Int32(text), String(token) == text,
                    (0..<tokenCount).contains(Int(token))
                else {
                    throw .field(
                        name("logit_bias"),
                        "names the token '\(key.escaped(limit: 40))'; expected: 0 to \(tokenCount - 1)",
                        code: "invalid_value")
                }
                guard let amount = value.double, (-100...100).contains(amount) else {
                    throw .field(
                        name("logit_bias"), "has \(value.summary) for token \(token); expected: -100 to 100",
                        code: "invalid_value")
                }
                bias[token] = Float(amount)
            }
            return bias
        }
    }

    extension APIError {
        /// A parameter outside its range, by the name of the request's field.
        init(_ error: ParameterError) {
            let (name, got, allowed) =
                switch error {
                case .outOfRange(let name, let got, let allowed): (name, got, allowed)
                }
            let field =
                switch name {
                case "temp": "temperature"
                case "n-predict": "max_tokens"
                default: name.replacing("-", with: "_")
                }
            self = .field(field, "is \(got); expected: \(allowed)", code: "invalid_value")
        }

        /// Why a text is not generated.
        init(_ error: RedrafterError, _ kind: TextRequest.Kind) {
            let field = kind == .chat ? "messages" : "prompt"
            switch error {
            case .parameter(let error): self.init(error)
            case .promptTooLong(let tokens, let contextLength):
                self.init(
                    .badRequest,
                    "The prompt has \(tokens) tokens; the context holds \(contextLength) and needs room for an answer",
                    parameter: field, code: "context_length_exceeded")
            case .emptyPrompt: self = .field(field, "is empty")
            case .chatTemplate(let error):
                self.init(.unprocessableContent, error.description, parameter: field, code: "chat_template")
            case .transformer(.unknownToken): self = .field(field, error.description)
            default: self.init(.internalServerError, error.description, code: "numeric_or_internal")
            }
        }
    }
#endif
