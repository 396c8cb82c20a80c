#if Server
    import Dispatch

    /// Work over large bodies, on a thread of its own and one after the other: a text of a megabyte takes a second to read, and
    /// must not hold up the threads that write answers.
    enum LargeBodies {
        private static let queue = DispatchQueue(label: "redrafter.bodies", qos: .userInitiated)
        /// Bodies up to this are read where they arrive: that takes less than a pass.
        private static let smallBytes = 32 << 10

        static func read<Value: Sendable>(
            bytes: Int, _ work: @escaping @Sendable () throws -> Value
        ) async throws -> Value {
            guard bytes > smallBytes else { return try work() }
            return try await withCheckedThrowingContinuation { continuation in
                queue.async { continuation.resume(with: Result { try work() }) }
            }
        }
    }
#endif
