import Synchronization

/// A value that is made at its first use, for all threads that ask.
final class Once<Value: Sendable>: Sendable {
    private let made = Mutex<Value?>(nil)

    func value<Failure: Error>(_ make: () throws(Failure) -> Value) throws(Failure) -> Value {
        try made.withLock { (made) throws(Failure) in
            if let made { return made }
            let value = try make()
            made = value
            return value
        }
    }
}
