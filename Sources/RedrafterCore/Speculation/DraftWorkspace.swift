/// What one drafter needs to draft for several texts at once, whose states are sessions of it.
public struct DraftWorkspace: Sendable {
    private var body: any DraftBatching

    /// - Parameters:
    ///   - drafter: of the sessions.
    ///   - texts: that may be drafted for at once, at most.
    public init(_ drafter: some Drafter, texts: Int) throws(BackendError) {
        body = DraftBatch(drafter: drafter, workspace: try drafter.makeWorkspace(texts: texts))
    }

    /// Opens the existential.
    public static func make(_ drafter: any Drafter, texts: Int) throws(BackendError) -> DraftWorkspace {
        try DraftWorkspace(drafter, texts: texts)
    }

    /// Drafts for all texts; see `Drafter.propose`.
    public mutating func propose(_ drafts: inout [SessionDraft]) throws(BackendError) {
        try body.propose(&drafts)
    }
}

/// A text that is drafted for with others.
public struct SessionDraft {
    public let context: DraftContext
    public let budget: DraftBudget
    /// Of the workspace's drafter.
    public var session: DraftSession
    /// Receives the guesses.
    public var proposal: DraftProposal

    public init(
        _ context: DraftContext, budget: DraftBudget, session: DraftSession, proposal: DraftProposal
    ) {
        self.context = context
        self.budget = budget
        self.session = session
        self.proposal = proposal
    }
}

private protocol DraftBatching: Sendable {
    mutating func propose(_ drafts: inout [SessionDraft]) throws(BackendError)
}

private struct DraftBatch<D: Drafter>: DraftBatching {
    let drafter: D
    var workspace: D.Workspace

    mutating func propose(_ drafts: inout [SessionDraft]) throws(BackendError) {
        // States are moved, not copied: some are large.
        var texts = [TextDraft<D.State>]()
        texts.reserveCapacity(drafts.count)
        for index in drafts.indices {
            texts.append(
                TextDraft(
                    drafts[index].context, budget: drafts[index].budget,
                    state: drafts[index].session.takeState(of: D.self), proposal: drafts[index].proposal))
        }
        defer {
            for index in drafts.indices.reversed() {
                let text = texts.removeLast()
                drafts[index].session.putBack(text.state, of: drafter)
                drafts[index].proposal = text.proposal
            }
        }
        try drafter.propose(&texts, workspace: &workspace)
    }
}
