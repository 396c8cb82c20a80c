#if Server
    import HTTPTypes
    import Redrafter
    import RedrafterModels
    import RedrafterPlatform
    import RedrafterServing

    /// The model that is served, under its names.
    struct Served: Sendable {
        let engine: Engine
        /// What answers call it.
        let name: String
        /// What requests may call it.
        let names: Set<String>
        /// Seconds since 1970.
        let created: Int

        var model: Model { engine.model }

        init(_ engine: Engine, alias: String?) {
            self.engine = engine
            let path = engine.model.path
            let file = String(path.split(separator: "/").last ?? path[...])
            let stem = file.hasSuffix(".gguf") ? String(file.dropLast(".gguf".count)) : file
            name = alias ?? stem
            names = [name, stem, file]
            created = time(nil)
        }

        /// - Throws: 404 for the name of another model.
        func checkName(_ wanted: String?) throws(APIError) {
            guard let wanted, !names.contains(wanted) else { return }
            throw APIError(
                .notFound, "There is no such model here; /v1/models lists what there is", parameter: "model",
                code: "model_not_found")
        }

        /// The tokens of a conversation.
        func prompt(_ messages: [ChatMessage]) throws(APIError) -> [Int32] {
            let encoding: Tokenizer.Encoding
            do { encoding = try model.prompt(messages) } catch { throw APIError(error, .chat) }
            return try whole(encoding, "messages")
        }

        /// The tokens of a text that is continued.
        func prompt(_ text: String) throws(APIError) -> [Int32] { try whole(model.prompt(text), "prompt") }

        private func whole(_ encoding: Tokenizer.Encoding, _ field: String) throws(APIError) -> [Int32] {
            guard encoding.droppedBytes == 0 else {
                throw APIError(
                    .unprocessableContent,
                    "\(encoding.droppedBytes) bytes of the text have no token in this model",
                    parameter: field)
            }
            return encoding.tokens
        }
    }
#endif
