#if Server
    import Redrafter
    import RedrafterFormats
    import RedrafterModels

    extension Served {
        /// `/v1/models`
        var listing: JSONValue {
            .object(["object": .string("list"), "data": .array([description])])
        }

        /// `/v1/models/NAME`
        func description(ofModel name: String) throws(APIError) -> JSONValue {
            try checkName(name)
            return description
        }

        private var description: JSONValue {
            .object([
                "id": .string(name), "object": .string("model"), "created": .integer(created),
                "owned_by": .string("redrafter"),
                "meta": .object([
                    "n_ctx": .integer(model.contextLength), "n_vocab": .integer(model.tokenCount),
                    "slots": .integer(engine.options.slots),
                    "drafters": .array(engine.drafters.map(JSONValue.string)),
                ]),
            ])
        }

        /// `/tokenize`
        func tokenize(_ body: JSONValue) throws(APIError) -> JSONValue {
            let fields = try RequestFields(body)
            try fields.allow(["content", "add_special", "parse_special", "with_pieces", "model"])
            try checkName(try fields.string("model"))
            guard let content = try fields.string("content") else {
                throw fields.wrong("content", "a string")
            }
            let encoding = model.tokenizer.encode(
                bytes: Array(content.utf8), parseSpecial: try fields.bool("parse_special") ?? true,
                addsSpecial: try fields.bool("add_special") ?? false)
            guard encoding.droppedBytes == 0 else {
                throw APIError(
                    .unprocessableContent,
                    "\(encoding.droppedBytes) bytes of the text have no token in this model",
                    parameter: "content")
            }
            let withPieces = try fields.bool("with_pieces") ?? false
            return .object([
                "tokens": .array(
                    encoding.tokens.map { token in
                        withPieces
                            ? .object(["id": .integer(Int(token)), "piece": piece(of: token)])
                            : .integer(Int(token))
                    })
            ])
        }

        /// Text, or a list of bytes where they are no text of their own.
        private func piece(of token: Int32) -> JSONValue {
            let bytes = model.tokenizer.text(of: token)
            if let text = String(validating: bytes, as: UTF8.self) { return .string(text) }
            return .array(bytes.map { .integer(Int($0)) })
        }

        /// `/detokenize`
        func detokenize(_ body: JSONValue) throws(APIError) -> JSONValue {
            let fields = try RequestFields(body)
            try fields.allow(["tokens", "model"])
            try checkName(try fields.string("model"))
            guard let values = fields.value("tokens")?.array else {
                throw fields.wrong("tokens", "an array of token ids")
            }
            let tokens = try fields.tokens("tokens", values, below: model.tokenizer.tokenCount)
            let bytes = model.tokenizer.decode(tokens, includingControl: true)
            return .object(["content": .string(String(decoding: bytes, as: UTF8.self))])
        }
    }
#endif
