#if Server
    import HTTPTypes
    import HummingbirdCore
    import Logging
    import NIOCore
    import RedrafterFormats
    import RedrafterServing

    /// Answers requests that the gate has let through.
    struct Routes: Sendable {
        let state: ServingState
        let options: ServerOptions
        let log: Logger
        private let page = Page.shipped

        init(_ state: ServingState, _ options: ServerOptions, _ log: Logger) {
            self.state = state
            self.options = options
            self.log = log
        }

        /// - Throws: where the client has gone.
        func respond(
            _ request: Request, _ writer: consuming ResponseWriter, _ client: ClientPresence
        ) async throws {
            let address = request.head.path ?? ""
            let route = Route(address: address)
            var record = RequestRecord(request.method, route, address)
            defer { client.unwatch() }
            do {
                let answer: Answer
                do { answer = try await prepare(request, route, client, &record) } catch let error as APIError
                {
                    record.metadata["reason"] = "\(error.message)"
                    answer = .reply(Reply(error))
                }
                let status: Int
                switch answer {
                case .reply(let reply):
                    status = reply.status.code
                    try await reply.write(to: writer)
                case .stream(let stream): status = try await write(stream, writer, client, &record)
                }
                record.write(to: log, status: status)
            } catch {
                record.write(to: log, status: nil)
                throw error
            }
        }

        /// What is written, before anything is.
        enum Answer {
            case reply(Reply)
            case stream(StartedStream)
        }

        private func prepare(
            _ request: Request, _ route: Route?, _ client: ClientPresence, _ record: inout RequestRecord
        ) async throws -> Answer {
            let body = try await request.body.collect(upTo: options.limits.bodyBytes)
            let route = try find(route, request.method)
            if request.method == .options { return .reply(.preflight) }
            switch route {
            case .model:
                let name = (request.head.path ?? "").prefix { $0 != "?" }.dropFirst(route.rawValue.count)
                return .reply(Reply(json: try state.served().description(ofModel: String(name))))
            case .chat: return try await text(.chat, body, client, &record)
            case .completion: return try await text(.completion, body, client, &record)
            default:
                return .reply(
                    try await LargeBodies.read(bytes: body.readableBytes) { try reply(to: route, body) })
            }
        }

        private func text(
            _ kind: TextRequest.Kind, _ body: ByteBuffer, _ client: ClientPresence,
            _ record: inout RequestRecord
        ) async throws -> Answer {
            let served = try state.served()
            let request = try await LargeBodies.read(bytes: body.readableBytes) {
                try TextRequest(kind, try Self.parse(body), served)
            }
            if options.logsPrompts {
                let bytes = served.model.tokenizer.decode(request.prompt, includingControl: true)
                record.metadata["prompt"] = "\(String(decoding: bytes, as: UTF8.self))"
            }
            return try await answer(request, served, client, &record)
        }

        private func find(_ route: Route?, _ method: HTTPRequest.Method) throws(APIError) -> Route {
            guard let route else {
                throw APIError(.notFound, "There is nothing at this address", code: "not_found")
            }
            guard route.allows(method) else { throw .method(allowed: route.allowed) }
            return route
        }

        /// The answers that need no generation.
        private func reply(to route: Route, _ body: ByteBuffer) throws(APIError) -> Reply {
            switch route {
            case .page: return Reply(page: page)
            case .health:
                _ = try state.served()
                return Reply(json: .object(["status": .string("ok")]))
            case .models: return Reply(json: try state.served().listing)
            case .metrics: return Reply(text: PrometheusText(try state.served().engine.metrics).text)
            case .tokenize: return Reply(json: try state.served().tokenize(try Self.parse(body)))
            case .detokenize: return Reply(json: try state.served().detokenize(try Self.parse(body)))
            case .model, .chat, .completion: preconditionFailure("\(route) is answered elsewhere")
            }
        }

        private static func parse(_ body: ByteBuffer) throws(APIError) -> JSONValue {
            do { return try JSONValue(parsing: body.readableBytesView, path: "the body") } catch {
                throw APIError(.badRequest, "\(error)", code: "invalid_json")
            }
        }
    }
#endif
