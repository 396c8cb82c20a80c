/// The cost-aware rule over the trees of several texts that share a pass: rows go where they promise most.
///
/// All guesses of all texts are taken by falling probability that the model confirms them, as many as maximise
///
///     (texts + Σ p) / (seconds of the drafts + seconds of a pass over so many rows)
///
/// so that under load, where a row costs more of everybody's time, trees shrink, to one row each if that is best. A text whose
/// guesses do not pay for their draft and their rows rests. Texts that rest are tried again, all in the same pass, after 4, 8, …
/// passes, until such a trial pays for all of its drafts. Every price is measured in this process.
public struct CostAwareForest: Sendable {
    /// Rows of the next pass at most, prompts not counted. 1 to `TreeLimits.maximumRows`
    public var maximumRows: Int
    /// What passes without rows of prompts cost; context lengths are sums over the texts.
    public private(set) var prices = PassPrices()
    /// Tokens a second that the best choice promised lately, over those of a pass with one row for each text.
    private var advantage = 1.0
    private var trials = Trials()
    private var isTrial = false

    /// - Parameter maximumRows: 1 to `TreeLimits.maximumRows`.
    public init(maximumRows: Int = TreeLimits.maximumRows) {
        self.maximumRows = min(max(maximumRows, 1), TreeLimits.maximumRows)
    }

    /// What is known of one text, and what it may have.
    public struct Text: Sendable {
        /// Estimated against observed acceptance.
        public var calibration: AcceptanceCalibration
        /// Tokens after the root that can still become part of the text.
        public var room = 0
        /// Rows for this text at most, the root included.
        public var maximumRows: Int
        /// Seconds of the last drafts, this text's share of them.
        public private(set) var draftSeconds: Double
        /// Tokens that drafting has gained for a pass lately, after the price of draft and rows.
        public private(set) var gain: Double

        /// - Parameters:
        ///   - maximumRows: rows for this text at most, the root included.
        ///   - calibration: what other texts have taught of the same drafter.
        ///   - draftSeconds: what drafts for other texts cost.
        ///   - gain: what drafting has gained for other texts; below 0 the text begins with a rest.
        public init(
            maximumRows: Int, calibration: AcceptanceCalibration = AcceptanceCalibration(),
            draftSeconds: Double = 0, gain: Double = 0.1
        ) {
            self.maximumRows = maximumRows
            self.calibration = calibration
            self.draftSeconds = draftSeconds
            self.gain = gain
        }

        /// Learns what this text's share of a draft has cost.
        public mutating func observeDraft(seconds: Double) {
            draftSeconds = draftSeconds > 0 ? draftSeconds + (seconds - draftSeconds) * 0.25 : seconds
        }

        /// Its drafts have not paid lately.
        fileprivate var isResting: Bool { gain < Self.losingGain }

        /// Learns what a draft promised after its price, in tokens.
        fileprivate mutating func learn(_ net: Double) {
            gain = isResting && net > 0 ? 0 : gain + (net - gain) * Self.learningRate
        }

        private static let learningRate = 0.1
        /// A little below 0: drafts that cost nothing and guess nothing are no reason to stop looking.
        private static let losingGain = -0.02
    }

    /// When texts that rest are tried again.
    private struct Trials: Sendable {
        private var interval = first
        private var passes = 0

        /// Whether the time has come.
        mutating func isDue() -> Bool {
            passes += 1
            guard passes >= interval else { return false }
            passes = 0
            return true
        }

        /// After a trial that did not promise to pay for all of its drafts, the next one comes later.
        mutating func learn(pays: Bool) { interval = pays ? Self.first : min(interval * 2, Self.last) }

        private static let first = 4
        private static let last = 256
    }

    /// What drafts may propose now; nil for texts that rest. Called once a pass, before the drafters.
    /// - Parameters:
    ///   - texts: those that get a tree in the pass.
    ///   - contextLength: committed tokens of all of them together.
    public mutating func budgets(_ texts: [Text], contextLength: Int) -> [DraftBudget?] {
        let rows = rowLimit(texts.count)
        isTrial = false
        // Where the price of a pass without guesses is not known, this is one.
        guard rows > texts.count, isPriced(texts: texts.count, contextLength: contextLength) else {
            return texts.map { _ in nil }
        }
        isTrial = texts.contains(where: \.isResting) && trials.isDue()
        let least = leastProbability(texts: texts.count, rows: rows, contextLength: contextLength)
        return texts.map { text in
            let nodes = min(text.maximumRows - 1, rows - texts.count)
            let depth = min(text.room, nodes)
            guard depth > 0, isTrial || !text.isResting else { return nil }
            return DraftBudget(nodes: nodes, depth: depth, selection: .nodes(leastProbability: least))
        }
    }

    /// Whether the price of a pass with one row for each of so many texts is known, with which everything is compared.
    public func isPriced(texts: Int, contextLength: Int) -> Bool {
        prices.isPlainKnown(texts: texts, contextLength: contextLength)
    }

