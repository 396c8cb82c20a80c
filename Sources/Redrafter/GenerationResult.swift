import RedrafterCore

/// What to generate.
public struct GenerationParameters: Sendable, Hashable {
    /// Tokens at most; nil for as many as the context holds.
    public var maximumTokens: Int?
    /// Texts that end the answer; they are not part of it.
    public var stop: [String] = []
    public var sampling = SamplingParameters.greedy
    /// How many of the most probable tokens are reported with each token of the answer, and its own probability; nil for none of
    /// this. 0 to `maximumTopLogProbabilities`.
    public var topLogProbabilities: Int?

    public static let maximumTopLogProbabilities = 20

    public init(
        maximumTokens: Int? = nil, stop: [String] = [], sampling: SamplingParameters = .greedy,
        topLogProbabilities: Int? = nil
    ) {
        self.maximumTokens = maximumTokens
        self.stop = stop
        self.sampling = sampling
        self.topLogProbabilities = topLogProbabilities
    }

    /// - Throws: `ParameterError.outOfRange`.
    public func validate() throws(ParameterError) {
        try sampling.validate()
        if let maximumTokens, maximumTokens < 0 {
            throw .outOfRange(name: "n-predict", got: "\(maximumTokens)", allowed: "0 or more")
        }
        if stop.contains("") {
            throw .outOfRange(name: "stop", got: "an empty text", allowed: "at least one character")
        }
        let most = Self.maximumTopLogProbabilities
        if let topLogProbabilities, !(0...most).contains(topLogProbabilities) {
            throw .outOfRange(name: "logprobs", got: "\(topLogProbabilities)", allowed: "0 to \(most)")
        }
    }
}

/// Why a text ended.
public enum FinishReason: String, Sendable, Hashable {
    /// The model ended its answer, or a stop text came.
    case stop
    /// As many tokens as asked for, or as the context holds.
    case length
    /// The caller cancelled.
    case cancelled
}

/// A generated text with its cost.
public struct GenerationResult: Sendable, Hashable {
    /// The text, without the stop text.
    public var text: String
    /// Every token that was generated, the one that ended the answer included.
    public var tokens: [Int32]
    /// For each token, where they were asked for; else empty.
    public var logProbabilities: [TokenLogProbabilities] = []
    public var finishReason: FinishReason
    /// The context was full; a `length` that asking for more tokens cannot help.
    public var isContextFull: Bool
    /// Tokens of the whole prompt.
    public var promptTokens: Int
    /// Turns of the conversation that were left out for this answer, the context being full.
    public var droppedTurns = 0
    public var timings: GenerationTimings
    /// What speculation did.
    public var speculation: SpeculationMetrics
    /// Name of the drafter.
    public var drafter: String
    /// False where the verifier accepts guesses that plain decoding would not have made.
    public var isExact: Bool
}

/// A piece of a text that is being generated.
public struct TextPiece: Sendable, Hashable {
    public var text: String
    /// The token that completed it was drafted and confirmed; else the model came up with it.
    public var isDrafted: Bool
}

/// Where the time went, in the terms of llama.cpp.
public struct GenerationTimings: Sendable, Hashable {
    /// Prompt tokens that were found in the cache.
    public var cachedTokens = 0
    /// Prompt tokens that were computed, `prompt_n`.
    public var promptTokens = 0
    /// From the first prompt token to the choice of the first new one, `prompt_ms`.
    public var prompt = Duration.zero
    /// Generated tokens, `predicted_n`.
    public var predictedTokens = 0
    /// From the choice of the first new token to the end, `predicted_ms`.
    public var predicted = Duration.zero
    /// Loading the model, `load_ms`.
    public var load = Duration.zero

    /// Computed prompt tokens a second; 0 when there were none.
    public var promptPerSecond: Double { rate(promptTokens, prompt) }
    /// Generated tokens a second; 0 when there were none.
    public var predictedPerSecond: Double { rate(predictedTokens, predicted) }

    private func rate(_ count: Int, _ duration: Duration) -> Double {
        let seconds = duration / .seconds(1)
        return seconds > 0 ? Double(count) / seconds : 0
    }
}
