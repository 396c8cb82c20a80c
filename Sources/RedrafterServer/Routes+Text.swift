#if Server
    import HTTPTypes
    import HummingbirdCore
    import Logging
    import NIOCore
    import Redrafter
    import RedrafterFormats
    import RedrafterServing

    extension Routes {
        /// Generates the choices of a request: all of them, or what has to come before a stream of them. A client that closes the
        /// connection ends them.
        /// - Throws: `APIError`; `ClientGone`.
        func answer(
            _ request: TextRequest, _ served: Served, _ channel: any Channel, _ record: inout RequestRecord
        ) async throws -> Answer {
            let answers = try Self.submit(request, to: served.engine)
            channel.closeFuture.whenComplete { _ in for answer in answers { answer.cancel() } }
            let format = AnswerFormat(request, served)
            record.metadata["id"] = "\(format.id)"
            if request.isStreamed {
                var events = MergedAnswers.events(of: answers).makeAsyncIterator()
                // Before the first event an error still has a status of its own.
                let first = try await Self.mapping(request) { try await events.next() }
                if case .finished(let result) = first?.1 { try Self.requireWhole([result], channel) }
                return .stream(
                    StartedStream(
                        request: request, format: AnswerStream(format, choices: answers.count), first: first,
                        events: events))
            }
            let results = try await Self.mapping(request) {
                var results = [GenerationResult]()
                for answer in answers { results.append(try await answer.result()) }
                return results
            }
            record.add(results)
            try Self.requireWhole(results, channel)
            if options.logsPrompts { record.metadata["answer"] = "\(results[0].text)" }
            return .reply(Reply(json: format.whole(results)))
        }

        /// All choices, or none.
        private static func submit(_ request: TextRequest, to engine: Engine) throws(APIError)
            -> [EngineAnswer]
        {
            var answers = [EngineAnswer]()
            for choice in 0..<request.choices {
                do { answers.append(try engine.submit(request.engineRequest(choice: choice))) } catch {
                    for answer in answers { answer.cancel() }
                    throw APIError(error, request.kind)
                }
            }
            return answers
        }

        /// Runs what waits for the engine, and says its errors in OpenAI's terms.
        static func mapping<Value>(
            _ request: TextRequest, _ body: () async throws -> Value
        ) async throws(APIError) -> Value {
            do { return try await body() } catch {
                if let error = error as? EngineError { throw APIError(error, request.kind) }
                throw APIError(.internalServerError, "The answer ended without a reason")
            }
        }

        /// A text that was cut short is no answer.
        /// - Throws: `ClientGone`, or 503 where the server has run out of time.
        static func requireWhole(_ results: [GenerationResult], _ channel: any Channel) throws {
            guard channel.isActive else { throw ClientGone() }
            if results.contains(where: { $0.finishReason == .cancelled }) { throw APIError.draining }
        }

        /// Writes a stream to its end, and gives the status for the log.
        /// - Throws: what the connection throws.
        func write(
            _ started: StartedStream, _ writer: consuming ResponseWriter, _ channel: any Channel,
            _ record: inout RequestRecord
        ) async throws -> Int {
            var (stream, events) = (started.format, started.events)
            defer {
                record.add(stream.results)
                record.metadata["sent"] = "\(stream.tokens)"
            }
            let fields: HTTPFields = [
                .contentType: "text/event-stream", .cacheControl: "no-store",
                .xContentTypeOptions: "nosniff", .xAccelBuffering: "no",
            ]
            var body = try await writer.writeHead(HTTPResponse(status: .ok, headerFields: fields))
            var status = HTTPResponse.Status.ok
            do {
                try await body.write(ByteBuffer(bytes: stream.opening()))
                var next = started.first
                while let (choice, event) = next {
                    if case .finished(let result) = event { try Self.requireWhole([result], channel) }
                    try await body.write(ByteBuffer(bytes: stream.chunk(event, choice: choice)))
                    next = try await Self.mapping(started.request) { try await events.next() }
                }
                try await body.write(ByteBuffer(bytes: stream.closing()))
            } catch let error as APIError {
                // No end of the stream, and no reason why it has finished: it has failed.
                record.metadata["reason"] = "\(error.message)"
                status = error.status
                try await body.write(ByteBuffer(bytes: AnswerStream.event(error.json)))
            }
            try await body.finish(nil)
            if options.logsPrompts { record.metadata["answer"] = "\(stream.results.first?.text ?? "")" }
            return status.code
        }
    }

    /// A stream whose first event is there.
    struct StartedStream {
        var request: TextRequest
        var format: AnswerStream
        var first: (Int, EngineEvent)?
        var events: MergedAnswers.Stream.Iterator
    }

    /// The client has closed the connection.
    struct ClientGone: Error {}

    extension APIError {
        /// Why the engine does not answer.
        init(_ error: EngineError, _ kind: TextRequest.Kind) {
            switch error {
            case .queueFull(_, let retryAfter):
                self.init(
                    .tooManyRequests, "The server is full: \(error)", code: "queue_full",
                    retryAfter: max(1, retryAfter))
            case .stopping: self = .draining
            case .unknownDrafter: self = .field("drafter", "does not fit: \(error)", code: "invalid_value")
            case .request(let error): self.init(error, kind)
            }
        }
    }
#endif
