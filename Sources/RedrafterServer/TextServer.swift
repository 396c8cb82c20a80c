#if Server
    import Dispatch
    import HummingbirdCore
    import Logging
    import NIOCore
    import NIOPosix
    import RedrafterPlatform
    import RedrafterServing

    /// Serves an engine over HTTP, with OpenAI's API.
    ///
    ///     let server = try TextServer(ServerOptions())
    ///     try await server.run(load: { try Engine(try Model.load(path: "model.gguf")) }, isStopped: { false })
    public struct TextServer: Sendable {
        private let options: ServerOptions
        private let log: Logger

        /// - Throws: `ServerError.option`, `.needsKey`.
        public init(_ options: ServerOptions) throws(ServerError) {
            try options.validate()
            self.options = options
            log = ServerLog.logger(options.logLevel)
        }

        /// Listens, loads the engine, serves until it is stopped, and lets running requests finish.
        /// - Parameters:
        ///   - load: makes the engine, on a thread of its own; the server answers 503 meanwhile.
        ///   - isStopped: looked at all the time; true ends the server.
        ///   - onListening: called with the port once connections are taken.
        ///   - onReady: called with the engine once requests are served.
        /// - Throws: `ServerError` where it cannot listen, and what `load` throws.
        public func run(
            load: @escaping @Sendable () throws -> Engine, isStopped: @escaping @Sendable () -> Bool,
            onListening: @Sendable (Int) -> Void = { _ in }, onReady: @Sendable (Engine) -> Void = { _ in }
        ) async throws {
            let state = ServingState()
            let (events, feed) = AsyncStream<Event>.makeStream()
            let group = MultiThreadedEventLoopGroup(numberOfThreads: Self.eventLoops)
            let server = makeServer(state, group) { feed.yield(.listening($0)) }
            let serving = Task {
                do {
                    try await server.run()
                    feed.yield(.ended(nil))
                } catch {
                    feed.yield(.ended(error))
                }
            }
            let watching = Task {
                while !isStopped() { try await Task.sleep(for: Self.watchInterval) }
                feed.yield(.stop)
            }
            let outcome = await outcome(
                of: events, server, state, feed, load: load, onListening: onListening, onReady: onReady)
            watching.cancel()
            // The event loops end last: connections need them to close.
            await close(server, serving, outcome)
            do { try await group.shutdownGracefully() } catch {
                log.warning("event loops did not end well", metadata: ["reason": "\(error)"])
            }
            if let failure = outcome.failure { throw failure }
        }

        /// How a server ended.
        private struct Outcome {
            var failure: (any Error)?
            /// Connections are still open, and there is no more time for them.
            var isOverdue = false
            /// Closes the listener and the connections; nil where nobody wanted that yet.
            var closing: Task<Void, any Error>?
        }

        /// Follows what happens until the server ends.
        private func outcome(
            of events: AsyncStream<Event>, _ server: Server<GuardedChannel>, _ state: ServingState,
            _ feed: AsyncStream<Event>.Continuation, load: @escaping @Sendable () throws -> Engine,
            onListening: @Sendable (Int) -> Void, onReady: @Sendable (Engine) -> Void
        ) async -> Outcome {
            var outcome = Outcome()
            loop: for await event in events {
                switch event {
                case .listening(let port):
                    onListening(port)
                    DispatchQueue(label: "redrafter.load", qos: .userInitiated).async {
                        feed.yield(.loaded(Result { try load() }))
                    }
                case .loaded(let result):
                    switch result {
                    case .success(let engine):
                        state.serve(Served(engine, alias: options.alias))
                        onReady(engine)
                    case .failure(let error):
                        outcome.failure = error
                        break loop
                    }
                case .stop: outcome.closing = stop(server, state.drain(), feed)
                case .overdue:
                    log.warning("connections are still open; they are cut off")
                    outcome.isOverdue = true
                    break loop
                case .ended(let error):
                    outcome.failure = error.map { ServerError($0, options) }
                    break loop
                }
            }
            return outcome
        }

        /// Waits until the listener and all connections are closed; those that take too long are cut off.
        private func close(
            _ server: Server<GuardedChannel>, _ serving: Task<Void, Never>, _ outcome: Outcome
        ) async {
            let closing = outcome.closing ?? Task { try await server.shutdownGracefully() }
            let limit = Task {
                if !outcome.isOverdue { try await Task.sleep(for: Self.closingTime) }
                serving.cancel()
            }
            await serving.value
            // What closes them holds on to the event loops until it is done.
            if case .failure(let error) = await closing.result {
                log.debug("the listener did not end well", metadata: ["reason": "\(error)"])
            }
            limit.cancel()
        }

        private enum Event: Sendable {
            case listening(Int)
            case loaded(Result<Engine, any Error>)
            case stop
            /// The time for running requests is over.
            case overdue
            case ended((any Error)?)
        }

        /// Closes the listener, and lets what runs finish.
        private func stop(
            _ server: Server<GuardedChannel>, _ engine: Engine?, _ feed: AsyncStream<Event>.Continuation
        ) -> Task<Void, any Error> {
            log.info("stopping", metadata: ["grace": "\(options.grace / .seconds(1))"])
            let closing = Task { try await server.shutdownGracefully() }
            Task { await engine?.stop(grace: options.grace) }
            Task {
                try await Task.sleep(for: engine == nil ? Self.closingTime : options.grace + Self.closingTime)
                feed.yield(.overdue)
            }
            return closing
        }

        private func makeServer(
            _ state: ServingState, _ group: any EventLoopGroup,
            _ onListening: @escaping @Sendable (Int) -> Void
        ) -> Server<GuardedChannel> {
            var quiet = log
            quiet.logLevel = max(log.logLevel, .warning)
            let crowd = Crowd(limit: connections)
            let channel = GuardedChannel(Routes(state, options, log), crowd)
            let configuration = ServerConfiguration(
                address: .hostname(options.host, port: options.port),
                availableConnectionsDelegate: CrowdControl(crowd: crowd))
            return Server(
                childChannelSetup: channel, configuration: configuration,
                onServerRunning: { onListening($0.localAddress?.port ?? 0) }, eventLoopGroup: group,
                logger: quiet)
        }

        /// As many as were asked for, where the process may open as many files.
        private var connections: Int {
            var limit = rlimit()
            guard getrlimit(FileLimit.resource, &limit) == 0, limit.rlim_cur < rlim_t(Int32.max) else {
                return options.limits.connections
            }
            let most = max(1, Int(limit.rlim_cur) - FileLimit.reserve)
            if most < options.limits.connections {
                log.notice(
                    "fewer connections than asked for: the process may open few files (ulimit -n)",
                    metadata: ["connections": "\(most)"])
            }
            return min(most, options.limits.connections)
        }

        private static let eventLoops = 2
        private static let watchInterval = Duration.milliseconds(50)
        /// For answers that are written already.
        private static let closingTime = Duration.seconds(5)
    }

    /// Files that a process may have open.
    private enum FileLimit {
        /// What the model, the event loops and the standard streams need.
        static let reserve = 20
        #if canImport(Glibc)
            static let resource = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
        #else
            static let resource = RLIMIT_NOFILE
        #endif
    }

    extension ServerError {
        /// Why the server could not listen.
        fileprivate init(_ error: any Error, _ options: ServerOptions) {
            let (host, port) = (options.host, options.port)
            switch error {
            case let error as IOError where error.errnoCode == EADDRINUSE:
                self = .portInUse(host: host, port: port)
            case let error as IOError:
                let reason = String(cString: strerror(error.errnoCode))
                self = .cannotBind(host: host, port: port, reason: reason)
            case is SocketAddressError, is SocketAddressError.UnknownHost:
                self = .cannotBind(host: host, port: port, reason: "the name leads to no address")
            default: self = .cannotBind(host: host, port: port, reason: "\(error)")
            }
        }
    }
#endif
