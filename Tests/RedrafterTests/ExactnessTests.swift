import MedusaDrafter
import RecurrentDrafter
import RedrafterCore
import RedrafterDrafters
import RedrafterFormats
import RedrafterModels
import RedrafterPlatform
import RedrafterTesting
import Testing

@testable import Redrafter

/// Different tokens between plain decoding and every other drafter, on the real model: none.
///
/// Eight prompts in `make test`; all of MT-Bench in `make exactness`.
@Suite(
    "The default model says the same with every drafter", .serialized,
    .enabled(if: DefaultModel.isAvailable, "\(DefaultModel.howToGet)"))
struct ExactnessTests {
    private static let isFull = getenv("REDRAFTER_EXACTNESS") != nil
    /// One third of the full run at a time, that of 1, 2 or 3 threads; all unless said.
    private static let part = getenv("REDRAFTER_EXACTNESS_PART").flatMap { Int(String(cString: $0)) }
    private static let maximumTokens = isFull ? 128 : 64
    /// Drafters tried on one answer; they rotate.
    private static let draftersPerAnswer = 4

    private static let samplings: [SamplingParameters] =
        [.greedy]
        + [Float(0.7), 1].flatMap { temperature in
            (UInt64(1)...3).map { seed in
                var sampling = SamplingParameters()
                sampling.temperature = temperature
                sampling.topK = 0
                sampling.topP = 0.9
                sampling.minP = 0
                sampling.seed = seed
                return sampling
            }
        }

    private static let trees: [any TreeBuilder] = [
        CostAwareTree(), DynamicTree(maximumRows: 12), DynamicTree(maximumRows: 40),
        CostAwareTree(maximumRows: 8),
    ]

    private static var prompts: [ComparisonPrompt] {
        get throws {
            let file = #filePath.split(separator: "/").dropLast(2).joined(separator: "/")
            let set = try PromptSet(path: "/\(file)/Prompts/mt_bench.jsonl")
            return isFull ? set.prompts : stride(from: 0, to: 80, by: 10).map { set.prompts[$0] }
        }
    }

    /// The drafters that a user gets, then helpful ones and hostile ones for an answer that is known.
    private static func drafters(
        _ model: Model, shipped: [any Drafter], text: [Int32], seed: UInt64
    ) throws -> [any Drafter] {
        let (vocabulary, hidden) = (model.tokenCount, model.configuration.hiddenSize)
        let eos = model.tokenizer.eos ?? 0
        return shipped + [
            try model.drafter(SpeculationOptions(drafter: "lookup")),
            ScriptedDrafter(text: text, vocabularySize: vocabulary, accuracy: 0.8, seed: seed),
            ScriptedDrafter(text: text, vocabularySize: vocabulary, accuracy: 0, decoys: 3, seed: seed),
            ScriptedDrafter(text: text, vocabularySize: vocabulary, accuracy: 1, decoys: 0),
            ConstantDrafter(eos),
            try RecurrentDrafter(
                try random(
                    RecurrentConfiguration(
                        hiddenSize: hidden, exitDimension: 64, layers: 1, vocabularySize: 1024), model),
                for: model.draftTarget,
                options: DrafterOptions(beamWidth: 3, beamLength: 4)),
            try MedusaDrafter(
                try random(
                    MedusaConfiguration(hiddenSize: hidden, layers: 1, heads: 3, vocabularySize: 1024), model),
                for: model.draftTarget),
            CombinedDrafter([
                try model.drafter(SpeculationOptions(drafter: "lookup")),
                ScriptedDrafter(text: text, vocabularySize: vocabulary, accuracy: 0.6, seed: seed &+ 1),
            ]),
        ]
    }

    /// Random weights of a real shape, over a part of the vocabulary.
    private static func random(
        _ configuration: any DrafterConfiguration, _ model: Model
    ) throws -> DrafterWeights {
        try ToyDrafter(
            configuration, type: .q8_0, draftVocabulary: (0..<1024).map { Int32($0 * 7) },
            fingerprint: model.fingerprint
        ).weights()
    }

    @Test("Zero different tokens, greedy and sampled, whatever the tree and the number of threads")
    func identical() throws {
        let prompts = try Self.prompts
        var answers = 0
        var tokens = 0
        var turn = 0
        func report(_ place: String) {
            print("exactness: \(place): \(answers) answers, \(tokens) tokens compared with plain decoding")
            fflush(nil)
        }
        for threads in 1...3 where Self.part == nil || Self.part == threads {
            var options = ModelOptions(contextLength: 1536, threads: threads)
            options.registry.register(ShippedDrafters.all)
            let model = try Model.load(path: DefaultModel.path, options: options)
            let shipped = try ["rnn", "medusa", "auto"].map {
                try model.drafter(SpeculationOptions(drafter: $0))
            }
            for (index, prompt) in prompts.enumerated() where index % 3 == threads - 1 {
                let encoded = try prompt.tokens(for: model)
                let samplings =
                    Self.isFull ? Self.samplings : [.greedy, Self.samplings[1 + index % 6]]
                for sampling in samplings {
                    let parameters = GenerationParameters(
                        maximumTokens: Self.maximumTokens, sampling: sampling)
                    let plain = try TextGenerator(model).generate(encoded, parameters).tokens
                    let drafters = try Self.drafters(
                        model, shipped: shipped, text: encoded + plain, seed: UInt64(turn))
                    for _ in 0..<Self.draftersPerAnswer {
                        let drafter = drafters[turn % drafters.count]
                        let tree = Self.trees[(turn / drafters.count) % Self.trees.count]
                        turn += 1
                        let answer = try TextGenerator(model, drafter: drafter, treeBuilder: tree)
                            .generate(encoded, parameters).tokens
                        let difference = Comparison.firstDifference(answer, plain)
                        #expect(
                            difference == nil,
                            "prompt \(prompt.name), \(drafter.name), \(tree.name), temperature \(sampling.temperature), seed \(sampling.seed)"
                        )
                        answers += 1
                        tokens += answer.count
                    }
                }
                if Self.isFull { report("prompt \(prompt.name), threads \(threads)") }
            }
        }
        #expect(answers > 0)
        report("all")
    }
}
