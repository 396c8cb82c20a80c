import RedrafterCore
import RedrafterReport

/// Drafters side by side: the same prompts, model and settings, alternating in one run.
public struct Comparison: Sendable {
    /// What was run.
    public struct Settings: Sendable {
        /// Tokens of an answer at most.
        public var maximumTokens = 256
        /// Timed runs of each prompt with each drafter.
        public var repetitions = 3
        public var sampling = SamplingParameters.greedy
        public var usesChatTemplate = true
        public var speculation = SpeculationOptions()

        public init() {}
    }

    /// Figures over some prompts.
    public struct Figures: Sendable {
        /// Of the single answers.
        public let tokensPerSecond: Statistics
        /// Over plain decoding of the same prompt in the same round.
        public let speedup: Statistics
        public let metrics: SpeculationMetrics
        /// Token ids of all runs equal those of plain decoding on the same backend.
        public let isIdentical: Bool
    }

    /// Where an answer first differs from plain decoding's.
    public struct Difference: Sendable, Hashable {
        public let prompt: String
        /// Token of the answer, from 0.
        public let position: Int
    }

    /// One timed answer.
    public struct Sample: Sendable {
        public let prompt: String
        public let category: String?
        public let round: Int
        public let tokens: Int
        public let tokensPerSecond: Double
        public let speedup: Double
        public let metrics: SpeculationMetrics
        public let difference: Difference?
    }

    /// A drafter on a backend.
    public struct Entry: Sendable {
        public let drafter: String
        public let backend: BackendDescription
        /// False for verifiers that accept what plain decoding would not have said.
        public let isExact: Bool
        public let samples: [Sample]
        /// What passes cost in the end, by rows.
        public let prices: [(rows: Int, seconds: Double)]

        /// Over all prompts; nil before the first sample.
        public var figures: Figures? { Figures(samples) }

        /// Over the prompts of each category, in the order in which they first come.
        public var categories: [(name: String, figures: Figures)] {
            var names = [String]()
            for case let name? in samples.map(\.category) where !names.contains(name) { names.append(name) }
            return names.compactMap { name in
                Figures(samples.filter { $0.category == name }).map { (name, $0) }
            }
        }

        public var firstDifference: Difference? { samples.lazy.compactMap(\.difference).first }
    }

    public let model: String
    public let settings: Settings
    /// Name of the tree builder.
    public let tree: String
    public let promptSet: String
    public let promptCount: Int
    public let entries: [Entry]
    /// The run was interrupted: rounds are missing.
    public let isPartial: Bool

    /// The first token in which an answer differs from plain decoding's; nil where they are equal.
    public static func firstDifference(_ tokens: [Int32], _ plain: [Int32]) -> Int? {
        for (position, pair) in zip(tokens, plain).enumerated() where pair.0 != pair.1 { return position }
        return tokens.count == plain.count ? nil : min(tokens.count, plain.count)
    }
}

extension Comparison.Figures {
    init?(_ samples: [Comparison.Sample]) {
        guard !samples.isEmpty else { return nil }
        tokensPerSecond = Statistics(samples.map(\.tokensPerSecond))
        speedup = Statistics(samples.map(\.speedup))
        var total = SpeculationMetrics()
        for sample in samples { total.add(sample.metrics) }
        metrics = total
        isIdentical = samples.allSatisfy { $0.difference == nil }
    }

    /// Milliseconds of a part of a step.
    func milliseconds(_ part: KeyPath<StepDurations, Duration>) -> Double {
        metrics.steps > 0 ? metrics.durations[keyPath: part] / .milliseconds(1) / Double(metrics.steps) : 0
    }
}
