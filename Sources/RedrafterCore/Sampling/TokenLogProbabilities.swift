import RedrafterPlatform

/// How probable the model found a token and its alternatives: natural logarithms of the softmax over all logits, before
/// penalties, filters and temperature.
public struct TokenLogProbabilities: Sendable, Hashable {
    public var token: Int32
    public var logProbability: Double
    /// The most probable tokens, best first, as many as were asked for; equal ones by id.
    public var top: [Entry]

    /// A token that could have come.
    public struct Entry: Sendable, Hashable {
        public var token: Int32
        public var logProbability: Double

        public init(token: Int32, logProbability: Double) {
            self.token = token
            self.logProbability = logProbability
        }
    }

    public init(token: Int32, logProbability: Double, top: [Entry]) {
        self.token = token
        self.logProbability = logProbability
        self.top = top
    }
}

/// What is reported of the logits that tokens were chosen from.
public struct LogProbabilityReport: Sendable, Hashable {
    /// The most probable tokens for each token of the answer.
    public var top: Int
    /// Ids below this take part.
    public var vocabulary: Int

    public init(top: Int, vocabulary: Int) {
        self.top = top
        self.vocabulary = vocabulary
    }
}

extension TokenLogProbabilities {
    /// - Parameters:
    ///   - token: the one that was chosen.
    ///   - top: how many of the most probable tokens to report.
    ///   - logits: a row of them, up to the vocabulary; usable, as a token was chosen from it.
    package init(_ token: Int32, top: Int, of logits: UnsafeBufferPointer<Float>) {
        let largest = Double(logits.reduce(-Float.infinity) { max($0, $1) })
        let logSum = largest + log(logits.reduce(0.0) { $0 + exp(Double($1) - largest) })
        self.init(
            token: token, logProbability: Double(logits[Int(token)]) - logSum,
            top: TopList.largest(top, of: logits).map {
                Entry(token: $0.token, logProbability: Double($0.logit) - logSum)
            })
    }

    /// For the tokens after some rows of logits.
    /// - Parameters:
    ///   - tokens: with the row that each was chosen from.
    ///   - report: what is reported; nil for nothing.
    ///   - logits: `[rows, ≥ vocabulary]`
    ///   - stream: the one that computed `logits`.
    package static func of(
        _ tokens: [(token: Int32, row: Int)], _ report: LogProbabilityReport?, logits: Tensor,
        on stream: any ComputeStream
    ) throws(BackendError) -> [TokenLogProbabilities] {
        guard let report else { return [] }
        return try stream.withValues(logits) { values in
            tokens.map { entry in
                let start = entry.row * logits.columns
                return TokenLogProbabilities(
                    entry.token, top: report.top,
                    of: UnsafeBufferPointer(rebasing: values[start..<(start + report.vocabulary)]))
            }
        }
    }
}
