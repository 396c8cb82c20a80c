/// Counters of a text and the rates that follow from them, in the terms of llama.cpp and vLLM. Tokens after the end of the
/// text do not count as accepted.
public struct SpeculationMetrics: Sendable, Hashable {
    /// Steps of the loop: passes over the model after the prompt.
    public private(set) var steps = 0
    /// Steps in which the drafter was asked.
    public private(set) var draftedSteps = 0
    /// Steps whose tree held at least one guess, `num_spec_steps`.
    public private(set) var speculativeSteps = 0
    /// Guesses that were verified, `num_draft_tokens`.
    public private(set) var draftTokens = 0
    /// Guesses that became part of the text, `num_accepted_draft_tokens`.
    public private(set) var acceptedTokens = 0
    /// Steps that accepted a guess at depth i + 1, `num_accepted_tokens_per_pos`.
    public private(set) var acceptedPerPosition: [Int] = []
    /// Steps whose tree had a guess at depth i + 1.
    public private(set) var draftedPerPosition: [Int] = []
    /// Rows of all passes.
    public private(set) var rows = 0
    /// Rows of drafts that held NaN or infinity, `draft_nonfinite`.
    public private(set) var nonFiniteDraftRows = 0
    /// Tokens of the text that came from steps.
    public private(set) var tokens = 0
    public private(set) var durations = StepDurations()

    public init() {}

    /// Tokens that a step adds to the text.
    public var meanAcceptanceLength: Double { ratio(tokens, steps) }
    /// Accepted share of the verified guesses.
    public var acceptanceRate: Double { ratio(acceptedTokens, draftTokens) }
    public var rowsPerStep: Double { ratio(rows, steps) }
    /// Share of all steps that accepted a guess at depth i + 1.
    public var acceptancePerPosition: [Double] { acceptedPerPosition.map { ratio($0, steps) } }

    public mutating func count(_ outcome: StepOutcome) {
        steps += 1
        draftedSteps += outcome.isDrafted ? 1 : 0
        speculativeSteps += outcome.tree.count > 1 ? 1 : 0
        draftTokens += outcome.tree.count - 1
        acceptedTokens += outcome.acceptedCount
        rows += outcome.tree.count
        nonFiniteDraftRows += outcome.nonFiniteDraftRows
        tokens += outcome.tokens.count
        increment(&acceptedPerPosition, upTo: outcome.acceptedCount)
        increment(&draftedPerPosition, upTo: outcome.tree.depth)
        durations += outcome.durations
    }

    /// Adds the counters of another text.
    public mutating func add(_ other: SpeculationMetrics) {
        steps += other.steps
        draftedSteps += other.draftedSteps
        speculativeSteps += other.speculativeSteps
        draftTokens += other.draftTokens
        acceptedTokens += other.acceptedTokens
        rows += other.rows
        nonFiniteDraftRows += other.nonFiniteDraftRows
        tokens += other.tokens
        add(&acceptedPerPosition, other.acceptedPerPosition)
        add(&draftedPerPosition, other.draftedPerPosition)
        durations += other.durations
    }

    private func increment(_ counts: inout [Int], upTo depth: Int) {
        add(&counts, [Int](repeating: 1, count: depth))
    }

    private func add(_ counts: inout [Int], _ more: [Int]) {
        counts += [Int](repeating: 0, count: max(0, more.count - counts.count))
        for (index, count) in more.enumerated() { counts[index] += count }
    }

    private func ratio(_ part: Int, _ whole: Int) -> Double { whole > 0 ? Double(part) / Double(whole) : 0 }
}
