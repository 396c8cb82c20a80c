import RedrafterFormats
import RedrafterTraining

/// Checks a trainer against its contract.
///
/// The gradient must be the slope of the loss, measured by central differences. Measuring must give what training gives, terms without
/// weight must leave no trace, threads may change the last bits only, and first values must depend on the seed alone.
///
/// - Parameters:
///   - trainer: with small sizes, for the loss is computed twice for each parameter. It needs OpenBLAS.
///   - draftLength: steps of the batch; 3 unless the trainer learns fewer.
/// - Returns: what failed; empty for a trainer that is done.
/// - Throws: `TrainingError` where the trainer refuses a batch that fits.
public func checkTrainer(
    _ trainer: some TrainableDrafter, draftLength: Int = 3
) throws(TrainingError) -> [ConformanceFailure] {
    var check = TrainerCheck(trainer, draftLength: min(draftLength, trainer.longestDraft ?? draftLength))
    try check.compareSlopes()
    try check.compareThreads()
    try check.dropWeights()
    check.compareFirstValues()
    return check.failures
}

private struct TrainerCheck<Trainer: TrainableDrafter> {
    let trainer: Trainer
    var failures = [ConformanceFailure]()
    private var parameters: [Float]
    private let embedding: [Float]
    private var batch: DraftBatch
    private var random = SeededRandom(seed: 23)

    private static var modelVocabulary: Int { 13 }
    private static var positions: Int { 5 }
    private static var labels: Int { 3 }

    init(_ trainer: Trainer, draftLength: Int) {
        self.trainer = trainer
        let configuration = trainer.configuration
        var random = random
        func values(_ count: Int, _ size: Float) -> [Float] {
            (0..<count).map { _ in Float.random(in: -size...size, using: &random) }
        }
        parameters = [Float](repeating: 0, count: trainer.layout.count)
        for entry in trainer.layout.entries {
            parameters.replaceSubrange(entry.range, with: values(entry.count, 0.6))
        }
        embedding = values(Self.modelVocabulary * configuration.hiddenSize, 1)
        batch = DraftBatch(
            count: Self.positions, draftLength: draftLength, hiddenSize: configuration.hiddenSize,
            labelsPerStep: Self.labels)
        if trainer.taps.isEmpty {
            batch.hidden = values(batch.hidden.count, 1)
        } else {
            batch.hidden = []
            var texts = BatchTexts(taps: trainer.taps.count)
            for positions in [2..<5, 1..<3] {
                let rows = positions.upperBound + 1
                texts.append(
                    following: (0..<rows).map { _ in
                        Int32.random(in: 0..<Int32(Self.modelVocabulary), using: &random)
                    }, outputs: values(rows * trainer.taps.count * configuration.hiddenSize, 1),
                    positions: positions)
            }
            batch.texts = texts
        }
        let rows = Int32(configuration.vocabularySize)
        for term in batch.weights.indices {
            batch.tokens[term] = Int32.random(in: 0..<Int32(Self.modelVocabulary), using: &random)
            batch.truth[term] = Int32.random(in: -1..<rows, using: &random)
            batch.weights[term] = [0, 0.5, 1, 1.5][term % 4]
            // Different rows whose probabilities leave something out.
            let first = Int32.random(in: 0..<rows, using: &random)
            for label in 0..<min(Self.labels, Int(rows)) {
                batch.labelRows[term * Self.labels + label] = (first + Int32(label)) % rows
                batch.labelProbabilities[term * Self.labels + label] = Float.random(
                    in: 0.05..<0.33, using: &random)
            }
        }
    }

    private mutating func fail(_ message: String) {
        failures.append(
            ConformanceFailure(subject: "trainer of \(Trainer.Configuration.kindName)", message: message))
    }

    private func evaluate(
        gradient: Bool = true, threads: Int = 1
    ) throws(TrainingError) -> (result: BatchResult, gradient: [Float]) {
        var values = [Float](repeating: .nan, count: gradient ? trainer.layout.count : 0)
        let result = try values.withUnsafeMutableBufferPointer { (values) throws(TrainingError) in
            try parameters.withUnsafeBufferPointer { (parameters) throws(TrainingError) in
                try embedding.withUnsafeBufferPointer { (embedding) throws(TrainingError) in
                    try trainer.evaluate(
                        batch, parameters: parameters, embedding: embedding,
                        gradient: gradient ? values : nil, workspace: TrainingWorkspace(), threads: threads)
                }
            }
        }
        return (result, values)
    }

