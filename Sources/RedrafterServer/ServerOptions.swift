#if Server
    /// Where a server listens, whom it serves and how much it takes.
    public struct ServerOptions: Sendable {
        /// Address or name to bind.
        public var host = "127.0.0.1"
        /// 0 for one that the system picks.
        public var port = 8080
        /// Another name of the model; the file's name counts, too.
        public var alias: String?
        /// Keys of which every request but those for `/` and `/health` must bring one; empty for none.
        public var keys: [String] = []
        /// Serves other machines without keys.
        public var isInsecure = false
        /// Names that `Host` and `Origin` may have besides those of this machine and the address that is bound.
        public var allowedHosts: [String] = []
        /// The one origin whose pages may read answers, or `*`; nil for none but the server's own.
        public var corsOrigin: String?
        /// How long running requests may go on after the wish to stop.
        public var grace = Duration.seconds(30)
        public var limits = ServerLimits()
        /// Least severe lines that are logged: trace, debug, info, notice, warning, error, critical.
        public var logLevel = "info"
        /// Logs prompts and answers.
        public var logsPrompts = false

        /// A server for this machine alone.
        public init() {}

        /// - Throws: `ServerError.needsKey` where others would be served without a key.
        public func validate() throws(ServerError) {
            guard (0...65_535).contains(port) else {
                throw .option(name: "port", got: "\(port)", allowed: "0 (any) to 65535")
            }
            guard keys.allSatisfy({ !$0.isEmpty }) else {
                throw .option(name: "api-key", got: "an empty key", allowed: "at least one character")
            }
            guard ServerLog.levels.contains(logLevel) else {
                throw .option(
                    name: "log-level", got: logLevel, allowed: ServerLog.levels.joined(separator: ", "))
            }
            guard (0...Self.mostSeconds).contains(grace / .seconds(1)) else {
                throw .option(name: "grace", got: "\(grace)", allowed: "0 to 86400 seconds")
            }
            if let corsOrigin, corsOrigin != "*", Origin(corsOrigin) == nil {
                throw .option(
                    name: "cors", got: corsOrigin, allowed: "* or an origin such as https://example.org")
            }
            try limits.validate()
            guard !servesEverybody || isInsecure else { throw .needsKey(host: host) }
        }

        /// Whether other machines can reach the server without a key.
        public var servesEverybody: Bool { !Host.isLoopback(host) && keys.isEmpty }

        private static let mostSeconds = 86_400.0
    }

    /// What a server takes of one client; more than this is refused.
    public struct ServerLimits: Sendable, Hashable {
        /// Bytes of a body: 413.
        public var bodyBytes = 2 << 20
        /// Bytes of the address in a request: 414.
        public var addressBytes = 8 << 10
        /// Fields before the body, and bytes of all of them: 431.
        public var headerFields = 100
        public var headerBytes = 32 << 10
        /// Until the fields before the body are there, from the connection's or the request's first byte: 408.
        public var headerTime = Duration.seconds(10)
        /// Until the whole body is there, from the end of the fields: 408.
        public var bodyTime = Duration.seconds(30)
        /// How long a connection without a request is kept.
        public var idleTime = Duration.seconds(60)
        /// How long a client may read nothing while there is something for it: the connection is cut.
        public var stallTime = Duration.seconds(30)
        /// Connections at the same time; more wait until one is closed.
        public var connections = 256

        /// Limits for machines of one's own.
        public init() {}

        func validate() throws(ServerError) {
            let counts = [
                ("max-body", bodyBytes, 1024, 1 << 30), ("max-url", addressBytes, 64, 1 << 20),
                ("max-headers", headerFields, 8, 10_000), ("max-header-bytes", headerBytes, 1024, 1 << 20),
                ("max-connections", connections, 1, 100_000),
            ]
            for (name, value, least, most) in counts where !(least...most).contains(value) {
                throw .option(name: name, got: "\(value)", allowed: "\(least) to \(most)")
            }
            let times = [
                ("timeout-headers", headerTime), ("timeout-body", bodyTime), ("timeout-idle", idleTime),
                ("timeout-write", stallTime),
            ]
            for (name, value) in times
            where !(Duration.milliseconds(1)...Duration.seconds(86_400)).contains(value) {
                throw .option(name: name, got: "\(value)", allowed: "more than 0, to 86400 seconds")
            }
        }
    }

    /// Why a server does not start or has to end.
    public enum ServerError: Error, Sendable, Equatable, CustomStringConvertible {
        case option(name: String, got: String, allowed: String)
        /// Others would be served without a key.
        case needsKey(host: String)
        case portInUse(host: String, port: Int)
        case cannotBind(host: String, port: Int, reason: String)

        public var description: String {
            switch self {
            case .option(let name, let got, let allowed): "\(name) is \(got); allowed: \(allowed)"
            case .needsKey(let host): "\(host) can be reached from other machines, and there is no key"
            case .portInUse(let host, let port): "port \(port) of \(host) is in use"
            case .cannotBind(let host, let port, let reason): "cannot listen on \(host):\(port): \(reason)"
            }
        }

        /// What may help.
        public var hint: String? {
            switch self {
            case .option: nil
            case .needsKey:
                "set REDRAFTER_API_KEY, pass --api-key-file PATH, or --insecure to serve everybody"
            case .portInUse: "pass another --port, or --port 0 for any free one"
            case .cannotBind: "pass another --host, one of this machine, or another --port"
            }
        }
    }
#endif
