#if Server
    import HummingbirdCore
    import Synchronization

    /// How many connections are open, of as many as there may be.
    final class Crowd: Sendable {
        private struct Count {
            var open = 0
            /// Of these, those that are giving way.
            var leaving = 0
        }

        private let limit: Int
        private let count = Mutex(Count())

        init(limit: Int) { self.limit = limit }

        /// Whether a connection that asks for nothing ends now, since others may be waiting: no more of them than make room for one.
        func makesRoom() -> Bool {
            count.withLock { count in
                guard count.open - count.leaving >= limit else { return false }
                count.leaving += 1
                return true
            }
        }

        fileprivate var isFull: Bool { count.withLock { $0.open >= limit } }

        fileprivate func opened() { count.withLock { $0.open += 1 } }

        fileprivate func closed() {
            count.withLock { count in
                count.open -= 1
                count.leaving = max(0, count.leaving - 1)
            }
        }
    }

    /// Lets connections come while there is room for them.
    struct CrowdControl: AvailableConnectionsDelegate {
        let crowd: Crowd

        mutating func connectionOpened() { crowd.opened() }
        mutating func connectionClosed() { crowd.closed() }
        func isAcceptingNewConnections() -> Bool { !crowd.isFull }
    }
#endif
