import RedrafterPlatform

/// What a drafter is asked to predict.
public enum DraftLoss: String, Sendable, Hashable, CaseIterable {
    /// The model's distribution (knowledge distillation; ReDrafter, section 3.3).
    case distillation = "kd"
    /// The token that came.
    case crossEntropy = "ce"
}

/// Fills batches from rows of a data set.
public struct BatchReader: Sendable {
    public let data: DistillationData
    public let vocabulary: DraftVocabulary
    public let draftLength: Int
    public let loss: DraftLoss
    /// The model's probabilities are raised to the power 1 / temperature before they become labels: below 1 they lean towards
    /// the token that greedy decoding takes.
    public let labelTemperature: Float
    /// Weight of each step's loss relative to the one before.
    public let stepDecay: Float
    /// See `DraftBatch.weighsBySurvival`.
    public let weighsBySurvival: Bool

    public init(
        _ data: DistillationData, vocabulary: DraftVocabulary, draftLength: Int,
        loss: DraftLoss = .distillation, labelTemperature: Float = 1, stepDecay: Float = 1,
        weighsBySurvival: Bool = false
    ) {
        self.data = data
        self.vocabulary = vocabulary
        self.draftLength = draftLength
        self.loss = loss
        self.labelTemperature = labelTemperature
        self.stepDecay = stepDecay
        self.weighsBySurvival = weighsBySurvival
    }

    /// A batch with these rows as roots.
    public func batch(_ roots: some Collection<Int32>) -> DraftBatch {
        precondition(data.hasHidden, "hidden states are stored or computed again first")
        var batch = emptyBatch(roots.count)
        let hiddenSize = batch.hiddenSize
        for (position, root) in roots.enumerated() {
            batch.hidden.withUnsafeMutableBufferPointer {
                data.copyHidden(Int(root), into: $0.baseAddress.unsafelyUnwrapped + position * hiddenSize)
            }
        }
        fill(&batch, roots)
        return batch
    }

    /// A batch of stretches of answers with the texts before them, for drafters that read the text.
    /// - Parameters:
    ///   - stretches: the first root of each.
    ///   - size: roots in a stretch; an answer may end before.
    ///   - taps: number of layers that the drafter reads.
    ///   - outputs: gives the outputs of these layers for all tokens of a text but the last; texts are told apart by the row of
    ///     their answer's first token. `[rows, taps · hidden]`
    public func batch<Failure: Error>(
        stretches: some Sequence<Int32>, of size: Int, taps: Int,
        outputs: (_ answer: Int, _ tokens: [Int32]) throws(Failure) -> [Float]
    ) throws(Failure) -> DraftBatch {
        var texts = BatchTexts(taps: taps)
        var roots = [Int32]()
        for first in stretches {
            let text = data.text(of: Int(first))
            // The last token of an answer was chosen, but nothing was computed from it.
            let count = min(size, text.answer.count - 1 - text.place)
            let rows = text.prompt.count + text.place + count - 1
            let tokens = Array(text.prompt + text.answer)
            let outputs = try outputs(Int(first) - text.place, Array(tokens.dropLast()))
            texts.append(
                following: tokens[1...rows],
                outputs: outputs.prefix(rows * (outputs.count / (tokens.count - 1))),
                positions: rows - count..<rows)
            roots += (first..<first + Int32(count))
        }
        var batch = emptyBatch(roots.count)
        batch.hidden = []
        batch.texts = texts
        fill(&batch, roots)
        return batch
    }

    private func emptyBatch(_ count: Int) -> DraftBatch {
        var batch = DraftBatch(
            count: count, draftLength: draftLength, hiddenSize: data.manifest.fingerprint.hiddenSize,
            labelsPerStep: loss == .distillation ? data.manifest.shape.topCount : 1)
        batch.weighsBySurvival = weighsBySurvival
        return batch
    }

