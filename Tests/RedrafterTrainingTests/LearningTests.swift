import MedusaDrafter
import MedusaTraining
import RecurrentDrafter
import RecurrentTraining
import RedrafterFormats
import RedrafterPlatform
import RedrafterTesting
import RedrafterTraining
import Testing

/// A law for texts of few tokens: a token that follows token a is one of two, with probabilities 3/4 and 1/4 that depend on a
/// alone. So the entropy of a token, its predecessor known, is known.
private struct ToyLaw {
    static let vocabulary = 7
    static let draftLength = 3
    static let entropy = -(0.75 * log(0.75) + 0.25 * log(0.25))

    static func successors(_ token: Int) -> [(token: Int, probability: Float)] {
        [((token * 3 + 1) % vocabulary, 0.75), ((token * 3 + 3) % vocabulary, 0.25)]
    }

    /// The law of the token `steps` places after `token`. `[vocabulary]`
    static func distribution(_ token: Int, after steps: Int) -> [Float] {
        var law = (0..<vocabulary).map { $0 == token ? Float(1) : 0 }
        for _ in 0..<steps {
            var next = [Float](repeating: 0, count: vocabulary)
            for (token, mass) in law.enumerated() {
                for (successor, probability) in successors(token) { next[successor] += mass * probability }
            }
            law = next
        }
        return law
    }

    static func entropy(_ law: [Float]) -> Double {
        law.reduce(0) { $1 > 0 ? $0 - Double($1) * log(Double($1)) : $0 }
    }

    /// Texts of the law with its exact probabilities as labels: given the token before for a recurrent drafter, given the root
    /// alone for Medusa heads.
    static func batch(_ positions: Int, kind: DrafterKind, hidden: [Float], hiddenSize: Int) -> DraftBatch {
        var random = SeededRandom(seed: 5)
        var batch = DraftBatch(
            count: positions, draftLength: draftLength, hiddenSize: hiddenSize, labelsPerStep: vocabulary)
        batch.weights = batch.weights.map { _ in 1 }
        for position in 0..<positions {
            let root = position % vocabulary
            batch.hidden.replaceSubrange(
                position * hiddenSize..<(position + 1) * hiddenSize,
                with: hidden[root * hiddenSize..<(root + 1) * hiddenSize])
            var token = root
            for step in 0..<draftLength {
                let term = position * draftLength + step
                let law =
                    kind == .recurrent ? distribution(token, after: 1) : distribution(root, after: step + 1)
                batch.tokens[term] = Int32(token)
                for row in 0..<vocabulary {
                    batch.labelRows[term * vocabulary + row] = Int32(row)
                    batch.labelProbabilities[term * vocabulary + row] = law[row]
                }
                let choices = successors(token)
                token = Float.random(in: 0..<1, using: &random) < 0.75 ? choices[0].token : choices[1].token
                batch.truth[term] = Int32(token)
            }
        }
        return batch
    }
}

@Suite struct LearningTests {
    private let hiddenSize = 12
    private let embedding: [Float]

    init() {
        var random = SeededRandom(seed: 8)
        embedding = (0..<ToyLaw.vocabulary * 12).map { _ in Float.random(in: -1...1, using: &random) }
    }

    /// Trains with the embeddings as hidden states and as LM head.
    private func train(_ trainer: some TrainableDrafter, steps: Int) throws -> BatchResult {
        let batch = ToyLaw.batch(
            70, kind: trainer.configuration.kind, hidden: embedding, hiddenSize: hiddenSize)
        let layout = trainer.layout
        let store = ParameterStore(
            layout,
            values: embedding.withUnsafeBufferPointer {
                trainer.initialParameters(ModelParts(headRows: $0) { _ in [] }, seed: 1)
            })
        let gradient = ParameterStore(layout)
        let workspace = TrainingWorkspace()
        var optimiser = AdamW(layout, weightDecay: 0)
        let schedule = LearningRateSchedule(peak: 0.02, warmupSteps: 20, totalSteps: steps)
        func evaluate(_ gradient: UnsafeMutableBufferPointer<Float>?) throws -> BatchResult {
            try embedding.withUnsafeBufferPointer {
                try trainer.evaluate(
                    batch, parameters: UnsafeBufferPointer(store.values), embedding: $0, gradient: gradient,
                    workspace: workspace, threads: 2)
            }
        }
        for step in 0..<steps {
            _ = try evaluate(gradient.values)
            let outcome = optimiser.update(
                store.values, gradient: UnsafeBufferPointer(gradient.values),
                learningRate: schedule.rate(step: step), threads: 2)
            #expect(outcome.isApplied)
        }
        return try evaluate(nil)
    }