    /// The loss is rounded to floats on its way: a step that is large enough for that bends the slope by less than the tolerance.
    mutating func compareSlopes() throws(TrainingError) {
        let (result, gradient) = try evaluate()
        if try evaluate(gradient: false).result != result {
            fail("measuring gives another loss than training")
        }
        let largest = gradient.reduce(0) { max($0, abs($1)) }
        guard largest > 1e-3, largest.isFinite else { return fail("the largest gradient is \(largest)") }
        var used = Set<Int>()
        let step: Float = 1 / 128
        for entry in trainer.layout.entries {
            var worst = (difference: Float(0), index: 0)
            for index in entry.range {
                used.insert(index)
                let value = parameters[index]
                parameters[index] = value + step
                let above = try evaluate(gradient: false).result.loss
                parameters[index] = value - step
                let below = try evaluate(gradient: false).result.loss
                parameters[index] = value
                let slope = Float((above - below) / Double(2 * step))
                let difference = abs(gradient[index] - slope)
                if difference > worst.difference || difference.isNaN { worst = (difference, index) }
            }
            if !(worst.difference < 2e-3 * max(largest, 0.1)) {
                fail(
                    "the gradient of \(entry.name)[\(worst.index - entry.offset)] is \(gradient[worst.index]), "
                        + "\(worst.difference) off the slope of the loss")
            }
        }
        if gradient.indices.contains(where: { !used.contains($0) && gradient[$0] != 0 }) {
            fail("there is a gradient between tensors")
        }
    }

    mutating func compareThreads() throws(TrainingError) {
        let one = try evaluate()
        let largest = one.gradient.reduce(0) { max($0, abs($1)) }
        for threads in 2...3 {
            let several = try evaluate(threads: threads)
            if try evaluate(threads: threads) != several {
                fail("\(threads) threads do not repeat their bits")
            }
            if zip(one.gradient, several.gradient).contains(where: { !(abs($0 - $1) <= 1e-5 * largest) }) {
                fail("\(threads) threads give another gradient than one")
            }
        }
    }

    mutating func dropWeights() throws(TrainingError) {
        let before = try evaluate()
        let whole = batch
        for term in batch.weights.indices where batch.weights[term] == 0 {
            batch.labelProbabilities[term * Self.labels] = 0.9
            batch.truth[term] = 0
        }
        if try evaluate() != before { fail("terms without weight leave a trace") }
        batch.weights = batch.weights.map { _ in 0 }
        let (result, gradient) = try evaluate()
        if result.loss != 0 || gradient.contains(where: { $0 != 0 }) {
            fail("a batch without weights has a loss or a gradient")
        }
        batch = whole
    }

    /// Weights of a model of the trainer's own sizes: every vector and matrix that it may take over has as many elements as it asks
    /// for.
    private mutating func firstParts() -> [ModelParts.Part: [Float]] {
        let names: [ModelParts.Part: String] = [
            .finalNorm: "context.tap_norm.0.weight", .attentionNorm: "context.attention_norm.weight",
            .feedForwardNorm: "context.feed_forward_norm.weight", .query: "context.query.weight",
            .key: "context.key.weight", .value: "context.value.weight", .gate: "context.gate.weight",
            .up: "context.up.weight",
        ]
        return names.compactMapValues { name in
            trainer.layout.entries.first { $0.name == name }.map { entry in
                (0..<entry.count).map { _ in Float.random(in: -1...1, using: &random) }
            }
        }
    }

    mutating func compareFirstValues() {
        let configuration = trainer.configuration
        let rows = (0..<configuration.vocabularySize * configuration.hiddenSize).map { _ in
            Float.random(in: -1...1, using: &random)
        }
        let trainer = trainer
        let parts = firstParts()
        func first() -> [Float] {
            rows.withUnsafeBufferPointer {
                trainer.initialParameters(ModelParts(headRows: $0) { parts[$0] ?? [] }, seed: 5)
            }
        }
        let values = first()
        if values.count != trainer.layout.count || !values.allSatisfy(\.isFinite) {
            fail("the first values are \(values.count), of which some may be no numbers")
        } else if first() != values {
            fail("the first values differ for the same seed")
        }
    }
}
