import BundledDrafters
import CPUBackend
import MedusaDrafter
import RecurrentDrafter
import RedrafterCore
import RedrafterModels
import RedrafterTesting
import Testing

@testable import Redrafter

private let prompt: [Int32] = [5, 9, 2, 5, 9]

/// What a caller sees of an answer.
private struct Answer: Equatable, CustomStringConvertible {
    var tokens: [Int32]
    var text: String
    var pieces: String
    var finishReason: FinishReason
    var isContextFull: Bool
    var history: [Int32]

    init(
        _ model: Model, _ drafter: any Drafter, _ tree: any TreeBuilder, _ parameters: GenerationParameters,
        prompt: [Int32] = prompt
    ) throws {
        let generator = try TextGenerator(model, drafter: drafter, treeBuilder: tree)
        var shown = ""
        let result = try generator.generate(prompt, parameters) { shown += $0 }
        (tokens, text, pieces) = (result.tokens, result.text, shown)
        (finishReason, isContextFull) = (result.finishReason, result.isContextFull)
        history = generator.history
    }

    var description: String { "\(tokens.count) tokens, \(finishReason), \(text.suffix(60))" }
}

private func sampled(_ temperature: Float, seed: UInt64) -> SamplingParameters {
    var sampling = SamplingParameters()
    sampling.temperature = temperature
    sampling.topP = 0.9
    sampling.topK = seed % 2 == 0 ? 0 : 40
    sampling.repeatPenalty = seed % 3 == 0 ? 1.2 : 1
    sampling.seed = seed
    return sampling
}

private let trees: [any TreeBuilder] = [
    DynamicTree(maximumRows: 24), CostAwareTree(maximumRows: 16), DynamicTree(maximumRows: 2),
    MostProbableTree(maximumRows: 6),
]

@Suite("Speculation changes no token") struct SpeculationTests {
    private func drafters(_ model: Model, _ text: [Int32], seed: UInt64) throws -> [any Drafter] {
        [
            try RecurrentDrafter(
                try ToyDrafter.recurrent(hidden: 64, exit: 64, vocabulary: 64).weights(),
                for: model.draftTarget),
            try contextDrafter(model, ToyDrafter.context()),
            try contextDrafter(model, ToyDrafter.context(adds: true)),
            try contextDrafter(model, ToyDrafter.context(taps: [1], normalizesTaps: false, attends: false)),
            CombinedDrafter([
                try contextDrafter(model, ToyDrafter.context(taps: [0])),
                ScriptedDrafter(text: text, vocabularySize: 64, seed: seed),
            ]),
            try MedusaDrafter(
                try ToyDrafter.medusa(hidden: 64, vocabulary: 64).weights(), for: model.draftTarget),
            ScriptedDrafter(text: text, vocabularySize: 64, seed: seed),
            ScriptedDrafter(text: text, vocabularySize: 64, accuracy: 0, decoys: 3, seed: seed),
            ScriptedDrafter(text: text, vocabularySize: 64, accuracy: 1, decoys: 0, seed: seed),
            ConstantDrafter(7), ConstantDrafter(1000), ConstantDrafter(-1),
            ConstantDrafter(3, logAcceptance: .nan),
            try Registry.standard.makeDrafter(
                named: "lookup", for: try toyModel().draftTarget, options: DrafterOptions()),
            CombinedDrafter([
                ScriptedDrafter(text: text, vocabularySize: 64, seed: seed), ConstantDrafter(7),
            ]),
        ]
    }

    private func contextDrafter(_ model: Model, _ context: ContextBlockSizes) throws -> RecurrentDrafter {
        let toy = ToyDrafter.recurrent(hidden: 64, exit: 64, vocabulary: 64, context: context)
        return try RecurrentDrafter(try toy.weights(), for: model.draftTarget)
    }

    @Test("A drafter that follows the text guesses the same after a chat was rewound as in a new one")
    func rewound() throws {
        let model = try toyModel()
        let drafter = try contextDrafter(model, ToyDrafter.context())
        func trees(_ texts: [[Int32]]) throws -> [[[Int32]]] {
            var speculator = try Speculator(
                target: ModelSequence(try PassRunner(model.transformer, prefillChunk: 4)), drafter: drafter,
                treeBuilder: DynamicTree())
            return try texts.map { text in
                var decoder = try speculator.begin(
                    text, verifier: ExactVerifier(Sampler(.greedy, tokenCount: 64)))
                var trees = [[Int32]]()
                for _ in 0..<8 { trees.append(try decoder.step { _, _ in true }.tree.nodes.map(\.token)) }
                speculator = decoder.speculator
                return trees
            }
        }
        let long = prompt + [7, 8, 9, 10, 11, 12]
        let texts = [long, prompt + [7, 8, 3], long, Array(long.dropLast()), prompt + [1]]
        let together = try trees(texts)
        for (text, expected) in zip(texts, together) {
            #expect(try trees([text])[0] == expected)
        }
    }

