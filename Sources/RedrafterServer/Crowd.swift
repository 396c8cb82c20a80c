#if Server
    import HummingbirdCore
    import Synchronization

    /// How many connections are open, of as many as there may be.
    final class Crowd: Sendable {
        private let limit: Int
        private let count = Atomic(0)

        init(limit: Int) { self.limit = limit }

        /// Others may be waiting for a connection to end.
        var isFull: Bool { count.load(ordering: .relaxed) >= limit }

        fileprivate func change(by difference: Int) {
            count.wrappingAdd(difference, ordering: .relaxed)
        }
    }

    /// Lets connections come while there is room for them.
    struct CrowdControl: AvailableConnectionsDelegate {
        let crowd: Crowd

        mutating func connectionOpened() { crowd.change(by: 1) }
        mutating func connectionClosed() { crowd.change(by: -1) }
        func isAcceptingNewConnections() -> Bool { !crowd.isFull }
    }
#endif
