import CPUBackend
import LookupDrafter
import MedusaDrafter
import RecurrentDrafter
import RedrafterCore
import RedrafterFormats
import VulkanBackend

/// What a backend may be told when it is made.
public struct BackendOptions: Sendable, Hashable {
    /// Threads that compute; nil for as many as the process may use.
    public var threads: Int?
    /// A kernel set by name; nil for the best the processor runs.
    public var kernels: String?
    /// Number, UUID or name of a device, for backends that run on one of several; nil for the best.
    public var device: String?

    public init(threads: Int? = nil, kernels: String? = nil, device: String? = nil) {
        self.threads = threads
        self.kernels = kernels
        self.device = device
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
    /// Whether `auto` uses it unasked where shipped weights of its kind fit the model.
    public var isAutomatic: Bool

    public init(name: String, summary: String, needsWeights: Bool = false, isAutomatic: Bool = false) {
        self.name = name
        self.summary = summary
        self.needsWeights = needsWeights
        self.isAutomatic = isAutomatic
    }
}

/// The plug-ins of a program, by name. `Registry.standard` is the one place where those of the library are wired; a program
/// that carries weights of drafters adds them with `register(_:)`.
public struct Registry: Sendable {
    public typealias BackendMaker = @Sendable (BackendOptions) throws(BackendError) -> any ComputeBackend
    public typealias DrafterMaker =
        @Sendable (DraftTarget, DrafterOptions) throws(DrafterError) -> any Drafter
    public typealias WeightedDrafterMaker =
        @Sendable (DrafterWeights, DraftTarget, DrafterOptions) throws(DrafterError) -> any Drafter

    /// How a drafter is made.
    private enum Maker: Sendable {
        case plain(DrafterMaker)
        case weighted(DrafterKind, WeightedDrafterMaker)
    }

    private var backends: [(name: String, make: BackendMaker)] = []
    private var makers: [(description: DrafterDescription, make: Maker)] = []
    var treeMakers: [(description: TreeDescription, make: TreeMaker)] = []
    var verifierMakers: [(description: VerifierDescription, make: VerifierMaker)] = []
    /// Weights that the program carries, in the order of registration.
    public private(set) var shippedDrafters: [ShippedDrafter] = []

    /// A registry without plug-ins.
    public init() {}

    /// What the library brings. No weights: those that the package ships are for one model and are a product of their own.
    public static let standard: Registry = {
        var registry = Registry()
        registry.register(backend: "cpu") { options throws(BackendError) in
            try CPUBackend(options: CPUBackend.Options(threads: options.threads, kernels: options.kernels))
        }
        registry.register(backend: "vulkan") { options throws(BackendError) in
            try VulkanBackend(options: VulkanBackend.Options(device: options.device))
        }
        registry.register(backend: "auto", make: AutomaticBackend.make)
        registry.register(
            DrafterDescription(name: "none", summary: "plain decoding, one token per pass")
        ) { _, _ in NoDrafter() }
        registry.register(
            DrafterDescription(name: "lookup", summary: "continues the longest earlier match in the text")
        ) { _, options in LookupDrafter(options: options) }
        registry.register(
            DrafterDescription(
                name: "rnn", summary: "recurrent drafter on the model's hidden state (ReDrafter)",
                needsWeights: true, isAutomatic: true),
            kind: .recurrent
        ) { weights, target, options throws(DrafterError) in
            try RecurrentDrafter(weights, for: target, options: options)
        }
        registry.register(
            DrafterDescription(
                name: "medusa", summary: "independent heads on the model's hidden state (Medusa)",
                needsWeights: true),
            kind: .medusa
        ) { weights, target, options throws(DrafterError) in
            try MedusaDrafter(weights, for: target, options: options)
        }
        registry.register(
            tree: TreeDescription(name: "cost-aware", summary: "as many as pay, by measured prices")
        ) { CostAwareTree(maximumRows: $0.maximumRows) }
        registry.register(tree: TreeDescription(name: "dynamic", summary: "all beams")) {
            DynamicTree(maximumRows: $0.maximumRows)
        }
        registry.register(
            tree: TreeDescription(
                name: "most-probable", summary: "the best of the search, always --max-rows")
        ) { MostProbableTree(maximumRows: $0.maximumRows) }
        for name in StaticTree.knownNames {
            let isOpen = name == "static"
            registry.register(
                tree: TreeDescription(
                    name: name, summary: "a fixed shape", prefix: isOpen ? StaticTree.listPrefix : nil)
            ) { options throws(ParameterError) in try StaticTree(text: options.text) }
        }
        registry.register(
            verifier: VerifierDescription(
                name: "exact", summary: "the answer equals plain decoding's", isExact: true)
        ) { ExactVerifier($0) }
        registry.register(
            verifier: VerifierDescription(name: "typical", summary: "lossy, Medusa's rule", isExact: false)
        ) { TypicalVerifier($0) }
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
        register(drafter, .plain(make))
    }