    /// Tokens that so many texts get in a second.
    public func tokensPerSecond(texts: Int, contextLength: Int) -> Double? {
        guard let plain = prices.plainSeconds(texts: texts, contextLength: contextLength), plain > 0
        else { return nil }
        return Double(texts) * max(advantage, 1) / plain
    }

    /// The trees of the next pass.
    /// - Parameters:
    ///   - proposals: for each text the drafter's guesses, or the root alone where none were made.
    ///   - isDrafted: whether the drafter was asked.
    ///   - texts: learn what their draft promises.
    ///   - contextLength: as in `budgets`.
    public mutating func build(
        _ proposals: [TokenTree], isDrafted: [Bool], _ texts: inout [Text], contextLength: Int
    ) -> [TokenTree] {
        guard isDrafted.contains(true) else { return proposals.map { TokenTree(root: $0.root) } }
        let candidates = candidates(proposals, texts)
        let draft = zip(texts, isDrafted).reduce(0.0) { $0 + ($1.1 ? $1.0.draftSeconds : 0) }
        let count = texts.count
        let prices = prices.list(texts: count, contextLength: contextLength)
        func seconds(_ extra: Int) -> Double { prices?.seconds(rows: count + extra) ?? 0 }
        let plain = seconds(0)
        var best = (extra: 0, rate: Double(count) / (draft + plain))
        var expected = Double(count)
        for extra in stride(from: 1, through: min(candidates.count, rowLimit(count) - count), by: 1) {
            expected += candidates[extra - 1].probability
            let rate = expected / (draft + seconds(extra))
            if rate > best.rate { best = (extra, rate) }
        }
        var isKept = proposals.map { [Bool](repeating: false, count: $0.count) }
        var promised = [Double](repeating: 0, count: count)
        var rows = [Int](repeating: 0, count: count)
        for candidate in candidates.prefix(best.extra) {
            isKept[candidate.text][candidate.node] = true
            promised[candidate.text] += candidate.probability
            rows[candidate.text] += 1
        }
        let rowSeconds = best.extra > 0 ? max(seconds(best.extra) - plain, 0) / Double(best.extra) : 0
        var trialNet = 0.0
        for index in texts.indices where isDrafted[index] {
            let cost = Double(rows[index]) * rowSeconds + texts[index].draftSeconds
            let net = promised[index] - best.rate * cost - Self.margin
            if texts[index].isResting { trialNet += net }
            texts[index].learn(net)
        }
        if isTrial { trials.learn(pays: trialNet > 0) }
        advantage += (best.rate * plain / Double(count) - advantage) * Self.learningRate
        return zip(proposals, isKept).map { $0.selecting($1) }
    }

    /// Learns what a pass cost.
    /// - Parameters:
    ///   - rows: of trees; there were no others.
    ///   - texts: whose trees they were.
    ///   - contextLength: as in `budgets`.
    ///   - duration: of the pass, choosing tokens included.
    public mutating func observePass(rows: Int, texts: Int, contextLength: Int, duration: Duration) {
        prices.observePass(rows: rows, texts: texts, contextLength: contextLength, duration: duration)
    }

    /// A pass had rows of prompts.
    public mutating func observePrompt() { prices.observePrompt() }

    /// Rows of the next pass at most: only a little more than what was measured.
    private func rowLimit(_ texts: Int) -> Int { min(maximumRows, max(texts, prices.affordableRows)) }

    /// Tokens that are lost in the time that one more row costs.
    private func leastProbability(texts: Int, rows: Int, contextLength: Int) -> Double {
        let more = min(rows - texts, max(Self.typicalRows, texts))
        guard let worth = tokensPerSecond(texts: texts, contextLength: contextLength),
            let plain = prices.plainSeconds(texts: texts, contextLength: contextLength),
            let pass = prices.seconds(rows: texts + more, contextLength: contextLength)
        else { return 0 }
        return worth * max(pass - plain, 0) / Double(more)
    }

    private struct Candidate {
        var probability: Double
        var text: Int
        var node: Int
    }

    /// All guesses that there is room for, by falling probability; parents come before their children.
    private func candidates(_ proposals: [TokenTree], _ texts: [Text]) -> [Candidate] {
        var candidates = [Candidate]()
        for (index, proposal) in proposals.enumerated() where proposal.count > 1 {
            let probabilities = texts[index].calibration.pathProbabilities(proposal)
            let ranked = proposal.ranked(maximumDepth: texts[index].room, probabilities: probabilities)
            candidates += ranked.prefix(texts[index].maximumRows).dropFirst().map {
                Candidate(probability: probabilities[$0], text: index, node: $0)
            }
        }
        return candidates.sorted {
            $0.probability != $1.probability
                ? $0.probability > $1.probability : ($0.text, $0.node) < ($1.text, $1.node)
        }
    }

    private static let typicalRows = 3
    private static let learningRate = 0.1
    /// Tokens for a pass that drafts have to bring beyond their price: prices are estimates, and rows are bought where they look
    /// cheap, so that what promises less loses as often as it gains.
    private static let margin = 0.05
}
