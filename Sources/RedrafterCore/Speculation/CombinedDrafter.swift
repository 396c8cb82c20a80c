/// Several drafters in one tree, as in `rnn+lookup`: the union of their guesses.
///
/// Drafters that compute nothing on the device are asked first. A dear one is called only where what they promise, by
/// calibrated estimates, is less than what the dear one has promised lately.
public struct CombinedDrafter: Drafter {
    public let name: String
    public let requirements: DraftRequirements
    /// Cheap ones first, else as given.
    public let members: [any Drafter]

    /// What a combination remembers of a text.
    public struct State: Sendable {
        fileprivate var streams: [DraftSession]
        /// Tokens that each member has lately promised beyond the certain one; nil before its first draft.
        fileprivate var promises: [Double?]
    }

    /// - Parameter members: at least one, at most `UInt8.max`.
    public init(_ members: [any Drafter]) {
        precondition(!members.isEmpty && members.count <= UInt8.max, "a combination has members")
        name = members.map(\.name).joined(separator: "+")
        requirements = members.reduce(into: []) { $0.formUnion($1.requirements) }
        self.members =
            members.filter { $0.requirements.isEmpty } + members.filter { !$0.requirements.isEmpty }
    }

    public func makeState() throws(BackendError) -> State {
        var streams = [DraftSession]()
        for member in members { streams.append(try DraftSession.make(member)) }
        return State(streams: streams, promises: [Double?](repeating: nil, count: members.count))
    }

    public func propose(
        _ context: DraftContext, budget: DraftBudget, state: inout State, proposal: inout DraftProposal
    ) throws(BackendError) {
        for index in members.indices {
            let isDear = !members[index].requirements.isEmpty
            if isDear, let promise = state.promises[index],
                proposal.tree.promise(budget, context.calibration) >= promise
            {
                continue
            }
            var own = DraftProposal(root: context.root)
            own.source = DraftSource(index: UInt8(index))
            try state.streams[index].propose(context, budget: budget, proposal: &own)
            let promise = own.tree.promise(budget, context.calibration)
            state.promises[index] = state.promises[index].map { $0 + (promise - $0) / 8 } ?? promise
            proposal.nonFiniteRows += own.nonFiniteRows
            proposal.tree.unite(own.tree)
        }
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
