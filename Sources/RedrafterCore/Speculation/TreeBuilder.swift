/// Chooses which guesses are verified.
///
///     func budget(_ evidence: DraftingEvidence) -> DraftBudget? {
///         evidence.room > 0 ? DraftBudget(nodes: 7, depth: min(evidence.room, 7)) : nil
///     }
///     func build(_ proposal: TokenTree, _ evidence: DraftingEvidence) -> TokenTree {
///         proposal.selecting(proposal.nodes.indices.map { $0 < 8 && proposal.nodes[$0].depth <= evidence.room })
///     }
public protocol TreeBuilder: Sendable {
    /// Name in reports and on the command line.
    var name: String { get }

    /// What a draft may propose now; nil where the drafter rests, and where `evidence.room` is 0. Called once a step, before
    /// the drafter.
    mutating func budget(_ evidence: DraftingEvidence) -> DraftBudget?

    /// The nodes to verify, closed under ancestors: a selection of `proposal`, no deeper than `evidence.room` and with at
    /// most `TreeLimits.maximumRows` nodes.
    mutating func build(_ proposal: TokenTree, _ evidence: DraftingEvidence) -> TokenTree

    /// Learns how the step went. `evidence` holds the step's measurements already.
    mutating func observe(_ outcome: StepOutcome, _ evidence: DraftingEvidence)
}

extension TreeBuilder {
    public mutating func observe(_ outcome: StepOutcome, _ evidence: DraftingEvidence) {}
}

/// Limits of one verification pass.
public enum TreeLimits {
    /// Rows of the largest tree.
    public static let maximumRows = 64
}

extension TokenTree {
    /// Nodes in the order of falling path probability, parents before their children, no deeper than `maximumDepth`; the
    /// root is first.
    /// - Complexity: O(n log n) in the number of nodes.
    func ranked(maximumDepth: Int, probabilities: [Double]) -> [Int] {
        nodes.indices.filter { nodes[$0].depth <= maximumDepth }.sorted {
            // A child is never more probable than its parent and comes later, so that ties keep the order, too.
            probabilities[$0] != probabilities[$1] ? probabilities[$0] > probabilities[$1] : $0 < $1
        }
    }

    /// The `count` most probable nodes that there is room for; closed under ancestors.
    func mostProbable(_ count: Int, _ evidence: DraftingEvidence) -> TokenTree {
        if self.count <= count, depth <= evidence.room { return self }
        var isKept = [Bool](repeating: false, count: self.count)
        let probabilities = evidence.calibration.pathProbabilities(self)
        for node in ranked(maximumDepth: evidence.room, probabilities: probabilities).prefix(count) {
            isKept[node] = true
        }
        return selecting(isKept)
    }
}
