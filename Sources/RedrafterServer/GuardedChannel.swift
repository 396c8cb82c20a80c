#if Server
    import HummingbirdCore
    import Logging
    import NIOCore
    import NIOHTTP1
    import NIOHTTPTypes
    import NIOHTTPTypesHTTP1

    /// A connection with a gate before the routes.
    struct GuardedChannel: ServerChildChannel, HTTPChannelHandler {
        typealias Value = NIOAsyncChannel<HTTPRequestPart, HTTPResponsePart>

        let limits: ServerLimits
        let policy: AccessPolicy
        let log: Logger

        init(_ routes: Routes, _ crowd: Crowd) {
            self.routes = routes
            self.crowd = crowd
            limits = routes.options.limits
            policy = AccessPolicy(routes.options)
            log = routes.log
        }

        let routes: Routes
        private let crowd: Crowd
        private(set) var responder: HTTPChannelHandler.Responder = { _, _, _ in }

        /// Bytes that the system holds of what a client has not read: small, so that one that reads nothing is noticed.
        private static let sendBuffer: SocketOptionValue = 64 << 10

        func setup(channel: any Channel, logger: Logger) -> EventLoopFuture<Value> {
            channel.setOption(.socketOption(.so_sndbuf), value: Self.sendBuffer).flatMap {
                channel.setOption(.tcpOption(.tcp_nodelay), value: 1)
            }.flatMapThrowing {
                var decoder = NIOHTTPDecoderLimitConfiguration()
                decoder.maxHeaderFieldSize = limits.headerBytes
                decoder.maxHeaderListSize = limits.headerBytes
                decoder.maxHeaderFieldCount = limits.headerFields
                let gate = Gate(limits, policy, crowd, log)
                let pipeline = channel.pipeline.syncOperations
                try pipeline.addHandler(ByteGate(gate))
                try pipeline.configureHTTPServerPipeline(
                    withPipeliningAssistance: false, withErrorHandling: false,
                    withOutboundHeaderValidation: false, withEncoderConfiguration: .init(),
                    withDecoderLimitConfiguration: decoder)
                try pipeline.addHandler(gate)
                try pipeline.addHandler(HTTP1ToHTTPServerCodec(secure: false))
                return try NIOAsyncChannel(
                    wrappingChannelSynchronously: channel,
                    configuration: .init(isOutboundHalfClosureEnabled: true))
            }
        }

        func handle(value: Value, logger: Logger) async {
            let client = ClientPresence()
            value.channel.closeFuture.whenComplete { _ in client.gone() }
            var connection = self
            connection.responder = { [routes] request, writer, _ in
                try await routes.respond(request, writer, client)
            }
            await connection.handleHTTP(asyncChannel: value, logger: logger)
        }
    }
#endif
