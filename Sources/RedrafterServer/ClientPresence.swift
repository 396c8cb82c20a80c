#if Server
    import Synchronization

    /// Whether the client of a connection is still there. Its requests are answered one after the other, so one at a time watches.
    final class ClientPresence: Sendable {
        private struct Content {
            var isGone = false
            var onGone: (@Sendable () -> Void)?
        }

        private let content = Mutex(Content())

        var isGone: Bool { content.withLock { $0.isGone } }

        /// Runs a body when the client goes, or at once where it has gone; until `unwatch`.
        func watch(_ body: @escaping @Sendable () -> Void) {
            let isGone = content.withLock {
                if !$0.isGone { $0.onGone = body }
                return $0.isGone
            }
            if isGone { body() }
        }

        func unwatch() { content.withLock { $0.onGone = nil } }

        /// The connection was closed, by whichever side.
        func gone() {
            let onGone = content.withLock { content in
                let onGone = content.onGone
                content = Content(isGone: true)
                return onGone
            }
            onGone?()
        }
    }

    /// The client has closed the connection.
    struct ClientGone: Error {}
#endif
