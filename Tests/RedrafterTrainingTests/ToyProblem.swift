import MedusaDrafter
import MedusaTraining
import RecurrentDrafter
import RecurrentTraining
import RedrafterFormats
import RedrafterTesting
import RedrafterTraining

/// A small drafter with random parameters and a batch for it, both seeded.
struct ToyProblem {
    static let modelVocabulary = 13

    let name: String
    let trainer: any TrainableDrafter
    var parameters: [Float]
    let embedding: [Float]
    var batch: DraftBatch

    init(
        _ name: String, _ configuration: any DrafterConfiguration, positions: Int, draftLength: Int = 3,
        isRagged: Bool = true, stateWeight: Float = 0
    ) throws {
        self.name = name
        trainer = try Self.trainer(configuration)
        var random = SeededRandom(seed: 11)
        func values(_ count: Int, _ size: Float) -> [Float] {
            (0..<count).map { _ in Float.random(in: -size...size, using: &random) }
        }
        parameters = [Float](repeating: 0, count: trainer.layout.count)
        for entry in trainer.layout.entries {
            parameters.replaceSubrange(entry.range, with: values(entry.count, 0.6))
        }
        embedding = values(Self.modelVocabulary * configuration.hiddenSize, 1)
        batch = DraftBatch(
            count: positions, draftLength: draftLength, hiddenSize: configuration.hiddenSize, labelsPerStep: 3
        )
        batch.stateWeight = stateWeight
        if trainer.taps.isEmpty {
            batch.hidden = values(batch.hidden.count, 1)
        } else {
            batch.hidden = []
            batch.texts = Self.texts(positions, trainer.taps.count, configuration.hiddenSize, &random)
        }
        if trainer.copyLengths > 0 {
            var matches = BatchMatches()
            for _ in batch.weights.indices {
                matches.append(
                    (0..<Int.random(in: 0...6, using: &random)).map { _ in
                        (
                            Int32.random(in: 0..<Int32(configuration.vocabularySize), using: &random),
                            Int32.random(in: 1...Int32(trainer.copyLengths), using: &random)
                        )
                    })
            }
            batch.matches = matches
        }
        for term in batch.weights.indices {
            batch.tokens[term] = Int32.random(in: 0..<Int32(Self.modelVocabulary), using: &random)
            batch.truth[term] = Int32.random(in: -1..<Int32(configuration.vocabularySize), using: &random)
            batch.weights[term] = isRagged ? [0, 0.5, 1, 1.5][Int.random(in: 0..<4, using: &random)] : 1
            // Two or three different rows whose probabilities leave something out.
            let first = Int32.random(in: 0..<Int32(configuration.vocabularySize), using: &random)
            for label in 0..<3 where label < 2 || Bool.random(using: &random) {
                batch.labelRows[term * 3 + label] =
                    (first + Int32(label)) % Int32(configuration.vocabularySize)
                batch.labelProbabilities[term * 3 + label] = Float.random(in: 0.05..<0.33, using: &random)
            }
        }
    }

    /// Texts of 1 to 3 positions, each with rows before and behind them.
    private static func texts(
        _ positions: Int, _ taps: Int, _ hidden: Int, _ random: inout SeededRandom
    ) -> BatchTexts {
        var texts = BatchTexts(taps: taps)
        var left = positions
        while left > 0 {
            let count = min(left, Int.random(in: 1...3, using: &random))
            let first = Int.random(in: 0...3, using: &random)
            let rows = first + count + Int.random(in: 0...1, using: &random)
            texts.append(
                following: (0..<rows).map { _ in
                    Int32.random(in: 0..<Int32(modelVocabulary), using: &random)
                },
                outputs: (0..<rows * taps * hidden).map { _ in Float.random(in: -1...1, using: &random) },
                positions: first..<first + count)
            left -= count
        }
        return texts
    }

    /// With heads that share keys and values.
    static func context(
        taps: [Int] = [0, 2], isNormed: Bool = true, attends: Bool = true, adds: Bool = false,
        headDimension: Int = 4
    ) -> ContextBlockSizes {
        ContextBlockSizes(
            taps: taps, normalizesTaps: isNormed,
            layer: attends
                ? ContextBlockSizes.Layer(
                    heads: 4, keyValueHeads: 2, headDimension: headDimension, feedForwardSize: 7,
                    rotaryBase: 50) : nil,
            addsToHidden: adds, normEpsilon: 1e-2)
    }

