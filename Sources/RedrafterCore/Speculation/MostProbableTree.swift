/// Verifies a fixed number of guesses, the most probable of all that the search has looked at, whether they pay or not.
///
/// Acceptance at a given number of rows, without prices: what drafters are compared by where time does not count.
public struct MostProbableTree: TreeBuilder {
    public let name = "most-probable"
    public let maximumRows: Int

    /// - Parameter maximumRows: 1 to `TreeLimits.maximumRows`.
    public init(maximumRows: Int) {
        self.maximumRows = min(max(maximumRows, 1), TreeLimits.maximumRows)
    }

    public func budget(_ evidence: DraftingEvidence) -> DraftBudget? {
        let room = min(evidence.room, maximumRows - 1)
        return room > 0 ? DraftBudget(nodes: maximumRows - 1, depth: room, selection: .nodes()) : nil
    }

    public func build(_ proposal: TokenTree, _ evidence: DraftingEvidence) -> TokenTree {
        proposal.mostProbable(maximumRows, evidence)
    }
}
