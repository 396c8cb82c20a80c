/// Verifies the set of guesses that promises the most tokens for its time, and lets the drafter rest where drafting does not
/// pay.
///
/// Nodes are taken by falling probability that the model confirms them, calibrated by what was observed, as many as maximise
///
///     (1 + Σ p) / (seconds of the draft + seconds of a pass over so many rows)
///
/// Every price is measured in this process. Whether drafting pays is judged by what drafts have promised lately: calibrated, that
/// is what comes of them on average, and it scatters less. A drafter that rests is tried again after 4, 8, … steps: at most so
/// many that the trials cost half a percent of the time, so that cheap drafters are tried often. A trial that pays ends the
/// rest.
public struct CostAwareTree: TreeBuilder {
    public let name = "cost-aware"
    public let maximumRows: Int
    /// Time that a drafted step saves over plain steps for the same tokens: above 1, drafting pays.
    private var gain = 1.1
    /// Tokens a second that the last tree promised.
    private var promisedRate = 0.0
    private var restLeft = 0
    private var restLength = firstRest

    /// - Parameter maximumRows: 1 to `TreeLimits.maximumRows`.
    public init(maximumRows: Int = TreeLimits.maximumRows) {
        self.maximumRows = min(max(maximumRows, 1), TreeLimits.maximumRows)
    }

    public mutating func budget(_ evidence: DraftingEvidence) -> DraftBudget? {
        // Without the price of a plain pass nothing can be compared: this is one, to measure it.
        guard evidence.prices.isPlainKnown(contextLength: evidence.contextLength) else { return nil }
        if restLeft > 0 {
            restLeft -= 1
            return nil
        }
        let rows = min(maximumRows, evidence.prices.affordableRows)
        let depth = min(evidence.room, rows - 1)
        guard depth > 0 else { return nil }
        return DraftBudget(
            nodes: rows - 1, depth: depth, selection: .nodes(leastProbability: leastProbability(evidence)))
    }

    /// Tokens that plain decoding, or drafting where that is faster, gives in the time that one more row costs.
    private func leastProbability(_ evidence: DraftingEvidence) -> Double {
        let rows = min(Self.typicalRows, maximumRows)
        guard rows > 1,
            let plain = evidence.prices.plainSeconds(contextLength: evidence.contextLength),
            let pass = evidence.prices.seconds(rows: rows, contextLength: evidence.contextLength), plain > 0
        else { return 0 }
        return max(gain, 1) / plain * max(pass - plain, 0) / Double(rows - 1)
    }

    public mutating func build(_ proposal: TokenTree, _ evidence: DraftingEvidence) -> TokenTree {
        let probabilities = evidence.calibration.pathProbabilities(proposal)
        let ranked = proposal.ranked(maximumDepth: evidence.room, probabilities: probabilities)
        let prices = evidence.prices.list(contextLength: evidence.contextLength)
        let limit = min(maximumRows, evidence.prices.affordableRows, ranked.count)
        var best = (rows: 1, rate: 0.0)
        var expected = 0.0
        for rows in 1...limit {
            expected += probabilities[ranked[rows - 1]]
            let rate = expected / (evidence.prices.draftSeconds + (prices?.seconds(rows: rows) ?? 0))
            if rate > best.rate { best = (rows, rate) }
        }
        promisedRate = best.rate
        var isKept = [Bool](repeating: false, count: proposal.count)
        for node in ranked.prefix(best.rows) { isKept[node] = true }
        return proposal.selecting(isKept)
    }

    public mutating func observe(_ outcome: StepOutcome, _ evidence: DraftingEvidence) {
        guard outcome.isDrafted,
            let plain = evidence.prices.plainSeconds(contextLength: evidence.contextLength),
            let pass = evidence.prices.seconds(
                rows: outcome.tree.count, contextLength: evidence.contextLength)
        else { return }
        let spent = evidence.prices.draftSeconds + pass
        let saved = promisedRate * plain
        let endsRest = gain < Self.losingGain && saved > 1
        gain = endsRest ? 1 : gain + (saved - gain) * Self.learningRate
        if gain >= Self.losingGain {
            restLength = Self.firstRest
        } else {
            restLeft = min(restLength, Int(((spent - plain) / plain / Self.trialCost).rounded(.up)))
            restLength = min(restLength * 2, Self.longestRest)
        }
    }

    /// Rows over which the price of one more is averaged.
    private static let typicalRows = 4
    private static let learningRate = 0.1
    /// A little below 1: drafts that cost nothing and guess nothing are no reason to stop looking.
    private static let losingGain = 0.98
    private static let firstRest = 4
    private static let longestRest = 256
    /// Share of the time that trials of a losing drafter may cost.
    private static let trialCost = 0.005
}