    @Test(
        "Every drafter and tree gives plain decoding's answer, greedy and sampled",
        arguments: [SamplingParameters.greedy]
            + [0.7, 1].flatMap { temperature in
                (1...3).map { sampled(temperature, seed: $0) }
            })
    func identical(sampling: SamplingParameters) throws {
        let model = try toyModel(backend: CPUBackend(options: CPUBackend.Options(threads: 2)))
        let parameters = GenerationParameters(maximumTokens: 48, sampling: sampling)
        let plain = try Answer(model, NoDrafter(), DynamicTree(), parameters)
        #expect(plain.tokens.count == 48)
        let static4 = try StaticTree(paths: [[0, 0, 0], [0, 1], [1, 0], [2]])
        for (index, drafter) in try drafters(model, prompt + plain.tokens, seed: sampling.seed).enumerated() {
            for tree in trees + [static4] {
                let answer = try Answer(model, drafter, tree, parameters)
                #expect(answer == plain, "drafter \(index) \(drafter.name), tree \(tree.name)")
            }
        }
    }

    @Test(
        "Every drafter gives plain decoding's answer on a Vulkan device", .enabled(if: hasVulkanDevice),
        arguments: [.greedy, sampled(0.8, seed: 3)])
    func identicalOnVulkan(sampling: SamplingParameters) throws {
        let model = try toyModel(backend: sharedVulkan.get())
        let parameters = GenerationParameters(maximumTokens: 40, sampling: sampling)
        let plain = try Answer(model, NoDrafter(), DynamicTree(), parameters)
        #expect(plain.tokens.count == 40)
        for (index, drafter) in try drafters(model, prompt + plain.tokens, seed: sampling.seed).enumerated() {
            let answer = try Answer(model, drafter, trees[index % trees.count], parameters)
            #expect(answer == plain, "drafter \(index) \(drafter.name)")
        }
    }

    @Test(
        "Ends of text, stop texts, token limits and the end of the context fall on every place of an accepted path"
    )
    func endings() throws {
        let free = try Answer(
            toyModel(), NoDrafter(), DynamicTree(), GenerationParameters(maximumTokens: 24))
        let text = prompt + free.tokens
        var firstTimes = [Int32: Int]()
        for (place, token) in free.tokens.enumerated() where firstTimes[token] == nil {
            firstTimes[token] = place
        }
        var cases = [(Model, GenerationParameters)]()
        for token in firstTimes.keys.sorted() {
            cases.append((try toyModel(endOfGeneration: [token]), GenerationParameters(maximumTokens: 24)))
        }
        let model = try toyModel()
        for count in 0...12 { cases.append((model, GenerationParameters(maximumTokens: count))) }
        for start in stride(from: 0, to: free.text.count - 7, by: 5) {
            let from = free.text.index(free.text.startIndex, offsetBy: start)
            let stop = String(free.text[from..<free.text.index(from, offsetBy: 7)])
            cases.append((model, GenerationParameters(maximumTokens: 24, stop: [stop])))
        }
        for contextLength in (prompt.count + 1)...(prompt.count + 14) {
            cases.append((try toyModel(contextLength: contextLength), GenerationParameters()))
        }
        for (index, (model, parameters)) in cases.enumerated() {
            let plain = try Answer(model, NoDrafter(), DynamicTree(), parameters)
            for seed in UInt64(0)..<2 {
                let right = ScriptedDrafter(text: text, vocabularySize: 64, accuracy: 0.9, seed: seed)
                let answer = try Answer(model, right, DynamicTree(maximumRows: 16), parameters)
                #expect(answer == plain, "case \(index), seed \(seed)")
            }
        }
    }

