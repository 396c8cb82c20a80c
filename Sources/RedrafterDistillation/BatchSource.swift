import Redrafter
import RedrafterCore
import RedrafterTraining

/// The batches of a training run, each a function of its step alone: single positions with hidden states, or positions of whole texts
/// with the outputs of the model's layers, which are computed on the way.
///
/// Positions of one answer are alike, and a batch of few answers pulls the drafter to and fro; but each answer costs passes over its
/// whole text. Some positions of an answer, spread over all of it, lie between.
struct BatchSource {
    private let reader: BatchReader
    /// For drafters that read whole texts: what a batch's places stand for, those to train on first. Else places are positions.
    private let texts: (combs: [RootComb], taps: TapCache)?
    private var order: RootOrder
    private let heldOut: [Int32]
    /// Positions or combs in each step.
    private let perStep: Int

    private let settings: TrainingSettings

    private static let heldOutPositions = 4096
    private static let heldOutComb = 64

    /// - Throws: `RedrafterError.promptTooLong` where a text is longer than the model's context, `.transformer` where memory for
    ///   its passes is short.
    init(
        _ reader: BatchReader, _ model: Model, taps: [Int], folder: TapFolder?, settings: TrainingSettings
    ) throws(RedrafterError) {
        self.reader = reader
        self.settings = settings
        let data = reader.data
        var random = SplitMix(seed: settings.seed, stream: .max)
        if taps.isEmpty {
            texts = nil
            order = RootOrder(
                data.roots(isHeldOut: false, skipsLoops: settings.skipsLoops), seed: settings.seed)
            perStep = settings.batchSize
            heldOut = Array(
                data.roots(isHeldOut: true).shuffled(using: &random).prefix(Self.heldOutPositions))
        } else {
            let longest = data.longestText
            guard longest <= model.contextLength else {
                throw .promptTooLong(tokens: longest, contextLength: model.contextLength)
            }
            let training = data.combs(
                of: settings.textPositions, isHeldOut: false, skipsLoops: settings.skipsLoops)
            let combs = training + data.combs(of: Self.heldOutComb, isHeldOut: true)
            let cache = TapCache(
                try TapReader(model, layers: taps), columns: taps.count * model.configuration.hiddenSize,
                bytes: settings.tapCache << 20, folder: folder)
            texts = (combs, cache)
            order = RootOrder(training.indices.map { Int32($0) }, seed: settings.seed)
            perStep = max(1, settings.batchSize / settings.textPositions)
            heldOut = Array(
                (training.count..<combs.count).map { Int32($0) }.shuffled(using: &random)
                    .prefix(Self.heldOutPositions / Self.heldOutComb))
        }
    }

    /// Steps in which every position comes once.
    var stepsPerEpoch: Int { order.count / perStep }

    /// The batch of a step.
    /// - Throws: `RedrafterError` where the model's pass fails.
    mutating func batch(step: Int) throws(RedrafterError) -> DraftBatch {
        let sample =
            settings.stepShare < 1
            ? StepSample(share: settings.stepShare, seed: settings.seed, batch: step) : nil
        return try batch(order.roots(from: step * perStep, count: perStep), sample)
    }

    /// Batches of held-out positions.
    var heldOutBatches: Int { (heldOut.count + perStep - 1) / perStep }

    /// One of them.
    func heldOutBatch(_ index: Int) throws(RedrafterError) -> DraftBatch {
        try batch(Array(heldOut.dropFirst(index * perStep).prefix(perStep)), nil)
    }

    private func batch(
        _ places: [Int32], _ sample: StepSample?
    ) throws(RedrafterError) -> DraftBatch {
        guard let (combs, taps) = texts else { return reader.batch(places, sample: sample) }
        return try reader.batch(
            places.map { combs[Int($0)] }, taps: taps.layers.count, sample: sample
        ) { (text, tokens) throws(RedrafterError) in try taps.outputs(of: text, tokens) }
    }
}
