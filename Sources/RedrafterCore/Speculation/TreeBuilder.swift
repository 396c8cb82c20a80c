/// What the loop has measured so far, for tree builders to decide by.
public struct DraftingEvidence: Sendable {
    public var calibration = AcceptanceCalibration()
    public var prices = PassPrices()
    /// Committed tokens.
    public var contextLength = 0
    /// Tokens after the root that can still become part of the text: the context, and the tokens asked for, end there.
    public var room = 0

    public init() {}

    mutating func observe(_ outcome: StepOutcome) {
        calibration.observe(outcome.tree, path: outcome.path)
        prices.observePass(
            rows: outcome.tree.count, contextLength: contextLength, duration: outcome.durations.verify)
        if outcome.isDrafted { prices.observeDraft(outcome.durations.draft) }
    }
}

/// Where the time of a step went.
public struct StepDurations: Sendable, Hashable {
    /// Drafting and choosing the tree.
    public var draft = Duration.zero
    /// The pass over the tree, and choosing the model's tokens.
    public var verify = Duration.zero
    /// Keeping the confirmed rows, and all else.
    public var rest = Duration.zero

    public init() {}
}

/// What one step of the loop did.
public struct StepOutcome: Sendable {
    /// The tree that was verified.
    public let tree: TokenTree
    /// The confirmed nodes from the root on, as the verifier found them.
    public let path: [Int]
    /// Tokens that became part of the text in this step; the first `acceptedCount` of them were drafted.
    public let tokens: [Int32]
    /// Drafted tokens that became part of the text: fewer than the path has where the text ended before its end.
    public let acceptedCount: Int
    /// False where the drafter rested.
    public let isDrafted: Bool
    public let nonFiniteDraftRows: Int
    public let durations: StepDurations
}

/// Chooses which guesses are verified.
public protocol TreeBuilder: Sendable {
    /// Name in reports and on the command line.
    var name: String { get }

    /// What a draft may propose now; nil where the drafter rests. Called once a step, before the drafter.
    mutating func budget(_ evidence: DraftingEvidence) -> DraftBudget?

    /// The nodes to verify, closed under ancestors: a selection of `proposal`, with at most `maximumRows` nodes.
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
        return room > 0 ? DraftBudget(nodes: maximumRows - 1, depth: room) : nil
    }

    public func build(_ proposal: TokenTree, _ evidence: DraftingEvidence) -> TokenTree {
        proposal.mostProbable(maximumRows, evidence)
    }
}

extension TokenTree {
    /// Nodes in the order of falling path probability, parents before their children, no deeper than `maximumDepth`; the
    /// root is first.
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