    @Test("A drafter that is always right is always accepted")
    func alwaysRight() throws {
        let model = try toyModel()
        for sampling in [SamplingParameters.greedy, sampled(1, seed: 4)] {
            let parameters = GenerationParameters(maximumTokens: 40, sampling: sampling)
            let plain = try Answer(model, NoDrafter(), DynamicTree(), parameters)
            let oracle = ScriptedDrafter(
                text: prompt + plain.tokens, vocabularySize: 64, accuracy: 1, decoys: 0)
            let generator = try TextGenerator(
                model, drafter: oracle, treeBuilder: DynamicTree(maximumRows: 5))
            let metrics = try generator.generate(prompt, parameters).speculation
            #expect(metrics.acceptanceRate == 1)
            #expect(metrics.meanAcceptanceLength == 39.0 / 8)
            #expect(metrics.acceptedPerPosition == [8, 8, 8, 7])
            #expect(metrics.tokens == 39 && metrics.draftTokens == 31 && metrics.steps == 8)
        }
    }

    @Test("Counters add up to the text, and count nothing after its end")
    func counters() throws {
        let model = try toyModel()
        let parameters = GenerationParameters(maximumTokens: 30)
        let plain = try Answer(model, NoDrafter(), DynamicTree(), parameters)
        for end in 5..<30 {
            let drafter = ScriptedDrafter(text: prompt + plain.tokens, vocabularySize: 64, seed: UInt64(end))
            let generator = try TextGenerator(
                model, drafter: drafter, treeBuilder: DynamicTree(maximumRows: 12))
            let result = try generator.generate(prompt, GenerationParameters(maximumTokens: end))
            let metrics = result.speculation
            #expect(metrics.tokens == result.tokens.count - 1)
            #expect(metrics.rows == metrics.draftTokens + metrics.steps)
            #expect(metrics.acceptedPerPosition.reduce(0, +) == metrics.acceptedTokens)
            // Each step adds one token of the model's own, but the last one may end with a drafted token.
            #expect([metrics.steps, metrics.steps - 1].contains(metrics.tokens - metrics.acceptedTokens))
        }
    }

    @Test("Rows of a draft that hold NaN are counted and change nothing")
    func nonFinite() throws {
        let model = try toyModel()
        let generator = try TextGenerator(
            model, drafter: ConstantDrafter(3, logAcceptance: .nan), treeBuilder: DynamicTree())
        let result = try generator.generate(prompt, GenerationParameters(maximumTokens: 10))
        #expect(result.speculation.nonFiniteDraftRows > 0)
        #expect(
            result.tokens
                == (try TextGenerator(model).generate(prompt, GenerationParameters(maximumTokens: 10)).tokens)
        )
    }

    @Test("Caches after random trees and random paths of several sequences equal a fresh prefill bitwise")
    func rolledBack() throws {
        let backend = try CPUBackend(options: CPUBackend.Options(threads: 2))
        let transformer = try toyModel(backend: backend).transformer
        var random = SeededRandom(seed: 21)
        for _ in 0..<12 {
            let runner = try PassRunner(transformer, sequences: 3, prefillChunk: 64)
            var texts = [[Int32]](repeating: [], count: 3)
            for _ in 0..<6 {
                var rows = [Row]()
                for index in 0..<Int.random(in: 3...20, using: &random) {
                    let sequence = Int.random(in: 0..<3, using: &random)
                    let parents = [-1] + rows.indices.filter { rows[$0].sequence == sequence }
                    let parent = parents.randomElement(using: &random) ?? -1
                    let position = parent < 0 ? texts[sequence].count : rows[parent].position + 1
                    rows.append(
                        Row(
                            sequence: sequence, token: Int32((index * 7 + position) % 64), position: position,
                            parent: parent))
                }
                _ = try runner.forward(rows, logitRows: [])
                // A random path of each sequence, in an order that mixes them.
                var path = [Int]()
                var tips = [-1, -1, -1]
                for (index, row) in rows.enumerated()
                where row.parent == tips[row.sequence] && Bool.random(using: &random) {
                    path.append(index)
                    tips[row.sequence] = index
                    texts[row.sequence].append(row.token)
                }
                try runner.commit(path)
                #expect(runner.lengths == texts.map(\.count))
            }
            for (sequence, text) in texts.enumerated() {
                let probe = Row(sequence: sequence, token: 11, position: text.count, parent: -1)
                let rolled = try logits(probe, runner)
                let fresh = try PassRunner(transformer, prefillChunk: 64)
                if !text.isEmpty { _ = try fresh.prefill(text) }
                let expected = try logits(Row(token: 11, position: text.count, parent: -1), fresh)
                #expect(rolled == expected)
            }
        }
    }

    private func logits(_ row: Row, _ runner: PassRunner) throws -> [UInt32] {
        let output = try runner.forward([row], logitRows: [0])
        return try runner.stream.withValues(output.logits) { $0.map(\.bitPattern) }
    }
}
