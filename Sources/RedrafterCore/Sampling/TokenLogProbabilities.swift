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
