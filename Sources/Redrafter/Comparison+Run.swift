import RedrafterCore
import RedrafterModels

/// A drafter on a backend while it is compared.
private struct Contender {
    let drafter: String
    let model: Model
    let generator: TextGenerator
    let isExact: Bool
    var samples: [Comparison.Sample] = []

    var isPlain: Bool { drafter == "none" }
}

/// One answer of a contender.
private struct Run {
    let contender: Int
    let result: GenerationResult
}

extension Comparison {
    /// Runs every drafter on every model, one answer after the other, alternating (a, b, c, then b, c, a, …), after a short answer
    /// that warms each of them up. Plain decoding always takes part.
    /// - Parameters:
    ///   - models: the same model on one backend each.
    ///   - drafters: names as registered, combinations and `auto` included.
    ///   - prompts: each is answered by every drafter in every round.
    ///   - settings: lengths, sampling and trees, the same for all.
    ///   - cancellation: ends the run after the answer it is in; what is there is returned, marked as
    ///     partial.
    ///   - onWarning: called once with each thing that is odd about weights but no error, before anything runs.
    ///   - progress: called with the part that is done, 0 to 1.
    /// - Throws: `RedrafterError.promptTooLong` before anything runs; what loading a drafter throws.
    public static func run(
        models: [Model], drafters: [String], prompts: PromptSet, settings: Settings,
        cancellation: CancellationFlag = CancellationFlag(), onWarning: (String) -> Void = { _ in },
        progress: (Double) -> Void = { _ in }
    ) throws(RedrafterError) -> Comparison {
        precondition(!models.isEmpty, "a comparison needs a model")
        let tokens = try tokenized(prompts, models[0], settings)
        var contenders = try makeContenders(models, drafters, settings)
        var said = Set<String>()
        for warning in contenders.flatMap(\.generator.warnings) where said.insert(warning).inserted {
            onWarning(warning)
        }
        var done = 0
        let total = contenders.count * prompts.prompts.count * settings.repetitions
        warmUp: for contender in contenders {
            guard try contender.answer(tokens[0], limit: warmUpTokens, settings, cancellation) != nil else {
                break warmUp
            }
        }
        rounds: for round in 0..<settings.repetitions {
            for (index, prompt) in prompts.prompts.enumerated() {
                var runs = [Run]()
                for turn in contenders.indices {
                    let place = (turn + round + index) % contenders.count
                    guard
                        let result = try contenders[place].answer(
                            tokens[index], limit: settings.maximumTokens, settings, cancellation)
                    else { break rounds }
                    runs.append(Run(contender: place, result: result))
                    done += 1
                    progress(Double(done) / Double(total))
                }
                judge(runs, prompt, round, &contenders)
            }
        }
        return Comparison(
            model: models[0].path, settings: settings, tree: contenders[0].generator.treeName,
            promptSet: prompts.name,
            promptCount: prompts.prompts.count, entries: contenders.map(\.entry),
            isPartial: cancellation.isCancelled)
    }

    private static let warmUpTokens = 24

    /// The tokens of all prompts.
    /// - Throws: `RedrafterError.promptTooLong`, `.emptyPrompt`, `.chatTemplate`.
    package static func tokenized(
        _ prompts: PromptSet, _ model: Model, _ settings: Settings
    ) throws(RedrafterError) -> [[Int32]] {
        var tokens = [[Int32]]()
        for prompt in prompts.prompts {
            let encoded = try prompt.tokens(for: model, usesChatTemplate: settings.usesChatTemplate)
            guard encoded.count < model.contextLength else {
                throw .promptTooLong(tokens: encoded.count, contextLength: model.contextLength)
            }
            guard !encoded.isEmpty else { throw .emptyPrompt }
            tokens.append(encoded)
        }
        return tokens
    }

    private static func makeContenders(
        _ models: [Model], _ drafters: [String], _ settings: Settings
    ) throws(RedrafterError) -> [Contender] {
        var names = [String]()
        for name in drafters + ["none"] where !names.contains(name) { names.append(name) }
        var contenders = [Contender]()
        for model in models {
            for name in names {
                var speculation = settings.speculation
                speculation.drafter = name
                if name == "none" { speculation.verifier = "exact" }
                let verifier = try wrapping(
                    RedrafterError.parameter, try model.registry.verifier(named: speculation.verifier))
                contenders.append(
                    Contender(
                        drafter: name, model: model,
                        generator: try TextGenerator(model, speculation: speculation),
                        isExact: verifier.description.isExact))
            }
        }
        return contenders
    }

    /// Sets the answers to one prompt in one round against plain decoding on the same backend.
    private static func judge(
        _ runs: [Run], _ prompt: ComparisonPrompt, _ round: Int, _ contenders: inout [Contender]
    ) {
        for run in runs {
            let contender = contenders[run.contender]
            guard
                let plain = runs.first(where: {
                    contenders[$0.contender].isPlain
                        && contenders[$0.contender].model === contender.model
                })
            else { continue }
            let difference = firstDifference(run.result.tokens, plain.result.tokens).map {
                Difference(prompt: prompt.name, position: $0)
            }
            let speed = run.result.timings.predictedPerSecond
            let plainSpeed = plain.result.timings.predictedPerSecond
            contenders[run.contender].samples.append(
                Sample(
                    prompt: prompt.name, category: prompt.category, round: round,
                    tokens: run.result.tokens.count, tokensPerSecond: speed,
                    speedup: plainSpeed > 0 ? speed / plainSpeed : 1, metrics: run.result.speculation,
                    difference: difference))
        }
    }
}

extension Contender {
    /// Nil where the caller cancelled.
    func answer(
        _ prompt: [Int32], limit: Int, _ settings: Comparison.Settings, _ cancellation: CancellationFlag
    ) throws(RedrafterError) -> GenerationResult? {
        let parameters = GenerationParameters(maximumTokens: limit, sampling: settings.sampling)
        generator.reset()
        let result = try generator.generate(prompt, parameters, cancellation: cancellation)
        return result.finishReason == .cancelled ? nil : result
    }

    var entry: Comparison.Entry {
        Comparison.Entry(
            drafter: drafter, backend: model.backend, isExact: isExact, samples: samples,
            prices: generator.evidence.prices.measured)
    }
}
