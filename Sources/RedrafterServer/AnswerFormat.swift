#if Server
    import Redrafter
    import RedrafterFormats
    import RedrafterModels
    import RedrafterPlatform
    import RedrafterServing

    /// How an answer is written: whole, or as chunks of a stream.
    struct AnswerFormat {
        let kind: TextRequest.Kind
        let includesUsage: Bool
        let tokenizer: Tokenizer
        /// The same for all chunks of an answer.
        let id: String
        private let created = time(nil)
        private let model: String

        init(_ request: TextRequest, _ served: Served) {
            kind = request.kind
            includesUsage = request.includesUsage
            tokenizer = served.model.tokenizer
            model = served.name
            let number = String(UInt64.random(in: 0...UInt64.max), radix: 36)
            id = (kind == .chat ? "chatcmpl-" : "cmpl-") + number
        }

        // MARK: Whole

        /// - Parameter results: for each choice.
        func whole(_ results: [GenerationResult]) -> JSONValue {
            let choices = results.enumerated().map { index, result in
                let logProbabilities = logProbabilities(result.logProbabilities, offset: 0)
                let text: (String, JSONValue) =
                    kind == .chat
                    ? (
                        "message",
                        .object(["role": .string("assistant"), "content": .string(result.text)])
                    ) : ("text", .string(result.text))
                return JSONValue.object(
                    JSONObject([
                        (ByteSlice("index"), .integer(index)), (ByteSlice(text.0), text.1),
                        (ByteSlice("logprobs"), logProbabilities),
                        (ByteSlice("finish_reason"), .string(result.finishReason.rawValue)),
                    ]))
            }
            return .object([
                "id": .string(id), "object": .string(kind == .chat ? "chat.completion" : "text_completion"),
                "created": .integer(created), "model": .string(model), "choices": .array(choices),
                "usage": Self.usage(results), "timings": Self.timings(results[0]),
            ])
        }

        // MARK: Chunks

        /// The first chunk of a choice of a chat.
        func opening(_ choice: Int) -> JSONValue {
            chunk([
                .object([
                    "index": .integer(choice),
                    "delta": .object(["role": .string("assistant"), "content": .string("")]),
                    "logprobs": .null, "finish_reason": .null,
                ])
            ])
        }

        /// What a pass brought.
        /// - Parameter offset: characters of the answer before it.
        func update(_ update: EngineUpdate, choice: Int, offset: Int) -> JSONValue {
            let text = update.pieces.map(\.text).joined()
            let logs = logProbabilities(update.tokens.compactMap(\.logProbabilities), offset: offset)
            let pieces = update.pieces.map {
                JSONValue.object(["text": .string($0.text), "drafted": .bool($0.isDrafted)])
            }
            let pass = update.pass
            return chunk(
                [self.choice(choice, text: text, logs, finish: .null)],
                [
                    (
                        "redrafter",
                        .object([
                            "pieces": .array(pieces), "tokens": .integer(update.tokens.count),
                            "rows": .integer(pass.rows), "own_rows": .integer(pass.ownRows),
                            "texts": .integer(pass.texts),
                        ])
                    )
                ])
        }

        /// The last chunk of a choice.
        func ending(_ result: GenerationResult, choice: Int) -> JSONValue {
            chunk(
                [self.choice(choice, text: nil, .null, finish: .string(result.finishReason.rawValue))],
                [("timings", Self.timings(result))])
        }

        /// The chunk behind the last ones, where it was asked for.
        func closing(_ results: [GenerationResult]) -> JSONValue {
            chunk([], [("usage", Self.usage(results))])
        }

        private func choice(_ index: Int, text: String?, _ logs: JSONValue, finish: JSONValue) -> JSONValue {
            switch kind {
            case .chat:
                .object([
                    "index": .integer(index),
                    "delta": text.map { .object(["content": .string($0)]) } ?? .object([:]),
                    "logprobs": logs, "finish_reason": finish,
                ])
            case .completion:
                .object([
                    "index": .integer(index), "text": .string(text ?? ""), "logprobs": logs,
                    "finish_reason": finish,
                ])
            }
        }

        private func chunk(_ choices: [JSONValue], _ more: [(String, JSONValue)] = []) -> JSONValue {
            var members: [(String, JSONValue)] = [
                ("id", .string(id)),
                ("object", .string(kind == .chat ? "chat.completion.chunk" : "text_completion")),
                ("created", .integer(created)), ("model", .string(model)), ("choices", .array(choices)),
            ]
            if includesUsage, !choices.isEmpty { members.append(("usage", .null)) }
            return .object(JSONObject((members + more).map { (ByteSlice($0.0), $0.1) }))
        }
    }
#endif
