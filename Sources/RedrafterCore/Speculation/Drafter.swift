/// Guesses the next tokens.
///
/// A drafter is immutable and holds no reference to the model; what it remembers of a text is its `State`. Bad guesses
/// cost time, never a token of the answer.
///
///     func propose(_ context: DraftContext, budget: DraftBudget, state: inout Void, proposal: inout DraftProposal) {
///         proposal.insert(context.root, after: 0, probability: 0.3)  // the last token comes again
///     }
public protocol Drafter: Sendable {
    /// What is remembered of one text between drafts; `Void` where that is nothing.
    associatedtype State: Sendable

    /// Name in reports, as registered.
    var name: String { get }

    var requirements: DraftRequirements { get }

    /// The state at the start of a text.
    func makeState() throws(BackendError) -> State

    /// Follows the text: told of all rows in order, those of a prompt included, before the next draft. A text that was rewound
    /// goes on from a row that was told before. Nothing to do for most drafters.
    /// - Throws: what the device throws.
    func follow(_ rows: ConfirmedRows, state: inout State) throws(BackendError)

    /// Adds guesses to `proposal.tree`. Texts may shrink between two calls (a chat that was rewound): a state that has
    /// seen more than `context.tokens` must notice.
    /// - Throws: what the device throws. Non-finite values are counted in `proposal.nonFiniteRows` instead.
    func propose(
        _ context: DraftContext, budget: DraftBudget, state: inout State, proposal: inout DraftProposal
    ) throws(BackendError)
}

extension Drafter {
    public var requirements: DraftRequirements { DraftRequirements() }

    public func follow(_ rows: ConfirmedRows, state: inout State) {}
}

extension Drafter where State == Void {
    public func makeState() {}
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

    /// Adds a guess with the probability that the model confirms it, given that it confirms `parent`.
    @discardableResult
    public mutating func insert(_ token: Int32, after parent: Int, probability: Double) -> Int {
        tree.insert(token, after: parent, probability: probability, source: source)
    }
}

/// Plain decoding: a tree of one node on the same path as every other.
public struct NoDrafter: Drafter {
    public let name = "none"

    public init() {}

    public func propose(
        _ context: DraftContext, budget: DraftBudget, state: inout Void, proposal: inout DraftProposal
    ) {}
}
