import ArgumentParser
import Redrafter
import RedrafterCore

/// How tokens are chosen; names and defaults are llama.cpp's, but the temperature is 0.
struct SamplingArguments: ParsableArguments {
    @Option(
        name: [.customLong("temp"), .customLong("temperature")], parsing: .unconditional,
        help: "Temperature; 0 always takes the most likely token.")
    var temperature: Float = 0

    @Option(
        name: .customLong("top-k"), parsing: .unconditional,
        help: "Keep the k most likely tokens; 0 or -1 keeps all.")
    var topK = 40

    @Option(
        name: .customLong("top-p"), parsing: .unconditional,
        help: "Keep the most likely tokens up to this probability; 1 keeps all, 0 one.")
    var topP: Float = 0.95

    @Option(
        name: .customLong("min-p"), parsing: .unconditional,
        help: "Keep tokens at least this likely relative to the best; 0 keeps all.")
    var minP: Float = 0.05

    @Option(
        name: .customLong("repeat-penalty"), parsing: .unconditional,
        help: "Penalty for recent tokens; 1 is none.")
    var repeatPenalty: Float = 1

    @Option(
        name: .customLong("repeat-last-n"), parsing: .unconditional,
        help: "Number of recent tokens that penalties look at; -1 for all.")
    var repeatLastN = 64

    @Option(
        name: .customLong("presence-penalty"), parsing: .unconditional,
        help: "Subtracted for every recent token.")
    var presencePenalty: Float = 0

    @Option(
        name: .customLong("frequency-penalty"), parsing: .unconditional,
        help: "Subtracted for each time a recent token occurs.")
    var frequencyPenalty: Float = 0

    @Option(
        name: [.customShort("l"), .customLong("logit-bias")], parsing: .unconditionalSingleValue,
        help: ArgumentHelp(
            "Makes a token likelier or less likely: 15043+1 or 15043-1, a token's number and -100 to 100; may be given "
                + "several times.", valueName: "token+bias"))
    var logitBias: [String] = []

    @Option(
        name: [.short, .long], parsing: .unconditional,
        help: "Seed: the same seed gives the same text. Random by default.")
    var seed: UInt64?

    @Option(
        name: .customLong("stop"), parsing: .unconditionalSingleValue,
        help: ArgumentHelp("Text that ends the answer; may be given several times.", valueName: "text"))
    var stop: [String] = []

    @Option(
        name: [.customShort("n"), .customLong("n-predict")], parsing: .unconditional,
        help: ArgumentHelp(
            "Maximum number of tokens; -1 for as many as fit into the context.", valueName: "n"))
    var count = -1

    func parameters(seed: UInt64) throws -> GenerationParameters {
        guard count >= -1 else {
            throw CommandFailure(
                .usage, "n-predict is \(count); allowed: -1 (until the context is full) or more")
        }
        var sampling = SamplingParameters()
        sampling.temperature = temperature
        sampling.topK = topK == -1 ? 0 : topK
        sampling.topP = topP
        sampling.minP = minP
        sampling.repeatPenalty = repeatPenalty
        sampling.repeatLastN = repeatLastN
        sampling.presencePenalty = presencePenalty
        sampling.frequencyPenalty = frequencyPenalty
        for text in logitBias {
            let (token, bias) = try Self.bias(text)
            sampling.logitBias[token] = bias
        }
        sampling.seed = seed
        let parameters = GenerationParameters(
            maximumTokens: count < 0 ? nil : count, stop: stop, sampling: sampling)
        // Before a model is loaded: a wrong flag is said at once.
        try parameters.validate()
        return parameters
    }

    /// `15043+1`
    private static func bias(_ text: String) throws -> (token: Int32, bias: Float) {
        guard let sign = text.firstIndex(where: { $0 == "+" || $0 == "-" }),
            let token = Int32(text[..<sign]), let bias = Float(text[sign...])
        else {
            throw CommandFailure(
                .usage, "logit-bias is '\(TerminalText.escaped(text))'",
                hint:
                    "write a token's number, + or -, and how much, as in 15043+1; `redrafter tokenize` shows numbers"
            )
        }
        return (token, bias)
    }
}
