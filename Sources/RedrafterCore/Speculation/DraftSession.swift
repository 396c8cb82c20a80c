/// A drafter with its state for one text.
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

    public mutating func follow(_ rows: ConfirmedRows) throws(BackendError) { try body.follow(rows) }

    public mutating func observe(_ outcome: StepOutcome) { body.observe(outcome) }

    public mutating func propose(
        _ context: DraftContext, budget: DraftBudget, proposal: inout DraftProposal
    ) throws(BackendError) {
        try body.propose(context, budget: budget, proposal: &proposal)
    }

    /// The state, which the session lacks until it is put back.
    mutating func takeState<D: Drafter>(of drafter: D.Type) -> D.State {
        guard let own = body as? Stateful<D> else {
            preconditionFailure("a session of another drafter")
        }
        body = NoState(drafter: own.drafter)
        return own.state
    }

    mutating func putBack<D: Drafter>(_ state: D.State, of drafter: D) {
        body = Stateful(drafter: drafter, state: state)
    }

    /// The session, in whose place stays one without a state until it is put back.
    package mutating func taken() -> DraftSession {
        let session = self
        body = NoState(drafter: drafter)
        return session
    }
}

private protocol StatefulDrafter: Sendable {
    var erased: any Drafter { get }

    mutating func follow(_ rows: ConfirmedRows) throws(BackendError)

    mutating func observe(_ outcome: StepOutcome)

    mutating func propose(
        _ context: DraftContext, budget: DraftBudget, proposal: inout DraftProposal
    ) throws(BackendError)
}

/// Holds the place of a state that is in use elsewhere.
private struct NoState: StatefulDrafter {
    let drafter: any Drafter
    var erased: any Drafter { drafter }

    mutating func follow(_ rows: ConfirmedRows) { preconditionFailure("the state is in use") }

    mutating func observe(_ outcome: StepOutcome) { preconditionFailure("the state is in use") }

    mutating func propose(_ context: DraftContext, budget: DraftBudget, proposal: inout DraftProposal) {
        preconditionFailure("the state is in use")
    }
}

private struct Stateful<D: Drafter>: StatefulDrafter {
    let drafter: D
    var state: D.State

    var erased: any Drafter { drafter }

    mutating func follow(_ rows: ConfirmedRows) throws(BackendError) {
        try drafter.follow(rows, state: &state)
    }

    mutating func observe(_ outcome: StepOutcome) { drafter.observe(outcome, state: &state) }

    mutating func propose(
        _ context: DraftContext, budget: DraftBudget, proposal: inout DraftProposal
    ) throws(BackendError) {
        try drafter.propose(context, budget: budget, state: &state, proposal: &proposal)
    }
}
