import CPUBackend
import LookupDrafter
import MedusaDrafter
import RecurrentDrafter
import RedrafterCore
import RedrafterFormats

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

/// A drafter of this build, as `redrafter drafters` lists it.
public struct DrafterDescription: Sendable, Hashable {
    /// Name on the command line and in reports.
    public var name: String
    /// One line on what it is.
    public var summary: String
    /// Whether it needs a file with weights.
    public var needsWeights: Bool

    public init(name: String, summary: String, needsWeights: Bool = false) {
        self.name = name
        self.summary = summary
        self.needsWeights = needsWeights
    }
}

/// The plug-ins of this build, by name. `Registry.standard` is the one place where they are wired.
public struct Registry: Sendable {
    public typealias BackendMaker = @Sendable (BackendOptions) throws(BackendError) -> any ComputeBackend
    public typealias DrafterMaker =
        @Sendable (DraftTarget, DrafterOptions) throws(DrafterError) -> any Drafter

    private var backends: [(name: String, make: BackendMaker)] = []
    private var makers: [(description: DrafterDescription, make: DrafterMaker)] = []

    /// A registry without plug-ins.
    public init() {}

    /// What this build brings.
    public static let standard: Registry = {
        var registry = Registry()
        registry.register(backend: "cpu") { options throws(BackendError) in
            try CPUBackend(options: CPUBackend.Options(threads: options.threads, kernels: options.kernels))
        }
        registry.register(
            DrafterDescription(name: "none", summary: "plain decoding, one token a pass")
        ) { _, _ in NoDrafter() }
        registry.register(
            DrafterDescription(name: "lookup", summary: "continues the longest earlier match in the text")
        ) { _, options in LookupDrafter(options: options) }
        registry.register(
            DrafterDescription(
                name: "rnn", summary: "recurrent drafter on the model's hidden state (ReDrafter)",
                needsWeights: true)
        ) { target, options throws(DrafterError) in
            try RecurrentDrafter(try weights("rnn", options), for: target, options: options)
        }
        registry.register(
            DrafterDescription(
                name: "medusa", summary: "independent heads on the model's hidden state (Medusa)",
                needsWeights: true)
        ) { target, options throws(DrafterError) in
            try MedusaDrafter(try weights("medusa", options), for: target, options: options)
        }
        return registry
    }()

    /// Names of the backends, in the order of registration.
    public var backendNames: [String] { backends.map(\.name) }

    /// The drafters, in the order of registration.
    public var drafters: [DrafterDescription] { makers.map(\.description) }

    /// Adds a backend under a name; a later one of the same name takes its place.
    public mutating func register(backend name: String, make: @escaping BackendMaker) {
        backends.removeAll { $0.name == name }
        backends.append((name, make))
    }

    /// Adds a drafter; a later one of the same name takes its place.
    public mutating func register(_ drafter: DrafterDescription, make: @escaping DrafterMaker) {
        precondition(!drafter.name.contains("+"), "'+' joins the drafters of a combination")
        makers.removeAll { $0.description.name == drafter.name }
        makers.append((drafter, make))
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

    /// Makes a drafter, or a combination such as `rnn+lookup`.
    /// - Parameter paths: weights by the drafter's name; they go before `options.path`.
    /// - Throws: `DrafterError.unknownDrafter` with the names there are, or what making a drafter throws.
    public func makeDrafter(
        named name: String, for target: DraftTarget, options: DrafterOptions = DrafterOptions(),
        paths: [String: String] = [:]
    ) throws(DrafterError) -> any Drafter {
        var members = [any Drafter]()
        for part in name.split(separator: "+", omittingEmptySubsequences: false).map(String.init) {
            guard let maker = makers.first(where: { $0.description.name == part }) else {
                throw .unknownDrafter(got: part, available: makers.map(\.description.name))
            }
            var own = options
            own.path = paths[part] ?? options.path
            members.append(try maker.make(target, own))
        }
        return members.count == 1 ? members[0] : CombinedDrafter(members)
    }
}

/// The weights that the options name.
private func weights(_ drafter: String, _ options: DrafterOptions) throws(DrafterError) -> DrafterWeights {
    guard let path = options.path else { throw .missingWeights(drafter: drafter) }
    return try DrafterWeights.read(path)
}

extension DrafterWeights {
    /// The weights in a file or folder, with an error that drafters throw.
    static func read(_ path: String) throws(DrafterError) -> DrafterWeights {
        do throws(FormatError) {
            return try DrafterWeights(path: path)
        } catch {
            throw .unreadable(description: error.description, exitCode: error.exitCode)
        }
    }
}
