import Redrafter
import RedrafterCore
import RedrafterTraining

/// The batches of a training run, each a function of its step alone: single positions with hidden states, or positions of whole texts
/// with the outputs of the model's layers, which are computed on the way.
///
/// Positions of one answer are alike, and a batch of few answers pulls the drafter to and fro; but each answer costs passes over its
/// whole text. 64 positions of an answer, spread over all of it, lie between.
struct BatchSource {
    private enum Items {
        case positions(heldOut: [Int32])
        case combs(training: [RootComb], heldOut: [RootComb], taps: TapCache)
    }

    private let reader: BatchReader
    private let items: Items
    private var order: RootOrder
    /// Positions or combs in each step.
    private let perStep: Int

    private static let heldOutPositions = 4096
    private static let comb = 64

    /// - Throws: `RedrafterError.promptTooLong` where a text is longer than the model's context, `.transformer` where memory for
    ///   its passes is short.
    init(
        _ reader: BatchReader, _ model: Model, taps: [Int], settings: TrainingSettings
    ) throws(RedrafterError) {
        self.reader = reader
        let data = reader.data
        var random = SplitMix(seed: settings.seed, stream: .max)
        if taps.isEmpty {
            let roots = data.roots(isHeldOut: true).shuffled(using: &random)
            items = .positions(heldOut: Array(roots.prefix(Self.heldOutPositions)))
            order = RootOrder(
                data.roots(isHeldOut: false, skipsLoops: settings.skipsLoops), seed: settings.seed)
            perStep = settings.batchSize
        } else {
            let longest = data.longestText
            guard longest <= model.contextLength else {
                throw .promptTooLong(tokens: longest, contextLength: model.contextLength)
            }
            let combs = data.combs(of: Self.comb, isHeldOut: true).shuffled(using: &random)
            let training = data.combs(of: Self.comb, isHeldOut: false, skipsLoops: settings.skipsLoops)
            items = .combs(
                training: training, heldOut: Array(combs.prefix(Self.heldOutPositions / Self.comb)),
                taps: TapCache(try TapReader(model, layers: taps), bytes: settings.tapCache << 20))
            order = RootOrder(training.indices.map { Int32($0) }, seed: settings.seed)
            perStep = max(1, settings.batchSize / Self.comb)
        }
    }

    /// Steps in which every position comes once.
    var stepsPerEpoch: Int { order.count / perStep }

    /// The batch of a step.
    /// - Throws: `RedrafterError` where the model's pass fails.
    mutating func batch(step: Int) throws(RedrafterError) -> DraftBatch {
        let places = order.roots(from: step * perStep, count: perStep)
        switch items {
        case .positions: return reader.batch(places)
        case .combs(let training, _, let taps): return try batch(places.map { training[Int($0)] }, taps)
        }
    }

    /// Batches of held-out positions.
    var heldOutBatches: Int {
        switch items {
        case .positions(let heldOut): (heldOut.count + perStep - 1) / perStep
        case .combs(_, let heldOut, _): (heldOut.count + perStep - 1) / perStep
        }
    }

    /// One of them.
    func heldOutBatch(_ index: Int) throws(RedrafterError) -> DraftBatch {
        switch items {
        case .positions(let heldOut): reader.batch(heldOut.dropFirst(index * perStep).prefix(perStep))
        case .combs(_, let heldOut, let taps):
            try batch(Array(heldOut.dropFirst(index * perStep).prefix(perStep)), taps)
        }
    }

    private func batch(_ combs: [RootComb], _ taps: TapCache) throws(RedrafterError) -> DraftBatch {
        try reader.batch(combs, taps: taps.layers.count) { (text, tokens) throws(RedrafterError) in
            try taps.outputs(of: text, tokens)
        }
    }
}
