import Redrafter
import RedrafterCore
import RedrafterTraining

/// The batches of a training run, each a function of its step alone: single positions with hidden states, or stretches of answers
/// with the outputs of the model's layers, which are computed on the way.
///
/// Positions of one answer are alike, and a batch of few answers pulls the drafter to and fro; a stretch costs the block's pass over the
/// whole text before it. Stretches of 64 positions lie between. The model's own pass over a text is made once for all its
/// stretches: for a while, batches take theirs from a pool of texts.
struct BatchSource {
    private let reader: BatchReader
    private let taps: TapPool?
    private var order: RootOrder
    /// Positions or stretches in each step.
    private let perStep: Int
    private let heldOut: [Int32]

    private static let heldOutPositions = 4096
    private static let stretch = 64
    /// Bytes of the layers' outputs that a pool of texts takes, about.
    private static let poolBytes = 1 << 30

    /// - Throws: `RedrafterError.transformer` where memory for the model's passes is short.
    init(
        _ reader: BatchReader, _ model: Model, taps: [Int], settings: TrainingSettings
    ) throws(RedrafterError) {
        self.reader = reader
        var random = SplitMix(seed: settings.seed, stream: .max)
        if taps.isEmpty {
            self.taps = nil
            order = RootOrder(
                reader.data.roots(isHeldOut: false, skipsLoops: settings.skipsLoops), seed: settings.seed)
            perStep = settings.batchSize
            heldOut = Array(
                reader.data.roots(isHeldOut: true).shuffled(using: &random).prefix(Self.heldOutPositions))
        } else {
            let pool = Self.pool(of: reader.data, taps: taps.count)
            self.taps = TapPool(try TapReader(model, layers: taps), texts: pool)
            order = RootOrder(
                texts: reader.data.stretches(
                    of: Self.stretch, isHeldOut: false, skipsLoops: settings.skipsLoops), pool: pool,
                seed: settings.seed)
            perStep = max(1, settings.batchSize / Self.stretch)
            heldOut = Array(
                reader.data.stretches(of: Self.stretch, isHeldOut: true).joined().shuffled(using: &random)
                    .prefix(Self.heldOutPositions / Self.stretch))
        }
    }

    /// Texts whose outputs of some layers are kept.
    private static func pool(of data: DistillationData, taps: Int) -> Int {
        let bytes =
            data.meanTextLength * taps * data.manifest.fingerprint.hiddenSize * MemoryLayout<Float>.stride
        return min(max(poolBytes / max(bytes, 1), 64), 1024)
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
        ) { (answer, tokens) throws(RedrafterError) in try taps.outputs(of: answer, tokens) }
    }
}
