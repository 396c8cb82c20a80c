#if Server
    import Redrafter
    import RedrafterCore
    import RedrafterFormats

    extension AnswerFormat {
        /// Tokens of all choices together; the prompt is one.
        static func usage(_ results: [GenerationResult]) -> JSONValue {
            let prompt = results[0].promptTokens
            let completion = results.reduce(0) { $0 + $1.tokens.count }
            return .object([
                "prompt_tokens": .integer(prompt), "completion_tokens": .integer(completion),
                "total_tokens": .integer(prompt + completion),
                "prompt_tokens_details": .object(["cached_tokens": .integer(results[0].timings.cachedTokens)]
                ),
            ])
        }

        /// Where the time went, as llama-server says it.
        static func timings(_ result: GenerationResult) -> JSONValue {
            let timings = result.timings
            let prompt = timings.prompt / .milliseconds(1)
            let predicted = timings.predicted / .milliseconds(1)
            return .object([
                "cache_n": .integer(timings.cachedTokens),
                "prompt_n": .integer(timings.promptTokens),
                "prompt_ms": .double(prompt),
                "prompt_per_token_ms": .double(prompt / Double(max(1, timings.promptTokens))),
                "prompt_per_second": .double(timings.promptPerSecond),
                "predicted_n": .integer(timings.predictedTokens),
                "predicted_ms": .double(predicted),
                "predicted_per_token_ms": .double(predicted / Double(max(1, timings.predictedTokens))),
                "predicted_per_second": .double(timings.predictedPerSecond),
                "draft_n": .integer(result.speculation.draftTokens),
                "draft_n_accepted": .integer(result.speculation.acceptedTokens),
            ])
        }

        /// In the form of the route; `null` where they were not asked for. The token that ends an answer is no part of it.
        /// - Parameter offset: characters of the answer before the first of these tokens.
        func logProbabilities(_ all: [TokenLogProbabilities], offset: Int) -> JSONValue {
            let tokens = all.filter { !tokenizer.endOfGeneration.contains($0.token) }
            guard !tokens.isEmpty else { return .null }
            return kind == .chat ? ofChat(tokens) : ofCompletion(tokens, offset)
        }

        private func ofChat(_ tokens: [TokenLogProbabilities]) -> JSONValue {
            func entry(_ token: Int32, _ value: Double) -> [(ByteSlice, JSONValue)] {
                let bytes = tokenizer.text(of: token)
                return [
                    (ByteSlice("token"), .string(String(decoding: bytes, as: UTF8.self))),
                    (ByteSlice("logprob"), .double(max(value, Self.leastLogProbability))),
                    (ByteSlice("bytes"), .array(bytes.map { .integer(Int($0)) })),
                ]
            }
            let content = tokens.map { token in
                let top = token.top.map { JSONValue.object(JSONObject(entry($0.token, $0.logProbability))) }
                return JSONValue.object(
                    JSONObject(
                        entry(token.token, token.logProbability) + [(ByteSlice("top_logprobs"), .array(top))])
                )
            }
            return .object(["content": .array(content)])
        }

        private func ofCompletion(_ tokens: [TokenLogProbabilities], _ offset: Int) -> JSONValue {
            func text(_ token: Int32) -> String { String(decoding: tokenizer.text(of: token), as: UTF8.self) }
            var offsets = [JSONValue]()
            var next = offset
            for token in tokens {
                offsets.append(.integer(next))
                next += text(token.token).unicodeScalars.count
            }
            let top = tokens.map { token in
                // Tokens that are different bytes of characters can have the same text: the first is the most probable.
                var members = [(ByteSlice, JSONValue)]()
                for entry in token.top {
                    let key = ByteSlice(text(entry.token))
                    guard !members.contains(where: { $0.0 == key }) else { continue }
                    members.append((key, .double(max(entry.logProbability, Self.leastLogProbability))))
                }
                return JSONValue.object(JSONObject(members))
            }
            return .object([
                "tokens": .array(tokens.map { .string(text($0.token)) }),
                "token_logprobs": .array(
                    tokens.map { .double(max($0.logProbability, Self.leastLogProbability)) }),
                "top_logprobs": .array(top), "text_offset": .array(offsets),
            ])
        }

        /// What OpenAI says of tokens that cannot come; JSON has no infinity.
        private static let leastLogProbability = -9999.0
    }
#endif
