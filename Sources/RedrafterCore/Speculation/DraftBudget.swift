/// How much a draft may propose, and what the tree builder will choose from it.
public struct DraftBudget: Sendable, Hashable {
    /// What the tree builder does with a proposal. A drafter that pays no attention to it loses speed, nothing else.
    public enum Selection: Sendable, Hashable {
        /// Verifies what is proposed, whole branches, as in ReDrafter.
        case branches
        /// Chooses single nodes among all that the search has looked at. Guesses that are confirmed less often than
        /// `leastProbability`, with all that lead to them, are not worth a row of the pass: a search need not follow them.
        case nodes(leastProbability: Double = 0)
        /// Chooses by rank: the path `[0, 2]` is the third-best guess for the second token after the best one for the first.
        case ranks([[Int]])
    }

    /// Guesses that can be verified, the root not counted. More may be proposed where the builder chooses among them.
    public var nodes: Int
    /// Tokens after the root that can still become part of the text.
    public var depth: Int
    /// What the tree builder does with the proposal.
    public var selection: Selection

    public init(nodes: Int, depth: Int, selection: Selection = .branches) {
        self.nodes = nodes
        self.depth = depth
        self.selection = selection
    }
}
