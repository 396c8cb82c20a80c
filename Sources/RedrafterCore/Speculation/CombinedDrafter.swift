/// Several drafters in one tree, as in `rnn+lookup`: the union of their guesses.
///
/// Members are asked in the order of their measured prices. An expensive one is asked only where what the tree promises
/// already, by calibrated estimates, is less than what this member has promised lately.
public struct CombinedDrafter: Drafter {
    public let name: String
    public let requirements: DraftRequirements
    public let members: [any Drafter]

    /// What a combination remembers of a text.
    public struct State: Sendable {
        fileprivate var members: [Member]
        /// Indices of members, those with the lowest price first.
        fileprivate var order: [Int]
    }

    fileprivate struct Member: Sendable {
        var session: DraftSession
        /// Tokens that it has lately promised beyond the certain one; nil before its first draft.
        var promise: Double?
        /// Seconds of its drafts.
        var price = RunningMedian()
        /// Drafts that it is left out of, and how many it is left out of the next time that it does not pay.
        var restLeft = 0
        var restLength = CombinedDrafter.firstRest
    }

    /// - Parameter members: at least one, at most `UInt8.max`.
    public init(_ members: [any Drafter]) {
        precondition(!members.isEmpty && members.count <= UInt8.max, "a combination has members")
        name = members.map(\.name).joined(separator: "+")
        requirements = members.reduce(DraftRequirements()) { $0.union($1.requirements) }
        self.members = members
    }

    public func makeState() throws(BackendError) -> State {
        var states = [Member]()
        for member in members { states.append(Member(session: try DraftSession.make(member))) }
        return State(members: states, order: Array(states.indices))
    }

    public func follow(_ rows: ConfirmedRows, state: inout State) throws(BackendError) {
        for index in state.members.indices { try state.members[index].session.follow(rows) }
    }

    public func observe(_ outcome: StepOutcome, state: inout State) {
        for index in state.members.indices { state.members[index].session.observe(outcome) }
    }

    public func propose(
        _ context: DraftContext, budget: DraftBudget, state: inout State, proposal: inout DraftProposal
    ) throws(BackendError) {
        for index in state.order where isAsked(index, of: &state, context, budget, proposal) {
            var own = DraftProposal(root: context.root)
            own.source = DraftSource(index: UInt8(index))
            let start = ContinuousClock.now
            try state.members[index].session.propose(context, budget: budget, proposal: &own)
            state.members[index].learn(own, budget, context, seconds: start.duration(to: .now) / .seconds(1))
            proposal.unite(own)
        }
        state.sortByPrice()
    }

    public func makeWorkspace(texts: Int) throws(BackendError) -> [DraftWorkspace] {
        var workspaces = [DraftWorkspace]()
        for member in members { workspaces.append(try DraftWorkspace.make(member, texts: texts)) }
        return workspaces
    }

    /// Each text asks its members in its own order; those that are asked for the same member at the same time share a draft.
    public func propose(
        _ drafts: inout [TextDraft<State>], workspace: inout [DraftWorkspace]
    ) throws(BackendError) {
        for place in members.indices {
            for index in members.indices {
                let asking = drafts.indices.filter { text in
                    guard drafts[text].state.order[place] == index else { return false }
                    let (context, budget) = (drafts[text].context, drafts[text].budget)
                    let proposal = drafts[text].proposal
                    return isAsked(index, of: &drafts[text].state, context, budget, proposal)
                }
                guard !asking.isEmpty else { continue }
                try propose(&drafts, asking, member: index, &workspace[index])
            }
        }
        for text in drafts.indices { drafts[text].state.sortByPrice() }
    }

    private func propose(
        _ drafts: inout [TextDraft<State>], _ asking: [Int], member index: Int,
        _ workspace: inout DraftWorkspace
    ) throws(BackendError) {
        let start = ContinuousClock.now
        var own = asking.map { text in
            var proposal = DraftProposal(root: drafts[text].context.root)
            proposal.source = DraftSource(index: UInt8(index))
            return SessionDraft(
                drafts[text].context, budget: drafts[text].budget,
                session: drafts[text].state.members[index].session.taken(), proposal: proposal)
        }
        defer {
            for (text, draft) in zip(asking, own) {
                drafts[text].state.members[index].session = draft.session
            }
        }
        try workspace.propose(&own)
        let seconds = start.duration(to: .now) / .seconds(asking.count)
        for (text, draft) in zip(asking, own) {
            drafts[text].state.members[index].learn(
                draft.proposal, draft.budget, draft.context, seconds: seconds)
            drafts[text].proposal.unite(draft.proposal)
        }
    }

    /// An expensive member is not asked where the others promise as much as it has lately. Where texts share passes, a second is
    /// worth more, and it is not asked either where what it adds does not pay for its time; then it is tried after 4, 8, …
    /// drafts.
    private func isAsked(
        _ index: Int, of state: inout State, _ context: DraftContext, _ budget: DraftBudget,
        _ proposal: DraftProposal
    ) -> Bool {
        let (member, evidence) = (state.members[index], context.evidence)
        guard let promise = member.promise else { return true }
        let plain = evidence.prices.plainSeconds(contextLength: evidence.contextLength)
        guard member.price.median > Self.cheapShare * (plain ?? 0) else { return true }
        let promised = proposal.tree.promise(budget, evidence.calibration)
        guard let worth = evidence.tokensPerSecond else {
            return proposal.tree.count == 1 || promised < promise
        }
        if promise - promised > worth * member.price.median {
            state.members[index].restLength = Self.firstRest
            return true
        }
        return state.members[index].restIsOver()
    }

    /// Share of a plain pass that a draft may cost to be asked always.
    private static let cheapShare = 0.02
    fileprivate static let firstRest = 4
    fileprivate static let longestRest = 256
}

extension CombinedDrafter.Member {
    /// Counts a draft that the member is left out of; true where it is time for a trial.
    fileprivate mutating func restIsOver() -> Bool {
        if restLeft > 0 {
            restLeft -= 1
            return false
        }
        restLeft = restLength
        restLength = min(restLength * 2, CombinedDrafter.longestRest)
        return true
    }

    fileprivate mutating func learn(
        _ proposal: DraftProposal, _ budget: DraftBudget, _ context: DraftContext, seconds: Double
    ) {
        let promised = proposal.tree.promise(budget, context.evidence.calibration)
        promise = promise.map { $0 + (promised - $0) / 8 } ?? promised
        price.add(seconds)
    }
}

extension CombinedDrafter.State {
    fileprivate mutating func sortByPrice() {
        order.sort { members[$0].price.median < members[$1].price.median }
    }
}

extension DraftProposal {
    /// Adds the guesses of another draft from the same root.
    fileprivate mutating func unite(_ other: DraftProposal) {
        nonFiniteRows += other.nonFiniteRows
        tree.unite(other.tree)
    }
}

extension TokenTree {
    /// Expected confirmed guesses where the most probable ones that the budget allows are verified.
    fileprivate func promise(_ budget: DraftBudget, _ calibration: AcceptanceCalibration) -> Double {
        let probabilities = calibration.pathProbabilities(self).dropFirst().sorted(by: >)
        return probabilities.prefix(budget.nodes).reduce(0, +)
    }

    /// Adds all nodes of a tree with the same root.
    fileprivate mutating func unite(_ other: TokenTree) {
        var places = [0]
        for node in other.nodes.dropFirst() {
            places.append(
                insert(
                    node.token, after: places[node.parent], logAcceptance: node.logAcceptance,
                    source: node.source))
        }
    }
}