    @Test(arguments: [8, 12, 24])
    func aRecurrentDrafterReachesTheEntropyOfItsLaw(exit: Int) throws {
        let trainer = try RecurrentTrainer(
            ToyProblem.recurrent(hidden: hiddenSize, exit: exit, layers: 1, vocabulary: ToyLaw.vocabulary))
        let result = try train(trainer, steps: 300)
        for step in 0..<ToyLaw.draftLength {
            let loss = result.loss(step: step)
            #expect(loss > ToyLaw.entropy - 1e-5 && loss < ToyLaw.entropy + 0.01, "exit \(exit): \(loss)")
            #expect(result.accuracy(step: step) > 0.6)
        }
    }

    @Test func medusaHeadsReachTheEntropyThatTheRootLeaves() throws {
        let trainer = try MedusaTrainer(
            MedusaConfiguration(
                hiddenSize: hiddenSize, layers: 1, heads: ToyLaw.draftLength,
                vocabularySize: ToyLaw.vocabulary))
        let result = try train(trainer, steps: 300)
        for step in 0..<ToyLaw.draftLength {
            let entropy =
                (0..<ToyLaw.vocabulary).reduce(0) {
                    $0 + ToyLaw.entropy(ToyLaw.distribution($1, after: step + 1))
                } / Double(ToyLaw.vocabulary)
            let loss = result.loss(step: step)
            #expect(loss > entropy - 1e-5 && loss < entropy + 0.01, "step \(step): \(loss), not \(entropy)")
        }
    }

    @Test func aDrafterBeginsWithTheModelsOwnDistribution() throws {
        for (exit, kind) in [(12, DrafterKind.recurrent), (24, .recurrent), (15, .recurrent), (12, .medusa)] {
            let configuration: any DrafterConfiguration =
                kind == .recurrent
                ? RecurrentConfiguration(
                    hiddenSize: hiddenSize, exitDimension: exit, layers: 2, vocabularySize: ToyLaw.vocabulary)
                : MedusaConfiguration(
                    hiddenSize: hiddenSize, layers: 2, heads: 3, vocabularySize: ToyLaw.vocabulary)
            let trainer = try ToyProblem.trainer(configuration)
            var values = embedding.withUnsafeBufferPointer {
                trainer.initialParameters(ModelParts(headRows: $0) { _ in [] }, seed: 3)
            }
            clearStateHalf(&values, trainer.layout)
            let batch = ToyLaw.batch(7, kind: kind, hidden: embedding, hiddenSize: hiddenSize)
            let reference = ReferenceLoss(trainer.layout, parameters: values, embedding: embedding)
            for position in 0..<7 {
                let h = embedding[position * hiddenSize..<(position + 1) * hiddenSize]
                let logits = (0..<ToyLaw.vocabulary).map { row in
                    zip(h, embedding[row * hiddenSize..<(row + 1) * hiddenSize]).reduce(0.0) {
                        $0 + Double($1.0) * Double($1.1)
                    }
                }
                let logSum = log(logits.reduce(0) { $0 + exp($1) })
                for row in reference.logProbabilities(batch, position) {
                    for (got, logit) in zip(row, logits) {
                        #expect(abs(got - (logit - logSum)) < 1e-5, "\(kind.name), exit \(exit)")
                    }
                }
            }
        }
    }

    /// Takes the small random part away that a projection begins with.
    private func clearStateHalf(_ values: inout [Float], _ layout: ParameterLayout) {
        guard (layout.configuration as? RecurrentConfiguration)?.hasInputProjection == true else { return }
        let entry = layout[.inputProjection]
        for index in entry.range where (index - entry.offset) % (2 * hiddenSize) >= hiddenSize {
            #expect(abs(values[index]) < 0.1)
            values[index] = 0
        }
    }
}
