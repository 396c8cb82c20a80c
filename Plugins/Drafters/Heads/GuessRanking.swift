import RedrafterCore
import RedrafterPlatform

/// A guess for one place with its estimate.
public struct Guess: Sendable, Hashable {
    /// Token of the model's vocabulary.
    public var token: Int32
    /// Natural logarithm of the estimated probability that the model's token here is this one.
    public var logAcceptance: Float
}

/// Turns a head's most likely tokens into guesses.
///
/// Greedy decoding confirms the model's most likely token, and the head's probabilities are the estimates. A sampler with
/// Gumbel noise confirms the token with the largest `log p / T + noise`; as the noise is a function of (seed, position, token),
/// it is known before the model has run, and guesses are ranked with it (drafter-invariant decoding, arXiv 2408.07978). What the
/// sampler's filters would drop is no guess: noise could lift it for the head, but not for the model.
public struct GuessRanking: Sendable {
    private let sampling: SamplingParameters
    private let tokens: [Int32]?

    /// Tokens of a head that are looked at where noise decides: the noise may lift an unlikely one.
    private static let noisyCandidates = 64
    /// Min-p from which on few are left.
    private static let leastMinP: Float = 0.02
    /// Tokens that are looked at then.
    private static let filteredCandidates = 24
    /// Share of min-p below which a guess is passed over: the head's probabilities are not the model's.
    private static let minPShare: Float = 0.5

    /// - Parameter draftVocabulary: the token of each row of the head; nil where rows are tokens.
    public init(_ sampling: SamplingParameters, draftVocabulary: [Int32]?) {
        self.sampling = sampling
        tokens = draftVocabulary
    }

    /// How many of a head's largest logits the ranking needs for so many guesses.
    public func candidates(forGuesses count: Int, vocabularySize: Int) -> Int {
        guard !sampling.isGreedy else { return min(count, vocabularySize) }
        let noisy = sampling.minP >= Self.leastMinP ? Self.filteredCandidates : Self.noisyCandidates
        let kept = sampling.topK > 0 ? min(noisy, sampling.topK) : noisy
        return min(max(count, kept), vocabularySize)
    }

    /// Guesses for the token at a position, best first.
    /// - Parameter list: log-probabilities of rows of the head, largest first; behind the rows of the draft vocabulary come all tokens
    ///   of the model.
    public func guesses(_ list: [TokenLogit], position: Int) -> [Guess] {
        guard !sampling.isGreedy, let largest = list.first?.logit else {
            return list.map { Guess(token: token($0.token), logAcceptance: $0.logit) }
        }
        let noise = GumbelNoise(seed: sampling.seed, position: position)
        let temperature = Double(sampling.temperature)
        let floor = sampling.minP > 0 ? largest + log(sampling.minP * Self.minPShare) : -.infinity
        let scored = list.prefix { $0.logit >= floor }.map { entry in
            let token = token(entry.token)
            return (token: token, score: Double(entry.logit - largest) / temperature + noise(token))
        }
        let best = scored.reduce(-Double.infinity) { max($0, $1.score) }
        let logSum = log(scored.reduce(0) { $0 + exp($1.score - best) }) + best
        return scored.sorted { $0.score > $1.score }.map {
            Guess(token: $0.token, logAcceptance: Float($0.score - logSum))
        }
    }

    private func token(_ row: Int32) -> Int32 {
        guard let tokens else { return row }
        return Int(row) < tokens.count ? tokens[Int(row)] : row - Int32(tokens.count)
    }
}
