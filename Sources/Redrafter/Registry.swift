import CPUBackend
import RedrafterCore

/// What a backend may be told when it is made.
public struct BackendOptions: Sendable, Hashable {
    /// Threads that compute; nil for as many as the process may use.
    public var threads: Int?
    /// A kernel set by name; nil for the best the processor runs.
    public var kernels: String?

    public init(threads: Int? = nil, kernels: String? = nil) {
        self.threads = threads
        self.kernels = kernels
    }
}

/// The plug-ins of this build, by name. `Registry.standard` is the one place where they are wired.
public struct Registry: Sendable {
    public typealias BackendMaker = @Sendable (BackendOptions) throws(BackendError) -> any ComputeBackend

    private var backends: [(name: String, make: BackendMaker)] = []

    /// A registry without plug-ins.
    public init() {}

    /// What this build brings.
    public static let standard: Registry = {
        var registry = Registry()
        registry.register(backend: "cpu") { options throws(BackendError) in
            try CPUBackend(options: CPUBackend.Options(threads: options.threads, kernels: options.kernels))
        }
        return registry
    }()

    /// Names of the backends, in the order of registration.
    public var backendNames: [String] { backends.map(\.name) }

    /// Adds a backend under a name; a later one of the same name takes its place.
    public mutating func register(backend name: String, make: @escaping BackendMaker) {
        backends.removeAll { $0.name == name }
        backends.append((name, make))
    }

    /// - Throws: `BackendError.unknownSelection` with the names there are, or what making the backend throws.
    public func makeBackend(
        named name: String, options: BackendOptions = BackendOptions()
    ) throws(BackendError) -> any ComputeBackend {
        guard let backend = backends.first(where: { $0.name == name }) else {
            throw .unknownSelection(what: "backend", got: name, available: backendNames)
        }
        return try backend.make(options)
    }
}