    private func fill(_ batch: inout DraftBatch, _ roots: some Collection<Int32>) {
        for (position, root) in roots.enumerated() {
            let rows = data.rest(of: Int(root))
            for step in 0..<min(draftLength, rows.count - 1) {
                fill(&batch, position * draftLength + step, row: rows.lowerBound + step, step: step)
            }
        }
    }

    /// One loss term: fed the token of `row`, the drafter predicts that of the next row.
    private func fill(_ batch: inout DraftBatch, _ term: Int, row: Int, step: Int) {
        batch.tokens[term] = data.token(row)
        let truth = vocabulary.rows[Int(data.token(row + 1))]
        batch.truth[term] = truth
        let first = term * batch.labelsPerStep
        var used = 0
        switch loss {
        case .crossEntropy:
            guard truth >= 0 else { return }
            batch.labelRows[first] = truth
            batch.labelProbabilities[first] = 1
            used = 1
        case .distillation:
            var total: Float = 0
            data.forEachTop(row + 1) { token, logProbability in
                let probability = exponential(logProbability / labelTemperature)
                total += probability
                guard vocabulary.rows.indices.contains(Int(token)), probability > 0,
                    case let draftRow = vocabulary.rows[Int(token)], draftRow >= 0
                else { return }
                batch.labelRows[first + used] = draftRow
                batch.labelProbabilities[first + used] = probability
                used += 1
            }
            // Sharpened probabilities add up to something else; at temperature 1 what is not listed stays left out.
            if labelTemperature != 1, total > 0 {
                for index in first..<first + used { batch.labelProbabilities[index] /= total }
            }
        }
        if used > 0 { batch.weights[term] = power(stepDecay, Float(step)) }
    }
}

/// The order in which positions are trained on: a permutation of the roots for each epoch, a function of seed and epoch.
public struct RootOrder: Sendable {
    private let seed: UInt64
    private let permute: @Sendable (inout SplitMix) -> [Int32]
    private var epoch = -1
    private var order: [Int32] = []

    /// Roots of an epoch.
    public let count: Int

    public init(_ roots: [Int32], seed: UInt64) {
        precondition(!roots.isEmpty, "at least one position")
        self.seed = seed
        count = roots.count
        permute = { roots.shuffled(using: &$0) }
    }

    /// An order in which the roots of a text stand near each other, so that what is computed from a text is computed once and kept for
    /// a while: texts are shuffled and divided into pools, and all roots of a pool are shuffled.
    /// - Parameters:
    ///   - texts: the roots of each text.
    ///   - pool: texts in a pool.
    ///   - seed: of the order.
    public init(texts: [[Int32]], pool: Int, seed: UInt64) {
        self.seed = seed
        count = texts.reduce(0) { $0 + $1.count }
        precondition(count > 0 && pool > 0, "at least one position")
        permute = { random in
            let shuffled = texts.shuffled(using: &random)
            return stride(from: 0, to: shuffled.count, by: pool).flatMap { first in
                shuffled[first..<min(first + pool, shuffled.count)].joined().shuffled(using: &random)
            }
        }
    }

    /// The roots at places `start..<start + count` of the endless order; epochs follow one another without a gap.
    public mutating func roots(from start: Int, count wanted: Int) -> [Int32] {
        var result = [Int32]()
        result.reserveCapacity(wanted)
        var place = start
        while result.count < wanted {
            prepare(place / count)
            let first = place % count
            let part = order[first..<min(count, first + wanted - result.count)]
            result.append(contentsOf: part)
            place += part.count
        }
        return result
    }

    private mutating func prepare(_ wanted: Int) {
        guard wanted != epoch else { return }
        epoch = wanted
        var random = SplitMix(seed: seed, stream: UInt64(wanted))
        order = permute(&random)
    }
}

/// The C library's functions under names that say what they are.
func exponential(_ value: Float) -> Float { exp(value) }
private func power(_ base: Float, _ exponent: Float) -> Float { pow(base, exponent) }
