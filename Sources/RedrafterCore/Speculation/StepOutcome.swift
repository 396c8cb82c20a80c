/// What one step of the loop did.
public struct StepOutcome: Sendable {
    /// The tree that was verified.
    public let tree: TokenTree
    /// The confirmed nodes from the root on, as the verifier found them.
    public let path: [Int]
    /// Tokens that became part of the text in this step; the first `acceptedCount` of them were drafted.
    public let tokens: [Int32]
    /// `Verdict.mostLikely`. `[nodes]`
    public let mostLikely: [Int32]
    /// Drafted tokens that became part of the text: fewer than the path has where the text ended before its end.
    public let acceptedCount: Int
    /// False where the drafter rested.
    public let isDrafted: Bool
    /// Rows of the draft that held NaN or infinity.
    public let nonFiniteDraftRows: Int
    /// Where the time went.
    public let durations: StepDurations

    /// - Parameters:
    ///   - tree: what was verified.
    ///   - verdict: of the tree.
    ///   - taken: those of `verdict.tokens(in: tree)` that became part of the text.
    ///   - isDrafted: false where the drafter rested.
    ///   - nonFiniteDraftRows: rows of the draft that held NaN or infinity.
    ///   - durations: where the time went.
    package init(
        tree: TokenTree, verdict: Verdict, taken: [Int32], isDrafted: Bool, nonFiniteDraftRows: Int,
        durations: StepDurations
    ) {
        self.tree = tree
        path = verdict.path
        tokens = taken
        mostLikely = verdict.mostLikely
        acceptedCount = min(taken.count, verdict.path.count - 1)
        self.isDrafted = isDrafted
        self.nonFiniteDraftRows = nonFiniteDraftRows
        self.durations = durations
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

    package static func += (total: inout StepDurations, more: StepDurations) {
        total.draft += more.draft
        total.verify += more.verify
        total.rest += more.rest
    }
}

/// Measures the parts of a step, one after the other.
package struct Stopwatch {
    package private(set) var durations = StepDurations()
    private var last = ContinuousClock.now

    package init() {}

    /// Adds the time since the last lap to a part.
    package mutating func lap(_ part: WritableKeyPath<StepDurations, Duration>) {
        let now = ContinuousClock.now
        durations[keyPath: part] += last.duration(to: now)
        last = now
    }
}
