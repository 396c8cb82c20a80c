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
    /// What drafts for several texts at once are computed in; `Void` where that is nothing.
    associatedtype Workspace: Sendable = Void

    /// Name in reports, as registered.
    var name: String { get }

    var requirements: DraftRequirements { get }

    /// The state at the start of a text.
    func makeState() throws(BackendError) -> State

    /// Follows the text: told of all rows in order, those of a prompt included, before the next draft. A text that was rewound
    /// goes on from a row that was told before. Nothing to do for most drafters.
    /// - Throws: what the device throws.
    func follow(_ rows: ConfirmedRows, state: inout State) throws(BackendError)

    /// Sees what became of the guesses of a step, its own and those of other drafters. Nothing to do for most drafters.
    ///
    /// Comes after each step of an answer, behind `follow` and before the next `propose`, also where this drafter rested or was not
    /// asked: the state need not have seen the text of that step. Passes over a prompt are no steps.
    func observe(_ outcome: StepOutcome, state: inout State)

    /// Adds guesses to `proposal.tree`. Texts may shrink between two calls (a chat that was rewound): a state that has
    /// seen more than `context.tokens` must notice.
    /// - Throws: what the device throws. Non-finite values are counted in `proposal.nonFiniteRows` instead.
    func propose(
        _ context: DraftContext, budget: DraftBudget, state: inout State, proposal: inout DraftProposal
    ) throws(BackendError)

    /// - Parameter texts: that may be drafted for at once, at most.
    func makeWorkspace(texts: Int) throws(BackendError) -> Workspace

    /// Adds guesses for several texts at once: the same as one after the other, but a drafter with weights reads them once. All
    /// contexts have the same stream.
    func propose(
        _ drafts: inout [TextDraft<State>], workspace: inout Workspace
    ) throws(BackendError)
}

extension Drafter {
    public var requirements: DraftRequirements { DraftRequirements() }

    public func follow(_ rows: ConfirmedRows, state: inout State) {}

    public func observe(_ outcome: StepOutcome, state: inout State) {}

    /// One text after the other.
    public func propose(
        _ drafts: inout [TextDraft<State>], workspace: inout Workspace
    ) throws(BackendError) {
        for index in drafts.indices { try drafts[index].run(self) }
    }
}

extension Drafter where Workspace == Void {
    public func makeWorkspace(texts: Int) {}
}

extension Drafter where State == Void {
    public func makeState() {}
}

/// One of the texts that are drafted for at the same time.
public struct TextDraft<State: Sendable> {
    public let context: DraftContext
    public let budget: DraftBudget
    /// What the drafter remembers of the text.
    public var state: State
    /// Receives the guesses.
    public var proposal: DraftProposal

    public init(_ context: DraftContext, budget: DraftBudget, state: State, proposal: DraftProposal) {
        self.context = context
        self.budget = budget
        self.state = state
        self.proposal = proposal
    }

    fileprivate mutating func run<D: Drafter>(_ drafter: D) throws(BackendError) where D.State == State {
        try drafter.propose(context, budget: budget, state: &state, proposal: &proposal)
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
