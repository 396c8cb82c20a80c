/// How the next token is chosen from the logits. Names, order and defaults are llama.cpp's, but for the
/// temperature: 0 here, so that the plain answer is the model's most likely one.
public struct SamplingParameters: Sendable, Hashable {
    /// 0 takes the largest logit (equal ones: the lowest id); else logits are divided by it. `0...`
    public var temperature: Float = 0
    /// Keeps the `topK` largest logits; 0 keeps all. Larger than the vocabulary means all.
    public var topK = 40
    /// Keeps the most probable tokens whose probabilities add up to this. `[0, 1]`, 1 keeps all, 0 one.
    public var topP: Float = 0.95
    /// Keeps tokens at least this probable relative to the most probable one. `[0, 1]`, 0 keeps all.
    public var minP: Float = 0.05
    /// Divides positive and multiplies negative logits of recent tokens. `(0, …)`, 1 does nothing.
    public var repeatPenalty: Float = 1
    /// Recent tokens, prompt included, that penalties look at; 0 for none, −1 for all.
    public var repeatLastN = 64
    /// Subtracted from the logit of every recent token.
    public var presencePenalty: Float = 0
    /// Subtracted from the logit of a recent token for each time it occurs.
    public var frequencyPenalty: Float = 0
    /// Added to the logits of tokens, before all else. `[-100, 100]`
    public var logitBias: [Int32: Float] = [:]
    /// Seed of the noise; the text for a seed does not depend on how it was computed.
    public var seed: UInt64 = 0

    public init() {}

    /// Largest logit, without penalties.
    public static let greedy = SamplingParameters()

    /// The token is the largest logit; no noise is drawn and no filter can change it.
    public var isGreedy: Bool { temperature == 0 }

    /// Whether recent tokens change logits.
    public var hasPenalties: Bool {
        repeatLastN != 0 && (repeatPenalty != 1 || presencePenalty != 0 || frequencyPenalty != 0)
    }

    /// Penalties and biases can only lower a logit.
    var onlyLowers: Bool {
        repeatPenalty >= 1 && presencePenalty >= 0 && frequencyPenalty >= 0
            && logitBias.values.allSatisfy { $0 <= 0 }
    }

    /// Checks every range, in the order of the command's help.
    /// - Throws: `ParameterError.outOfRange` naming the parameter, what it got and what is allowed.
    public func validate() throws(ParameterError) {
        func check(
            _ isValid: Bool, _ name: String, _ got: some CustomStringConvertible, _ allowed: String
        ) throws(ParameterError) {
            guard isValid else { throw .outOfRange(name: name, got: got.description, allowed: allowed) }
        }
        try check(temperature.isFinite && temperature >= 0, "temp", temperature, "a number from 0")
        try check((0...100_000_000).contains(topK), "top-k", topK, "0 (off) to 100000000")
        try check(topP >= 0 && topP <= 1, "top-p", topP, "0 (one token) to 1 (off)")
        try check(minP >= 0 && minP <= 1, "min-p", minP, "0 (off) to 1")
        try check(
            repeatPenalty.isFinite && repeatPenalty > 0, "repeat-penalty", repeatPenalty, "a number above 0")
        try check(
            (-1...100_000_000).contains(repeatLastN), "repeat-last-n", repeatLastN,
            "-1 (all), 0 (off) or more")
        try check(presencePenalty.isFinite, "presence-penalty", presencePenalty, "a finite number")
        try check(frequencyPenalty.isFinite, "frequency-penalty", frequencyPenalty, "a finite number")
        for bias in logitBias.values {
            try check((-100...100).contains(bias), "logit-bias", bias, "-100 to 100")
        }
    }
}

/// A parameter outside its range.
public enum ParameterError: Error, Sendable, Equatable, CustomStringConvertible {
    /// `name` in the field's terms: llama.cpp's for sampling, mlx-lm's for training.
    case outOfRange(name: String, got: String, allowed: String)

    public var description: String {
        switch self {
        case .outOfRange(let name, let got, let allowed): "\(name) is \(got); allowed: \(allowed)"
        }
    }
}
