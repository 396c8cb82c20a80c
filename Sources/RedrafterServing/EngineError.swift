import Redrafter

/// Why an engine does not answer a request.
public enum EngineError: Error, Sendable, Equatable, CustomStringConvertible {
    /// All slots are taken, and as many requests wait as may. Seconds after which a slot is likely to be free.
    case queueFull(waiting: Int, retryAfter: Int)
    /// The engine is shutting down.
    case stopping
    case unknownDrafter(got: String, available: [String])
    /// The request cannot be served: a parameter, a prompt that is too long; or its logits are not numbers.
    case request(RedrafterError)

    public var description: String {
        switch self {
        case .queueFull(let waiting, _): "all slots are taken and \(waiting) requests are waiting"
        case .stopping: "the engine is shutting down"
        case .unknownDrafter(let got, let available):
            "there is no drafter '\(got)' here; available: \(available.joined(separator: ", "))"
        case .request(let error): error.description
        }
    }
}
