/// Positions of texts that a drafter learns from.
///
/// Position n has the model's hidden state h_n (after the final norm) that produced the root token, the root, and the tokens after
/// it. Step t (from 0) has been fed the tokens up to `tokens[n, t]` and predicts the token after that one.
public struct DraftBatch: Sendable {
    /// Positions. N
    public let count: Int
    /// Drafted tokens that are learnt. L
    public let draftLength: Int
    /// H
    public let hiddenSize: Int
    /// Labels with probabilities for each step, at most. K
    public let labelsPerStep: Int
    /// Empty where there are `texts`. `[N, H]`
    public var hidden: [Float]
    /// The texts of the positions, for drafters that see them.
    public var texts: BatchTexts?
    /// The token that is fed at each step: the root, then the true following ones, ids of the model. Any id where the weight
    /// is 0. `[N, L]`
    public var tokens: [Int32]
    /// Rows of the draft vocabulary, −1 for an unused entry. `[N, L, K]`
    public var labelRows: [Int32]
    /// Probabilities of those rows, at most 1 together. The cross entropy is −Σ p_k log q_k: what the labels leave out, the
    /// drafter need not predict. `[N, L, K]`
    public var labelProbabilities: [Float]
    /// The weight of each loss term; 0 for none, as after the end of a text. `[N, L]`
    public var weights: [Float]
    /// Row of the token that really came, −1 where the draft vocabulary has none: for accuracy only. `[N, L]`
    public var truth: [Int32]
    /// Earlier places of the text that resemble its end, for drafters that copy.
    public var matches: BatchMatches?
    /// Whether the gradient weighs each loss by the probability that its step is reached, too: the drafter's own of the tokens before
    /// it. The probability itself is taken as given.
    public var weighsBySurvival = false
    /// Weight of the squared error of a context block's guesses at the model's next hidden state, averaged over all rows of the
    /// batch's texts; 0 for none. Needs `texts`; the state is the last tap.
    public var stateWeight: Float = 0

    /// Zeros, with unused labels.
    public init(count: Int, draftLength: Int, hiddenSize: Int, labelsPerStep: Int) {
        self.count = count
        self.draftLength = draftLength
        self.hiddenSize = hiddenSize
        self.labelsPerStep = labelsPerStep
        let steps = count * draftLength
        hidden = Array(repeating: 0, count: count * hiddenSize)
        tokens = Array(repeating: 0, count: steps)
        labelRows = Array(repeating: -1, count: steps * labelsPerStep)
        labelProbabilities = Array(repeating: 0, count: steps * labelsPerStep)
        weights = Array(repeating: 0, count: steps)
        truth = Array(repeating: -1, count: steps)
    }
}

/// What evaluating a batch gave.
public struct BatchResult: Sendable, Hashable {
    /// Σ weight · cross entropy, in nats.
    public var lossSum: Double = 0
    /// Σ weight
    public var weightSum: Double = 0
    /// Loss terms of each step: those with a weight. `[L]`
    public var counted: [Int]
    /// Those whose largest logit was the token that really came. `[L]`
    public var correct: [Int]
    /// Σ cross entropy of each step, without weights. `[L]`
    public var stepLossSum: [Double]

    /// Σ over rows of the mean squared error of guesses at the next hidden state.
    public var stateErrorSum: Double = 0
    /// Rows of that sum.
    public var stateRows = 0

    /// Nothing yet.
    public init(draftLength: Int) {
        counted = Array(repeating: 0, count: draftLength)
        correct = counted
        stepLossSum = Array(repeating: 0, count: draftLength)
    }

    /// The weighted mean of the loss; 0 where nothing has a weight.
    public var loss: Double { weightSum > 0 ? lossSum / weightSum : 0 }

    /// The mean squared error of guesses at the next hidden state; nil where there were none.
    public var stateError: Double? { stateRows > 0 ? stateErrorSum / Double(stateRows) : nil }

    /// Mean cross entropy of a step; 0 where it was never counted.
    public func loss(step: Int) -> Double {
        counted[step] > 0 ? stepLossSum[step] / Double(counted[step]) : 0
    }

    /// Share of a step's terms that were right; 0 where it was never counted.
    public func accuracy(step: Int) -> Double {
        counted[step] > 0 ? Double(correct[step]) / Double(counted[step]) : 0
    }

    /// Adds the terms of another batch of the same draft length.
    public static func += (total: inout BatchResult, part: BatchResult) {
        precondition(total.counted.count == part.counted.count, "results of different draft lengths")
        total.lossSum += part.lossSum
        total.weightSum += part.weightSum
        total.stateErrorSum += part.stateErrorSum
        total.stateRows += part.stateRows
        for step in total.counted.indices {
            total.counted[step] += part.counted[step]
            total.correct[step] += part.correct[step]
            total.stepLossSum[step] += part.stepLossSum[step]
        }
    }
}
