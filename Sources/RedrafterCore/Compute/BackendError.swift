/// What can go wrong between a model and the device it runs on.
public enum BackendError: Error, Sendable, Equatable, CustomStringConvertible {
    /// The backend cannot do this operation on this weight type.
    case unsupported(operation: String, type: String, reason: String)
    /// A size does not fit the device or the process: said before anything is allocated.
    case outOfMemory(needed: Int, available: Int, purpose: String)
    /// The device or a library it needs is missing or lost.
    case deviceUnavailable(name: String, reason: String)
    /// A computation gave NaN or infinity where numbers are needed.
    case nonFinite(what: String)
    /// A selection by name or environment variable that does not exist on this machine.
    case unknownSelection(what: String, got: String, available: [String])

    public var description: String {
        switch self {
        case .unsupported(let operation, let type, let reason):
            "\(operation) on \(type) is not supported: \(reason)"
        case .outOfMemory(let needed, let available, let purpose):
            "not enough memory for \(purpose): needs \(size(needed)), available \(size(available))"
        case .deviceUnavailable(let name, let reason):
            "\(name) is not available: \(reason)"
        case .nonFinite(let what):
            "\(what) contain NaN or infinity; the weights are damaged or the model does not fit this architecture"
        case .unknownSelection(let what, let got, let available):
            "\(what) '\(got)' is not available here; choose one of: \(available.joined(separator: ", "))"
        }
    }

    /// MiB, or GiB with one decimal.
    private func size(_ bytes: Int) -> String {
        let mebibytes = bytes / 1_048_576 + (bytes % 1_048_576 == 0 ? 0 : 1)
        guard mebibytes >= 1024 else { return "\(mebibytes) MiB" }
        let tenths = mebibytes / 1024 * 10 + mebibytes % 1024 * 10 / 1024
        return "\(tenths / 10).\(tenths % 10) GiB"
    }
}
