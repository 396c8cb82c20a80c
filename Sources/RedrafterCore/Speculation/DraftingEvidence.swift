/// What the loop has measured so far, for tree builders and drafters to decide by.
public struct DraftingEvidence: Sendable {
    /// Estimated against observed acceptance.
    public var calibration = AcceptanceCalibration()
    /// What passes and drafts cost.
    public var prices = PassPrices()
    /// Committed tokens.
    public var contextLength = 0
    /// Tokens after the root that can still become part of the text: the context, and the tokens asked for, end there.
    public var room = 0

    /// Tokens that the texts which share passes get in a second: what a second is worth. Nil where a text has them to itself.
    public var tokensPerSecond: Double?

    public init() {}

    mutating func observe(_ outcome: StepOutcome) {
        calibration.observe(outcome.tree, path: outcome.path)
        prices.observePass(
            rows: outcome.tree.count, contextLength: contextLength, duration: outcome.durations.verify)
        if outcome.isDrafted { prices.observeDraft(outcome.durations.draft) }
    }
}
