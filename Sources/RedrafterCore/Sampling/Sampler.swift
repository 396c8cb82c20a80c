import RedrafterPlatform

/// Chooses tokens from logits: penalties, top-k, top-p, min-p, temperature, then Gumbel-max.
///
/// A pure function of logits, recent tokens and position, so nodes of a tree can be sampled in any order.
public struct Sampler: Sendable {
    public let parameters: SamplingParameters
    /// Ids below this may be chosen; logits beyond (padding of the head) never are.
    public let tokenCount: Int

    /// - Throws: `ParameterError.outOfRange`.
    public init(_ parameters: SamplingParameters, tokenCount: Int) throws(ParameterError) {
        try parameters.validate()
        guard tokenCount > 0 else {
            throw .outOfRange(name: "token count", got: "\(tokenCount)", allowed: "1 or more")
        }
        if let token = parameters.logitBias.keys.first(where: { !(0..<tokenCount).contains(Int($0)) }) {
            throw .outOfRange(
                name: "logit-bias", got: "token \(token)", allowed: "0 to \(tokenCount - 1)")
        }
        self.parameters = parameters
        self.tokenCount = tokenCount
    }

    /// Samples a token from one row of logits.
    /// - Parameters:
    ///   - logits: `[≥ tokenCount]`
    ///   - position: of the token to choose.
    ///   - history: the tokens before it, oldest first; only read when there are penalties.
    /// - Throws: `BackendError.nonFinite` when the row holds NaN or +infinity, or nothing but −infinity.
    public func sample(
        _ logits: UnsafeBufferPointer<Float>, position: Int, history: ArraySlice<Int32> = []
    ) throws(BackendError) -> Int32 {
        choose(try candidates(logits, history: history), position)
    }

    /// Whether the `count` largest logits of a row are enough to choose its token (`sample(leading:position:)`).
    public func isServed(byLeading count: Int) -> Bool {
        !parameters.hasPenalties && (leadingLogitsNeeded(histories: []) ?? .max) <= count
    }

    /// Samples a token from the largest logits of a row, largest first. A constant added to all of them changes nothing, so
    /// logarithms of probabilities do as well.
    /// - Parameters:
    ///   - leading: not empty, and as many as `isServed(byLeading:)` asks for.
    ///   - position: of the token to choose.
    public func sample(leading: [TokenLogit], position: Int) -> Int32 {
        precondition(isServed(byLeading: leading.count), "the sampler may choose among more logits")
        return choose(candidates(leading: leading, history: []), position)
    }

    /// Tokens that pass the filters and their probabilities at the temperature; they add up to 1. Most probable first
    /// unless all filters are off; one token with probability 1 when greedy.
    public func distribution(
        _ logits: UnsafeBufferPointer<Float>, history: ArraySlice<Int32> = []
    ) throws(BackendError) -> [(token: Int32, probability: Double)] {
        let kept = try candidates(logits, history: history)
        guard !parameters.isGreedy else { return [(kept[0].token, 1)] }
        let temperature = Double(parameters.temperature)
        let largest = kept.reduce(-Double.infinity) { max($0, Double($1.logit)) }
        let weights = kept.map { exp((Double($0.logit) - largest) / temperature) }
        let total = weights.reduce(0, +)
        return zip(kept, weights).map { ($0.token, $1 / total) }
    }

    /// How many of a row's largest logits are enough to choose as if all were known; nil when all are needed.
    func leadingLogitsNeeded(histories: [ArraySlice<Int32>]) -> Int? {
        let kept = parameters.isGreedy ? 1 : parameters.topK
        guard kept > 0, kept < tokenCount else { return nil }
        guard parameters.hasPenalties || !parameters.logitBias.isEmpty else { return kept }
        // m lowered tokens can only fall: what is in the first `kept` afterwards was in the first `kept + m`.
        guard parameters.onlyLowers else { return nil }
        return kept + parameters.logitBias.count + (histories.map { Set($0).count }.max() ?? 0)
    }

    private func candidates(
        _ logits: UnsafeBufferPointer<Float>, history: ArraySlice<Int32>
    ) throws(BackendError) -> [TokenLogit] {
        precondition(logits.count >= tokenCount, "\(logits.count) logits for a vocabulary of \(tokenCount)")
        let usable = UnsafeBufferPointer(rebasing: logits[..<tokenCount])
        guard Self.isUsable(usable) else { throw .nonFinite(what: "the logits") }
        return candidates(all: usable, history: parameters.hasPenalties ? recent(history) : [])
    }

    /// The part of the history that penalties look at.
    func recent(_ history: ArraySlice<Int32>) -> ArraySlice<Int32> {
        parameters.repeatLastN < 0 ? history : history.suffix(parameters.repeatLastN)
    }

    /// Gumbel-max: a sample of softmax(logit / temperature), the lowest id among equals.
    func choose(_ candidates: [TokenLogit], _ position: Int) -> Int32 {
        guard !parameters.isGreedy else { return candidates[0].token }
        let noise = GumbelNoise(seed: parameters.seed, position: position)
        let temperature = Double(parameters.temperature)
        var best = (score: -Double.infinity, token: Int32.max)
        for candidate in candidates where candidate.logit > -.infinity {
            let scaled = Double(candidate.logit) / temperature
            let bits = noise.bits(candidate.token)
            guard scaled + GumbelNoise.upperBound(fromBits: bits) >= best.score else { continue }
            let score = scaled + GumbelNoise.noise(fromBits: bits)
            if score > best.score || (score == best.score && candidate.token < best.token) {
                best = (score, candidate.token)
            }
        }
        return best.token
    }

    /// NaN and +infinity are damage; −infinity is a token that cannot come, unless no other is left.
    private static func isUsable(_ logits: UnsafeBufferPointer<Float>) -> Bool {
        var isClean = true
        var hasFinite = false
        for logit in logits {
            isClean = isClean && logit < .infinity
            hasFinite = hasFinite || logit > -.infinity
        }
        return isClean && hasFinite
    }
}
