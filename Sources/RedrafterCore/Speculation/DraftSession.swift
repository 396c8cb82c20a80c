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

    public mutating func propose(
        _ context: DraftContext, budget: DraftBudget, proposal: inout DraftProposal
    ) throws(BackendError) {
        try body.propose(context, budget: budget, proposal: &proposal)
    }
}

private protocol StatefulDrafter: Sendable {
    var erased: any Drafter { get }

    mutating func follow(_ rows: ConfirmedRows) throws(BackendError)

    mutating func propose(
        _ context: DraftContext, budget: DraftBudget, proposal: inout DraftProposal
    ) throws(BackendError)
}

private struct Stateful<D: Drafter>: StatefulDrafter {
    let drafter: D
    var state: D.State

    var erased: any Drafter { drafter }

    mutating func follow(_ rows: ConfirmedRows) throws(BackendError) {
        try drafter.follow(rows, state: &state)
    }

    mutating func propose(
        _ context: DraftContext, budget: DraftBudget, proposal: inout DraftProposal
    ) throws(BackendError) {
        try drafter.propose(context, budget: budget, state: &state, proposal: &proposal)
    }
}