    /// Adds a drafter that is made from weights of a kind: those of the file that the options name, else those registered that
    /// fit the model. A later drafter of the same name takes its place.
    public mutating func register(
        _ drafter: DrafterDescription, kind: DrafterKind, make: @escaping WeightedDrafterMaker
    ) {
        register(drafter, .weighted(kind, make))
    }

    /// Adds weights that the program carries; later ones of the same name take their place. The first that fit a model are
    /// used.
    public mutating func register(_ shipped: [ShippedDrafter]) {
        for drafter in shipped {
            shippedDrafters.removeAll { $0.name == drafter.name }
            shippedDrafters.append(drafter)
        }
    }

    private mutating func register(_ drafter: DrafterDescription, _ make: Maker) {
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
    /// - Parameters:
    ///   - name: as registered, or several joined by `+`.
    ///   - target: the model it is to draft for.
    ///   - options: for each member of a combination.
    ///   - paths: weights by the drafter's name; they go before `options.path`.
    ///   - onWarning: called with what is odd about weights but no error, such as NaN among them.
    /// - Throws: `DrafterError.unknownDrafter` with the names there are, `.missingWeights` or `.noShippedWeights` where the
    ///   drafter needs weights and there are none for the model, or what making a drafter throws.
    public func makeDrafter(
        named name: String, for target: DraftTarget, options: DrafterOptions = DrafterOptions(),
        paths: [String: String] = [:], onWarning: (String) -> Void = { _ in }
    ) throws(DrafterError) -> any Drafter {
        var members = [any Drafter]()
        for part in name.split(separator: "+", omittingEmptySubsequences: false).map(String.init) {
            guard let maker = makers.first(where: { $0.description.name == part }) else {
                throw .unknownDrafter(got: part, available: makers.map(\.description.name))
            }
            var own = options
            own.path = paths[part] ?? options.path
            switch maker.make {
            case .plain(let make): members.append(try make(target, own))
            case .weighted(let kind, let make):
                let weights = try weights(of: part, kind, path: own.path, for: target)
                weights.warnings.forEach(onWarning)
                members.append(try make(weights, target, own))
            }
        }
        return members.count == 1 ? members[0] : CombinedDrafter(members)
    }

    /// The kinds of weights that drafters are made from, in the order of registration: those that files are read with.
    public var kinds: [DrafterKind] {
        var kinds = [DrafterKind]()
        for case .weighted(let kind, _) in makers.map(\.make) where !kinds.contains(kind) {
            kinds.append(kind)
        }
        return kinds
    }

    /// The kind of weights that a drafter is made from; nil for one that needs none, or reads its own.
    func kind(of drafter: String) -> DrafterKind? {
        guard case .weighted(let kind, _) = makers.first(where: { $0.description.name == drafter })?.make
        else { return nil }
        return kind
    }
}
