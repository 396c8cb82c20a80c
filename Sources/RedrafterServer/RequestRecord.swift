#if Server
    import HTTPTypes
    import Logging
    import Redrafter

    /// What is logged of a request: a line when it is over.
    struct RequestRecord {
        var metadata: Logger.Metadata
        private let start = ContinuousClock.now
        /// Requests of programs that look after the server come all the time.
        private let isRoutine: Bool

        init(_ method: HTTPRequest.Method, _ route: Route?, _ address: String) {
            metadata = ["method": "\(method.rawValue)", "route": "\(route?.rawValue ?? address)"]
            isRoutine = route == .health || route == .metrics
        }

        mutating func add(_ results: [GenerationResult]) {
            guard let first = results.first else { return }
            metadata["prompt_tokens"] = "\(first.promptTokens)"
            metadata["cached_tokens"] = "\(first.timings.cachedTokens)"
            metadata["tokens"] = "\(results.reduce(0) { $0 + $1.tokens.count })"
            metadata["finish"] = "\(first.finishReason.rawValue)"
            metadata["drafter"] = "\(first.drafter)"
        }

        /// - Parameter status: nil where the client has gone.
        func write(to log: Logger, status: Int?) {
            var metadata = metadata
            metadata["status"] = "\(status.map(String.init) ?? "499")"
            metadata["ms"] = "\(Int((ContinuousClock.now - start) / .milliseconds(1)))"
            let level: Logger.Level =
                (status ?? 0) >= 500 && status != 503 ? .error : isRoutine ? .debug : .info
            log.log(level: level, status == nil ? "client gone" : "request", metadata: metadata)
        }
    }
#endif
