#if Server
    import HTTPTypes
    import Logging
    import NIOCore
    import NIOHTTP1
    import NIOHTTPTypesHTTP1

    /// Stands between a connection and the routes: lets whole requests through, of clients that may ask and keep to the limits, and
    /// answers the others itself.
    ///
    ///     bytes → ByteGate → HTTP/1 → Gate → routes
    ///                          ↑        │ refusals, 100 Continue
    ///                          └────────┘
    ///
    /// It also sees to it that answers arrive: a client that reads nothing is cut off, one that has gone is noticed. A client that
    /// closes its side may have gone, or wait for the answer: both look the same until something is sent. So 100 Continue is sent,
    /// which HTTP/1.1 clients skip and which makes the system of one that has gone say so.
    ///
    /// One for each connection, used on its event loop only.
    final class Gate: ChannelDuplexHandler {
        typealias InboundIn = HTTPServerRequestPart
        typealias InboundOut = HTTPServerRequestPart
        typealias OutboundIn = HTTPServerResponsePart
        typealias OutboundOut = HTTPServerResponsePart

        let limits: ServerLimits
        let policy: AccessPolicy
        let crowd: Crowd
        let log: Logger

        /// What comes from the client.
        enum Reading {
            /// Nothing of a request is there.
            case nothing
            case head(bytes: Int, hasLine: Bool)
            case body(Pending, ByteBuffer)
            /// The connection is about to end; nothing is looked at.
            case ended
        }

        /// A request whose body is not all there.
        struct Pending {
            var head: HTTPRequestHead
            var passed: Passed
        }

        /// A request that was let through and is not answered yet.
        struct Passed {
            var isHead: Bool
            /// HTTP/1.0: no chunks, and one request a connection.
            var isOld: Bool
            var endsConnection: Bool
            var extraFields: HTTPFields
        }

        var reading = Reading.nothing
        var passed = CircularBuffer<Passed>()
        /// The head of the answer to the first of them was written.
        var isAnswering = false
        /// What is answered once the requests before are.
        var refusal: (error: APIError, route: String)?
        /// What the answer to the last header says to a page of another origin.
        var corsFields: HTTPFields = [:]
        var owesContinue = false
        var isDraining = false
        private var isInputClosed = false

        var deadline: Scheduled<Void>?
        /// Writes that the system has not taken yet, and when it last took one.
        var openWrites = 0
        var lastWrite = NIODeadline.now()
        var stallCheck: Scheduled<Void>?

        init(_ limits: ServerLimits, _ policy: AccessPolicy, _ crowd: Crowd, _ log: Logger) {
            self.limits = limits
            self.policy = policy
            self.crowd = crowd
            self.log = log
        }

        // MARK: The connection

        func handlerAdded(context: ChannelHandlerContext) {
            if context.channel.isActive { opened(context) }
        }

        func channelActive(context: ChannelHandlerContext) {
            opened(context)
            context.fireChannelActive()
        }

        private func opened(_ context: ChannelHandlerContext) {
            if deadline == nil { wait(for: limits.headerTime, context) }
        }

        func channelInactive(context: ChannelHandlerContext) {
            reading = .ended
            deadline?.cancel()
            stallCheck?.cancel()
            context.fireChannelInactive()
        }

        func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
            switch event {
            case ChannelEvent.inputClosed:
                isInputClosed = true
                if case .ended = reading, passed.isEmpty {
                    context.close(promise: nil)
                } else if let first = passed.first, !isAnswering, !first.isOld {
                    writeContinue(context)
                }
            case is ChannelShouldQuiesceEvent:
                isDraining = true
                if case .nothing = reading, passed.isEmpty { context.close(promise: nil) }
            default: break
            }
            context.fireUserInboundEventTriggered(event)
        }

        func errorCaught(context: ChannelHandlerContext, error: any Error) {
            guard let error = error as? HTTPParserError else {
                // A reset, mostly.
                reading = .ended
                context.close(promise: nil)
                return
            }
            if error == .headerOverflow {
                refuse(.headersTooLarge(limits), "", context)
            } else if error != .invalidEOFState {
                refuse(APIError(error), "", context)
            } else {
                refuse(APIError(.badRequest, "The request ends before its end"), "", context)
            }
        }

        // MARK: Requests

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            if case .ended = reading { return }
            switch unwrapInboundIn(data) {
            case .head(let head):
                corsFields = [:]
                do throws(APIError) { try begin(head, context) } catch {
                    refuse(error, "\(head.method.rawValue) \(Route.shown(head.uri))", context)
                }
            case .body(var part):
                guard case .body(let pending, var body) = reading else { return }
                guard body.readableBytes + part.readableBytes <= limits.bodyBytes else {
                    return refuse(.bodyTooLarge(limits.bodyBytes), Route.shown(pending.head.uri), context)
                }
                reading = .nothing
                body.writeBuffer(&part)
                reading = .body(pending, body)
            case .end:
                guard case .body(let pending, let body) = reading else { return }
                reading = .nothing
                deadline?.cancel()
                passed.append(pending.passed)
                context.fireChannelRead(wrapInboundOut(.head(pending.head)))
                if body.readableBytes > 0 { context.fireChannelRead(wrapInboundOut(.body(body))) }
                context.fireChannelRead(wrapInboundOut(.end(nil)))
            }
        }

        func channelReadComplete(context: ChannelHandlerContext) { context.fireChannelReadComplete() }

        private func begin(_ head: HTTPRequestHead, _ context: ChannelHandlerContext) throws(APIError) {
            guard head.uri.utf8.count <= limits.addressBytes else {
                throw .addressTooLong(limits.addressBytes)
            }
            guard head.version.major == 1, head.headers["host"].count <= 1 else {
                throw APIError(.badRequest, "The request has two Host fields or is not HTTP/1")
            }
            let fields: HTTPRequest
            do { fields = try HTTPRequest(head, secure: false, splitCookie: false) } catch {
                throw APIError(.badRequest, "The method or a field of the header is not valid")
            }
            corsFields = policy.corsFields(fields)
            try policy.check(fields, needsKey: head.method != .OPTIONS && Route.needsKey(head.uri))
            try checkBody(fields)
            var head = head
            let isOld = head.version.minor == 0
            let endsConnection = !head.isKeepAlive || isOld
            if endsConnection { head.headers.replaceOrAdd(name: "connection", value: "close") }
            let request = Passed(
                isHead: head.method == .HEAD, isOld: isOld, endsConnection: endsConnection,
                extraFields: head.method == .OPTIONS
                    ? policy.preflightFields(fields) : policy.corsFields(fields))
            let expects = head.headers.contains(name: "expect")
            reading = .body(
                Pending(head: head, passed: request), context.channel.allocator.buffer(capacity: 0))
            wait(for: limits.bodyTime, context)
            if expects { if passed.isEmpty { writeContinue(context) } else { owesContinue = true } }
        }

        private func checkBody(_ request: HTTPRequest) throws(APIError) {
            let fields = request.headerFields
            if let expect = fields[.expect], expect.lowercased() != "100-continue" {
                throw APIError(.expectationFailed, "The server knows no expectation but 100-continue")
            }
            if let coding = fields[.transferEncoding], coding.lowercased() != "chunked" {
                throw APIError(
                    .notImplemented, "The body is coded for the transfer; send it whole or in chunks")
            }
            if let coding = fields[.contentEncoding], coding.lowercased() != "identity" {
                throw APIError(.unsupportedMediaType, "The body is compressed; send it as it is")
            }
            if let length = fields[.contentLength].flatMap({ Int($0) }), length > limits.bodyBytes {
                throw .bodyTooLarge(limits.bodyBytes)
            }
        }

        // MARK: Bytes, told by ByteGate

        /// Bytes are about to be parsed.
        func willParse(_ bytes: ByteBuffer, _ context: ChannelHandlerContext) {
            switch reading {
            case .nothing:
                reading = .head(bytes: bytes.readableBytes, hasLine: bytes.readableBytesView.contains(0x0A))
                wait(for: limits.headerTime, context)
            case .head(let count, let hasLine):
                reading = .head(
                    bytes: count + bytes.readableBytes,
                    hasLine: hasLine || bytes.readableBytesView.contains(0x0A))
            case .body, .ended: break
            }
        }

        /// They were; a header that still goes on must not be too long.
        func didParse(_ context: ChannelHandlerContext) {
            guard case .head(let count, let hasLine) = reading else { return }
            if !hasLine, count > limits.addressBytes + Self.lineBytes {
                refuse(.addressTooLong(limits.addressBytes), "", context)
            } else if count > limits.addressBytes + limits.headerBytes + Self.lineBytes {
                refuse(.headersTooLarge(limits), "", context)
            }
        }

        /// The method, the version and what separates them.
        private static let lineBytes = 64
    }

    /// Shows the bytes of a connection to its gate.
    final class ByteGate: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        typealias InboundOut = ByteBuffer
        private let gate: Gate
        private var gateContext: ChannelHandlerContext?

        init(_ gate: Gate) { self.gate = gate }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            if case .ended = gate.reading { return }
            do {
                let gateContext = try gateContext ?? context.pipeline.syncOperations.context(handler: gate)
                self.gateContext = gateContext
                gate.willParse(unwrapInboundIn(data), gateContext)
                context.fireChannelRead(data)
                gate.didParse(gateContext)
            } catch {
                context.close(promise: nil)
            }
        }

        func handlerRemoved(context: ChannelHandlerContext) { gateContext = nil }
    }
#endif
