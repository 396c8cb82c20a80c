import RedrafterCore

/// Verifies the guesses that are confirmed more often than not, with all that lead to them: a whole tree builder, to start
/// from.
public struct ThresholdTree: TreeBuilder {
    public let name = "threshold"
    public let maximumRows: Int

    public init(maximumRows: Int) { self.maximumRows = maximumRows }

    public func budget(_ evidence: DraftingEvidence) -> DraftBudget? {
        let depth = min(evidence.room, maximumRows - 1)
        return depth > 0
            ? DraftBudget(nodes: maximumRows - 1, depth: depth, selection: .nodes(leastProbability: 0.5))
            : nil
    }

    public func build(_ proposal: TokenTree, _ evidence: DraftingEvidence) -> TokenTree {
        let probabilities = evidence.calibration.pathProbabilities(proposal)
        var rows = 0
        return proposal.selecting(
            proposal.nodes.indices.map { index in
                guard probabilities[index] > 0.5, proposal.nodes[index].depth <= evidence.room else {
                    return false
                }
                rows += 1
                return rows <= maximumRows
            })
    }
}
