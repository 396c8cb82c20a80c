import Redrafter
import RedrafterCore
import RedrafterFormats
import RedrafterTraining

/// How the model's own answers are made: what `redrafter distill generate` can be told.
///
/// Everything but `batch` decides the data; two runs with equal settings make equal files.
public struct DistillationSettings: Sendable, Hashable {
    /// Tokens of answers to make; the run ends with the shard that reaches them.
    public var tokens = 2_000_000
    /// Tokens of one answer at most.
    public var maximumTokens = 320
    /// Longer prompts are passed over.
    public var maximumPromptTokens = 512
    /// Answers to each prompt; from the second on they are sampled.
    public var answersPerPrompt = 1
    /// Part of the first answers that are greedy; the others are sampled. `[0, 1]`
    public var greedyShare = 0.7
    /// Temperature of sampled answers.
    public var temperature: Float = 0.7
    public var topP: Float = 0.95
    public var minP: Float = 0.05
    /// Entries of the model's distribution to keep; sampled answers choose among them.
    public var topCount = 16
    /// Whether hidden states are stored; else training computes them anew.
    public var storesHidden = true
    public var seed: UInt64 = 0
    /// Answers in a shard.
    public var shardAnswers = 256
    /// Whether a record's `text` is a question; else it is continued as it is.
    public var textIsQuestion = false
    /// Sequences in one pass.
    public var batch = BatchGenerator.maximumSequences

    public init() {}

    /// - Throws: `ParameterError.outOfRange`.
    public func validate() throws(ParameterError) {
        func check(_ isValid: Bool, _ name: String, _ got: some CustomStringConvertible, _ allowed: String)
            throws(ParameterError)
        {
            guard isValid else { throw .outOfRange(name: name, got: got.description, allowed: allowed) }
        }
        let most = BatchGenerator.maximumSequences
        try check((1...1 << 40).contains(tokens), "tokens", tokens, "1 to \(1 << 40)")
        try check((2...1 << 20).contains(maximumTokens), "max-tokens", maximumTokens, "2 to \(1 << 20)")
        try check(
            (1...1 << 20).contains(maximumPromptTokens), "max-prompt-tokens", maximumPromptTokens,
            "1 to \(1 << 20)")
        try check((1...1000).contains(answersPerPrompt), "answers", answersPerPrompt, "1 to 1000")
        try check((0...1).contains(greedyShare), "greedy-share", greedyShare, "0 to 1")
        try check((1...256).contains(topCount), "top-k", topCount, "1 to 256")
        try check((1...1 << 20).contains(shardAnswers), "shard-answers", shardAnswers, "1 to \(1 << 20)")
        try check((1...most).contains(batch), "batch", batch, "1 to \(most)")
        try check(temperature.isFinite && temperature > 0, "temp", temperature, "a number above 0")
        try sampling(seed: 0).validate()
    }

    /// Sampling of an answer that is not greedy.
    func sampling(seed: UInt64) -> SamplingParameters {
        var sampling = SamplingParameters()
        sampling.temperature = temperature
        sampling.topK = topCount
        sampling.topP = topP
        sampling.minP = minP
        sampling.seed = seed
        return sampling
    }

    /// What decides the data, for the manifest. `tokens` is left out: a longer run continues a shorter one.
    public func json(prompts: PromptSet) -> JSONValue {
        .object([
            "prompts": .string(prompts.name), "prompt_count": .integer(prompts.prompts.count),
            "prompts_digest": .string(prompts.digest), "text_is_question": .bool(textIsQuestion),
            "max_tokens": .integer(maximumTokens), "max_prompt_tokens": .integer(maximumPromptTokens),
            "answers_per_prompt": .integer(answersPerPrompt), "greedy_share": .double(greedyShare),
            "temperature": .double(Double(temperature)), "top_k": .integer(topCount),
            "top_p": .double(Double(topP)), "min_p": .double(Double(minP)),
            "seed": .string(String(seed)), "shard_answers": .integer(shardAnswers),
        ])
    }
}

/// The answers of a run by their place: prompt, sampling and seed of each follow from the place alone.
struct AnswerPlan {
    let model: Model
    let prompts: PromptSet
    let settings: DistillationSettings

    /// Answers of the run, those to prompts that are passed over included.
    var count: Int { prompts.prompts.count * settings.answersPerPrompt }

    /// What to answer at a place; nil where the prompt does not fit.
    func request(_ item: Int) throws(RedrafterError) -> BatchGenerator.Request? {
        var prompt = prompts.prompts[item % prompts.prompts.count]
        if settings.textIsQuestion, case .text(let text) = prompt.content {
            prompt.content = .messages([ChatMessage(role: .user, content: text)])
        }
        let tokens = try prompt.tokens(for: model)
        guard !tokens.isEmpty, tokens.count <= settings.maximumPromptTokens else { return nil }
        var random = SplitMix(seed: settings.seed, stream: UInt64(item))
        let isGreedy = item < prompts.prompts.count && random.unit() < settings.greedyShare
        return BatchGenerator.Request(
            DistilledAnswer(item: item, prompt: tokens, isGreedy: isGreedy),
            sampling: isGreedy ? .greedy : settings.sampling(seed: random.next()),
            maximumTokens: settings.maximumTokens)
    }
}

extension PromptSet {
    /// A digest of the prompts, in order (FNV-1a). It notices a changed file; it is no defence against a forger.
    var digest: String {
        var state: UInt64 = 0xCBF2_9CE4_8422_2325
        func add(_ bytes: some Sequence<UInt8>) {
            for byte in bytes { state = (state ^ UInt64(byte)) &* 0x0000_0100_0000_01B3 }
            state = (state ^ 0xFF) &* 0x0000_0100_0000_01B3
        }
        for prompt in prompts {
            switch prompt.content {
            case .text(let text): add(text.utf8)
            case .messages(let messages):
                for message in messages {
                    add(message.role.rawValue.utf8)
                    add(message.content.utf8)
                }
            case .tokens(let tokens): for token in tokens { add(String(token).utf8) }
            }
        }
        return String(state, radix: 16)
    }
}
