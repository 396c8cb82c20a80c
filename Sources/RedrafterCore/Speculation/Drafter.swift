/// What a drafter reads of the model and the text, said before it is asked to draft.
public struct DraftRequirements: OptionSet, Sendable, Hashable {
    public let rawValue: Int

    public init(rawValue: Int) { self.rawValue = rawValue }

    /// `DraftContext.hidden`.
    public static let hiddenState = DraftRequirements(rawValue: 1)
    /// `DraftContext.embedding`.
    public static let embedding = DraftRequirements(rawValue: 2)
}

/// What a drafter may look at for one draft.
public struct DraftContext {
    /// All certain tokens of the text; the last one is the root of the tree and not in the cache yet.
    public let tokens: [Int32]
    /// Hidden state after the final norm of the last committed token. `[1, hidden]`; present where required.
    public let hidden: Tensor?
    /// The model's embedding table. `[vocabulary, hidden]`; present where required.
    public let embedding: (any WeightHandle)?
    /// How the answer is sampled. A drafter may rank its guesses with the noise that the sampler will use:
    /// `GumbelNoise(seed: sampling.seed, position: position(ofDepth:))`.
    public let sampling: SamplingParameters
    /// Estimated against observed acceptance so far.
    public let calibration: AcceptanceCalibration
    /// The stream the drafter's arithmetic is recorded on, the same as the model's.
    public let stream: any ComputeStream

    public init(
        tokens: [Int32], hidden: Tensor? = nil, embedding: (any WeightHandle)? = nil,
        sampling: SamplingParameters = .greedy, calibration: AcceptanceCalibration = AcceptanceCalibration(),
        stream: any ComputeStream
    ) {
        precondition(!tokens.isEmpty, "the root is a token")
        self.tokens = tokens
        self.hidden = hidden
        self.embedding = embedding
        self.sampling = sampling
        self.calibration = calibration
        self.stream = stream
    }

    /// The certain token that every guess continues.
    public var root: Int32 { tokens[tokens.count - 1] }

    /// Absolute position of the guesses at a depth of the tree; the root has depth 0.
    public func position(ofDepth depth: Int) -> Int { tokens.count - 1 + depth }
}

/// How much a draft may propose.
public struct DraftBudget: Sendable, Hashable {
    /// Guesses that can be verified, the root not counted. More may be proposed where choosing among them is cheap.
    public var nodes: Int
    /// Tokens after the root that can still become part of the text.
    public var depth: Int
    /// Whether the tree builder chooses among more guesses than it verifies. Else it verifies what is proposed.
    public var choosesAmongMore: Bool
    /// Guesses that are less likely to be confirmed, with all that lead to them, are not worth a row of the pass: a search need
    /// not follow them.
    public var leastProbability: Double
    /// The ranks a static tree is made of (see `StaticTree`); nil where the tree is chosen by estimates.
    public var ranks: [[Int]]?

    public init(
        nodes: Int, depth: Int, choosesAmongMore: Bool = false, leastProbability: Double = 0,
        ranks: [[Int]]? = nil
    ) {
        self.nodes = nodes
        self.depth = depth
        self.choosesAmongMore = choosesAmongMore
        self.leastProbability = leastProbability
        self.ranks = ranks
    }
}

/// What a drafter proposes.
public struct DraftProposal: Sendable {
    /// All guesses, the root included.
    public var tree: TokenTree
    /// Rows of the draft that held NaN or infinity and were passed over. They cost speed, never a token.
    public var nonFiniteRows = 0
    /// The mark of the drafter that proposes just now.
    public var source = DraftSource()

    public init(root: Int32) { tree = TokenTree(root: root) }

    /// Adds a guess; see `TokenTree.insert`.
    @discardableResult
    public mutating func insert(_ token: Int32, after parent: Int, logAcceptance: Float) -> Int {
        tree.insert(token, after: parent, logAcceptance: logAcceptance, source: source)
    }
}

/// Guesses the next tokens.
///
/// A drafter is immutable and holds no reference to the model; what it remembers of a text is its `State`. Bad guesses
/// cost time, never a token of the answer.
public protocol Drafter: Sendable {
    /// What is remembered of one text between drafts; `Void` where that is nothing.
    associatedtype State: Sendable

    /// Name in reports, as registered.
    var name: String { get }

    var requirements: DraftRequirements { get }

    /// The state at the start of a text.
    func makeState() throws(BackendError) -> State

    /// Adds guesses to `proposal.tree`. Texts may shrink between two calls (a chat that was rewound): a state that has
    /// seen more than `context.tokens` must notice.
    /// - Throws: what the device throws. Non-finite values are counted in `proposal.nonFiniteRows` instead.
    func propose(
        _ context: DraftContext, budget: DraftBudget, state: inout State, proposal: inout DraftProposal
    ) throws(BackendError)
}

extension Drafter {
    public var requirements: DraftRequirements { [] }
}

extension Drafter where State == Void {
    public func makeState() {}
}

/// Plain decoding: a tree of one node on the same path as every other.
public struct NoDrafter: Drafter {
    public let name = "none"

    public init() {}

    public func propose(
        _ context: DraftContext, budget: DraftBudget, state: inout Void, proposal: inout DraftProposal
    ) {}
}

/// A drafter with the state of one text.
public struct DraftSession: Sendable {
    public var drafter: any Drafter { body.erased }
    private var body: any StatefulDrafter

    public init(_ drafter: some Drafter) throws(BackendError) {
        body = Stateful(drafter: drafter, state: try drafter.makeState())
    }

    /// Opens the existential.
    public static func make(_ drafter: any Drafter) throws(BackendError) -> DraftSession {
        try DraftSession(drafter)
    }

    public mutating func propose(
        _ context: DraftContext, budget: DraftBudget, proposal: inout DraftProposal
    ) throws(BackendError) {
        try body.propose(context, budget: budget, proposal: &proposal)
    }
}

private protocol StatefulDrafter: Sendable {
    var erased: any Drafter { get }

    mutating func propose(
        _ context: DraftContext, budget: DraftBudget, proposal: inout DraftProposal
    ) throws(BackendError)
}

private struct Stateful<D: Drafter>: StatefulDrafter {
    let drafter: D
    var state: D.State

    var erased: any Drafter { drafter }

    mutating func propose(
        _ context: DraftContext, budget: DraftBudget, proposal: inout DraftProposal
    ) throws(BackendError) {
        try drafter.propose(context, budget: budget, state: &state, proposal: &proposal)
    }
}
