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

    public func propose(
        _ context: DraftContext, budget: DraftBudget, state: inout State, proposal: inout DraftProposal
    ) throws(BackendError) {
        let calibration = context.evidence.calibration
        let plain = context.evidence.prices.seconds(rows: 1, contextLength: context.evidence.contextLength)
        let cheap = Self.cheapShare * (plain ?? 0)
        for index in state.order {
            let member = state.members[index]
            if proposal.tree.count > 1, member.price.median > cheap, let promise = member.promise,
                proposal.tree.promise(budget, calibration) >= promise
            {
                continue
            }
            var own = DraftProposal(root: context.root)
            own.source = DraftSource(index: UInt8(index))
            let start = ContinuousClock.now
            try state.members[index].session.propose(context, budget: budget, proposal: &own)
            state.members[index].learn(
                own.tree.promise(budget, calibration), seconds: start.duration(to: .now) / .seconds(1))
            proposal.nonFiniteRows += own.nonFiniteRows
            proposal.tree.unite(own.tree)
        }
        state.order.sort { state.members[$0].price.median < state.members[$1].price.median }
    }

    /// Share of a plain pass that a draft may cost to be asked always.
    private static let cheapShare = 0.02
}

extension CombinedDrafter.Member {
    fileprivate mutating func learn(_ promised: Double, seconds: Double) {
        promise = promise.map { $0 + (promised - $0) / 8 } ?? promised
        price.add(seconds)
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