    static func trainer(_ configuration: any DrafterConfiguration) throws -> any TrainableDrafter {
        switch configuration {
        case let configuration as RecurrentConfiguration: try RecurrentTrainer(configuration)
        case let configuration as MedusaConfiguration: try MedusaTrainer(configuration)
        default: throw TrainingError.invalidConfiguration(what: "kind", got: "", expected: "")
        }
    }

    func evaluate(
        gradient: Bool = true, workspace: TrainingWorkspace = TrainingWorkspace(), threads: Int = 1
    ) throws -> (result: BatchResult, gradient: [Float]) {
        var values = [Float](repeating: .nan, count: gradient ? trainer.layout.count : 0)
        let result = try values.withUnsafeMutableBufferPointer { values in
            try parameters.withUnsafeBufferPointer { parameters in
                try embedding.withUnsafeBufferPointer { embedding in
                    try trainer.evaluate(
                        batch, parameters: parameters, embedding: embedding,
                        gradient: gradient ? values : nil,
                        workspace: workspace, threads: threads)
                }
            }
        }
        return (result, values)
    }

    static func recurrent(
        hidden: Int = 6, exit: Int, layers: Int, vocabulary: Int = 11, isRecurrent: Bool = true,
        context: ContextBlockSizes? = nil, copyLengths: Int = 0
    ) -> RecurrentConfiguration {
        RecurrentConfiguration(
            hiddenSize: hidden, exitDimension: exit, layers: layers, vocabularySize: vocabulary,
            isRecurrent: isRecurrent, context: context, copyLengths: copyLengths)
    }

    static func medusa(heads: Int = 3, layers: Int) -> MedusaConfiguration {
        MedusaConfiguration(hiddenSize: 6, layers: layers, heads: heads, vocabularySize: 19)
    }

    /// Both drafters in all their variants, with every weight pattern.
    static func all() throws -> [ToyProblem] {
        try [
            ToyProblem("recurrent", recurrent(exit: 5, layers: 2), positions: 5),
            ToyProblem("recurrent, wide exit", recurrent(exit: 9, layers: 1), positions: 4, isRagged: false),
            ToyProblem("recurrent, no projection", recurrent(exit: 12, layers: 2), positions: 5),
            ToyProblem("recurrent, no blocks", recurrent(exit: 6, layers: 0, vocabulary: 40), positions: 5),
            ToyProblem("recurrent, one step", recurrent(exit: 6, layers: 1), positions: 6, draftLength: 1),
            ToyProblem("recurrent, sum", recurrent(exit: 5, layers: 2, isRecurrent: false), positions: 5),
            ToyProblem(
                "recurrent, sum, no projection", recurrent(exit: 12, layers: 1, isRecurrent: false),
                positions: 5),
            ToyProblem("recurrent, several chunks", recurrent(hidden: 4, exit: 3, layers: 1), positions: 400),
            ToyProblem(
                "recurrent, copies", recurrent(exit: 5, layers: 1, vocabulary: 7, copyLengths: 3),
                positions: 7
            ),
            ToyProblem(
                "context block, copies",
                recurrent(exit: 5, layers: 0, context: context(taps: [1]), copyLengths: 2), positions: 5),
            ToyProblem("context block", recurrent(exit: 5, layers: 1, context: context()), positions: 5),
            ToyProblem(
                "context block, no projection of the head",
                recurrent(exit: 12, layers: 1, context: context(isNormed: false)), positions: 6,
                isRagged: false),
            ToyProblem(
                "taps alone", recurrent(exit: 6, layers: 0, context: context(taps: [1], attends: false)),
                positions: 4),
            ToyProblem(
                "context block, sum",
                recurrent(exit: 12, layers: 1, isRecurrent: false, context: context(taps: [3])), positions: 5),
            ToyProblem(
                "context block that adds", recurrent(exit: 5, layers: 1, context: context(adds: true)),
                positions: 5),
            ToyProblem(
                "context block that adds and guesses states",
                recurrent(exit: 5, layers: 1, context: context(adds: true)), positions: 7, stateWeight: 0.7),
            ToyProblem(
                "taps alone that add, no projection of the head",
                recurrent(
                    exit: 12, layers: 1, context: context(isNormed: false, attends: false, adds: true)),
                positions: 6, stateWeight: 2),
            ToyProblem("medusa", medusa(layers: 2), positions: 5),
            ToyProblem("medusa, no blocks", medusa(layers: 0), positions: 5, isRagged: false),
            ToyProblem("medusa, fewer steps than heads", medusa(layers: 1), positions: 5, draftLength: 2),
            ToyProblem("medusa, several chunks", medusa(heads: 2, layers: 1), positions: 600, draftLength: 2),
        ]
    }
}
