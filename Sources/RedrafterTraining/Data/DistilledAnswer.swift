/// One answer of the model to a prompt, with what a drafter learns from.
///
/// Row i of every array belongs to answer token i: the hidden state and the distribution that the token was chosen from.
public struct DistilledAnswer: Sendable, Equatable {
    /// Place of the answer in the run; it decides prompt, sampling and seed.
    public var item: Int
    /// Tokens of the prompt, chat format included.
    public var prompt: [Int32]
    /// Tokens of the answer, the one that ends it included. `[n]`
    public var tokens: [Int32] = []
    /// Whether each token is the model's most likely one; else the answer was sampled.
    public var isGreedy: Bool
    /// Whether the model ended the answer itself.
    public var isComplete = false
    /// The model's most likely tokens at each place, most likely first. `[n, k]`
    public var topTokens: [Int32] = []
    /// Natural logarithms of their probabilities over the whole vocabulary, as half-precision bits. `[n, k]`
    public var topLogProbabilities: [UInt16] = []
    /// Hidden states after the final norm, as half-precision bits; empty where they are not stored. `[n, hidden]`
    public var hidden: [UInt16] = []

    public init(item: Int, prompt: [Int32], isGreedy: Bool) {
        self.item = item
        self.prompt = prompt
        self.isGreedy = isGreedy
    }
}

/// Sizes that all answers of a data set share.
public struct DistillationShape: Sendable, Hashable {
    /// Entries of the model's distribution that are kept at each place (k).
    public var topCount: Int
    /// Elements of a hidden state; 0 where hidden states are not stored.
    public var hiddenSize: Int

    public init(topCount: Int, hiddenSize: Int) {
        self.topCount = topCount
        self.hiddenSize = hiddenSize
    }
}
