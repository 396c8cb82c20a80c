/// The operations a backend is asked about before work is sent.
public enum BackendOperation: String, Sendable, CaseIterable {
    case linear
    case embedding
}

/// The answer to `ComputeBackend.support`.
public enum Support: Sendable, Equatable {
    case supported
    case unsupported(reason: String)
}
