/// Verifies all beams, shared prefixes once (dynamic tree attention, ReDrafter section 3.2).
public struct DynamicTree: TreeBuilder {
    public let name = "dynamic"
    public let maximumRows: Int

    /// - Parameter maximumRows: 1 to `TreeLimits.maximumRows`; where the beams need more, the least probable nodes are left out.
    public init(maximumRows: Int = TreeLimits.maximumRows) {
        self.maximumRows = min(max(maximumRows, 1), TreeLimits.maximumRows)
    }

    public func budget(_ evidence: DraftingEvidence) -> DraftBudget? {
        let room = min(evidence.room, maximumRows - 1)
        return room > 0 ? DraftBudget(nodes: maximumRows - 1, depth: room, selection: .branches) : nil
    }

    public func build(_ proposal: TokenTree, _ evidence: DraftingEvidence) -> TokenTree {
        proposal.mostProbable(maximumRows, evidence)
    }
}
