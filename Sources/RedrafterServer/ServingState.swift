#if Server
    import RedrafterServing
    import Synchronization

    /// How far the server is: loading, serving, on its way out.
    final class ServingState: Sendable {
        private struct Content {
            var served: Served?
            var isDraining = false
        }

        private let content = Mutex(Content())

        /// The model, once it is there.
        /// - Throws: 503 while it is not, and where no more text is generated.
        func served() throws(APIError) -> Served {
            let (served, isDraining) = content.withLock { ($0.served, $0.isDraining) }
            if isDraining { throw .draining }
            guard let served else { throw .loading }
            return served
        }

        func serve(_ served: Served) { content.withLock { $0.served = served } }

        /// From here on nothing new is served. Gives the engine, if there is one.
        func drain() -> Engine? {
            content.withLock {
                $0.isDraining = true
                return $0.served?.engine
            }
        }
    }
#endif
