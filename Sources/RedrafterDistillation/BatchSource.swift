import Redrafter
import RedrafterCore
import RedrafterTraining

/// The batches of a training run, each a function of its step alone: single positions with hidden states, or stretches of answers
/// with the outputs of the model's layers, which are computed on the way.
///
/// Positions of one answer are alike, and a batch of few answers pulls the drafter to and fro; a stretch costs the whole text before
/// it. Stretches of 64 positions lie between.
struct BatchSource {
    private let reader: BatchReader
    private let taps: TapReader?
    private var order: RootOrder
    /// Positions or stretches in each step.
    private let perStep: Int
    private let heldOut: [Int32]

    private static let heldOutPositions = 4096
    private static let stretch = 64

    /// - Throws: `RedrafterError.transformer` where memory for the model's passes is short.
    init(
        _ reader: BatchReader, _ model: Model, taps: [Int], settings: TrainingSettings
    ) throws(RedrafterError) {
        self.reader = reader
        var random = SplitMix(seed: settings.seed, stream: .max)
        if taps.isEmpty {
            self.taps = nil
            order = RootOrder(reader.data.roots(isHeldOut: false), seed: settings.seed)
            perStep = settings.batchSize
            heldOut = Array(
                reader.data.roots(isHeldOut: true).shuffled(using: &random).prefix(Self.heldOutPositions))
        } else {
            self.taps = try TapReader(model, layers: taps)
            order = RootOrder(
                reader.data.stretches(of: Self.stretch, isHeldOut: false), seed: settings.seed)
            perStep = max(1, settings.batchSize / Self.stretch)
            heldOut = Array(
                reader.data.stretches(of: Self.stretch, isHeldOut: true).shuffled(using: &random)
                    .prefix(Self.heldOutPositions / Self.stretch))
        }
    }

    /// The batch of a step.
    /// - Throws: `RedrafterError` where the model's pass fails.
    mutating func batch(step: Int) throws(RedrafterError) -> DraftBatch {
        try batch(order.roots(from: step * perStep, count: perStep))
    }

    /// Batches of held-out positions.
    var heldOutBatches: Int { (heldOut.count + perStep - 1) / perStep }

    /// One of them.
    func heldOutBatch(_ index: Int) throws(RedrafterError) -> DraftBatch {
        try batch(Array(heldOut.dropFirst(index * perStep).prefix(perStep)))
    }

    private func batch(_ items: [Int32]) throws(RedrafterError) -> DraftBatch {
        guard let taps else { return reader.batch(items) }
        return try reader.batch(
            stretches: items, of: Self.stretch, taps: taps.layers.count
        ) { (tokens) throws(RedrafterError) in
            try taps.read(tokens)
            return try taps.values(tokens.count)
        }
    }
}
