#if Server
    import HTTPTypes
    import Logging
    import NIOCore
    import NIOHTTP1
    import NIOHTTPTypesHTTP1

    extension Gate {
        func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
            let part = unwrapOutboundIn(data)
            let promise = watched(promise, context)
            switch part {
            case .head(var head):
                guard head.status.code >= 200, let first = passed.first else { break }
                isAnswering = true
                head.headers.replaceOrAdd(name: "date", value: HTTPDate.now)
                if first.isOld { head.version = .http1_0 }
                if first.endsConnection || isDraining || refusal != nil {
                    head.headers.replaceOrAdd(name: "connection", value: "close")
                }
                for field in first.extraFields {
                    head.headers.replaceOrAdd(name: field.name.rawName, value: field.value)
                }
                context.write(wrapOutboundOut(.head(head)), promise: promise)
                return
            case .body:
                if passed.first?.isHead ?? false { return promise.succeed() }
            case .end:
                let ended = passed.popFirst()
                isAnswering = false
                if (ended?.endsConnection ?? true) || (isDraining && passed.isEmpty) {
                    reading = .ended
                    promise.futureResult.assumeIsolated().whenComplete { _ in self.finish(context) }
                } else {
                    context.write(data, promise: promise)
                    return answered(context)
                }
            }
            context.write(data, promise: promise)
        }

        /// What waits for the answer that is written now.
        private func answered(_ context: ChannelHandlerContext) {
            if let refusal, passed.isEmpty {
                self.refusal = nil
                return write(refusal.error, refusal.route, context)
            }
            if owesContinue, passed.isEmpty {
                owesContinue = false
                writeContinue(context)
            }
            if passed.isEmpty, case .nothing = reading { wait(for: limits.idleTime, context) }
        }

        func writeContinue(_ context: ChannelHandlerContext) {
            let head = HTTPResponseHead(version: .http1_1, status: .continue)
            context.writeAndFlush(wrapOutboundOut(.head(head)), promise: nil)
        }

        // MARK: Refusals

        /// Answers with an error, after the answers to what came before, and ends the connection: what follows cannot be told from
        /// the rest of the request.
        func refuse(_ error: APIError, _ route: String, _ context: ChannelHandlerContext) {
            if case .ended = reading { return }
            reading = .ended
            deadline?.cancel()
            guard passed.isEmpty else {
                refusal = (error, route)
                return
            }
            write(error, route, context)
        }

        private func write(_ error: APIError, _ route: String, _ context: ChannelHandlerContext) {
            let body = ByteBuffer(bytes: error.json.encoded())
            var head = HTTPResponseHead(error.response(bytes: body.readableBytes))
            head.headers.replaceOrAdd(name: "connection", value: "close")
            head.headers.replaceOrAdd(name: "date", value: HTTPDate.now)
            for field in corsFields {
                head.headers.replaceOrAdd(name: field.name.rawName, value: field.value)
            }
            log.info(
                "refused",
                metadata: [
                    "request": "\(route)", "status": "\(error.status.code)", "reason": "\(error.message)",
                ])
            context.write(wrapOutboundOut(.head(head)), promise: nil)
            if !route.hasPrefix("HEAD ") {
                context.write(wrapOutboundOut(.body(.byteBuffer(body))), promise: nil)
            }
            let promise = context.eventLoop.makePromise(of: Void.self)
            promise.futureResult.assumeIsolated().whenComplete { _ in self.finish(context) }
            context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: watched(promise, context))
        }

        /// Ends the connection so that the client can still read the answer: what it sends meanwhile is read and dropped, since bytes
        /// that nobody reads make the system throw the answer away.
        func finish(_ context: ChannelHandlerContext) {
            guard context.channel.isActive else { return }
            deadline?.cancel()
            context.close(mode: .output, promise: nil)
            deadline = context.eventLoop.assumeIsolated().scheduleTask(in: Self.lingering) {
                context.close(promise: nil)
            }
        }

        /// How long a client may take to notice that the connection has ended.
        private static let lingering = TimeAmount.seconds(2)

        // MARK: Time

        /// Starts a deadline for what comes next.
        func wait(for time: Duration, _ context: ChannelHandlerContext) {
            deadline?.cancel()
            let part = isSilent ? min(time, Self.silentTime) : time
            deadline = context.eventLoop.assumeIsolated().scheduleTask(in: TimeAmount(part)) {
                if time <= part {
                    self.isTooLate(context)
                } else if self.crowd.makesRoom() {
                    // A connection without a request gives way at once to one that may have some.
                    self.reading = .ended
                    context.close(promise: nil)
                } else {
                    self.wait(for: time - part, context)
                }
            }
        }

        /// Nothing is answered, and no whole header is there.
        private var isSilent: Bool {
            switch reading {
            case .nothing, .head: passed.isEmpty
            case .body, .ended: false
            }
        }

        /// For which a connection may be silent while others wait for their turn.
        private static let silentTime = Duration.seconds(1)

        private func isTooLate(_ context: ChannelHandlerContext) {
            switch reading {
            case .nothing: if passed.isEmpty { context.close(promise: nil) }
            case .ended: context.close(promise: nil)
            case .head, .body:
                let isBody = if case .body = reading { true } else { false }
                // While earlier requests are answered, nothing is read.
                if !passed.isEmpty {
                    wait(for: isBody ? limits.bodyTime : limits.headerTime, context)
                } else {
                    refuse(isBody ? .bodyTooLate : .headersTooLate, "", context)
                }
            }
        }

        /// A promise for a write that is watched: while one is open, the client must read.
        private func watched(
            _ promise: EventLoopPromise<Void>?, _ context: ChannelHandlerContext
        ) -> EventLoopPromise<Void> {
            let promise = promise ?? context.eventLoop.makePromise()
            if openWrites == 0 {
                lastWrite = .now()
                if stallCheck == nil { checkStall(in: TimeAmount(limits.stallTime), context) }
            }
            openWrites += 1
            promise.futureResult.assumeIsolated().whenComplete { _ in
                self.openWrites -= 1
                self.lastWrite = .now()
            }
            return promise
        }

        private func checkStall(in time: TimeAmount, _ context: ChannelHandlerContext) {
            stallCheck = context.eventLoop.assumeIsolated().scheduleTask(in: time) {
                self.stallCheck = nil
                guard self.openWrites > 0 else { return }
                let rest = self.lastWrite + TimeAmount(self.limits.stallTime) - .now()
                guard rest <= .zero else { return self.checkStall(in: rest, context) }
                self.log.notice("the client reads nothing: cut off")
                context.close(promise: nil)
            }
        }
    }

    extension APIError {
        /// The head of the answer.
        func response(bytes: Int) -> HTTPResponse {
            var fields: HTTPFields = [.contentType: "application/json", .contentLength: "\(bytes)"]
            if let retryAfter { fields[.retryAfter] = "\(retryAfter)" }
            if let allowed { fields[.allow] = allowed }
            if status == .unauthorized { fields[.wwwAuthenticate] = "Bearer" }
            return HTTPResponse(status: status, headerFields: fields)
        }
    }
#endif
