import RedrafterCore
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
    /// See `DraftBatch.stateWeight`.
    public let stateWeight: Float
    /// Lengths of matches with earlier places of the text that batches tell apart; 0 for no matches.
    public let copyLengths: Int

    public init(
        _ data: DistillationData, vocabulary: DraftVocabulary, draftLength: Int,
        loss: DraftLoss = .distillation, labelTemperature: Float = 1, stepDecay: Float = 1,
        weighsBySurvival: Bool = false, stateWeight: Float = 0, copyLengths: Int = 0
    ) {
        self.data = data
        self.vocabulary = vocabulary
        self.draftLength = draftLength
        self.loss = loss
        self.labelTemperature = labelTemperature
        self.stepDecay = stepDecay
        self.weighsBySurvival = weighsBySurvival
        self.stateWeight = stateWeight
        self.copyLengths = copyLengths
    }

    /// A batch with these rows as roots.
    /// - Parameters:
    ///   - roots: rows of the data.
    ///   - sample: which draft steps are learnt; nil for all.
    public func batch(_ roots: some Collection<Int32>, sample: StepSample? = nil) -> DraftBatch {
        precondition(data.hasHidden, "hidden states are stored or computed again first")
        var batch = emptyBatch(roots.count)
        let hiddenSize = batch.hiddenSize
        for (position, root) in roots.enumerated() {
            batch.hidden.withUnsafeMutableBufferPointer {
                data.copyHidden(Int(root), into: $0.baseAddress.unsafelyUnwrapped + position * hiddenSize)
            }
        }
        fill(&batch, roots, sample)
        return batch
    }

    /// A batch of some positions of whole texts, for drafters that read the text.
    /// - Parameters:
    ///   - combs: the positions of each text.
    ///   - taps: number of layers that the drafter reads.
    ///   - sample: which draft steps are learnt; nil for all.
    ///   - outputs: gives the outputs of these layers for all tokens of a text but the last. The text is told by the row of its
    ///     answer's first token. `[rows, taps · hidden]`
    public func batch<Failure: Error>(
        _ combs: some Sequence<RootComb>, taps: Int, sample: StepSample? = nil,
        outputs: (_ text: Int, _ tokens: [Int32]) throws(Failure) -> [Float]
    ) throws(Failure) -> DraftBatch {
        var texts = BatchTexts(taps: taps)
        var roots = [Int32]()
        for comb in combs {
            let text = data.text(of: comb.first)
            let start = comb.first - text.place
            // The row whose following token is the root.
            let positions = comb.roots.map { text.prompt.count + $0 - start - 1 }
            let rows = (positions.last ?? 0) + 1
            let tokens = Array(text.prompt + text.answer)
            let outputs = try outputs(start, Array(tokens.dropLast()))
            texts.append(
                following: tokens[1...rows],
                outputs: outputs.prefix(rows * (outputs.count / (tokens.count - 1))), positions: positions)
            roots += comb.roots.map { Int32($0) }
        }
        var batch = emptyBatch(roots.count)
        batch.hidden = []
        batch.texts = texts
        fill(&batch, roots, sample)
        return batch
    }

    private func emptyBatch(_ count: Int) -> DraftBatch {
        var batch = DraftBatch(
            count: count, draftLength: draftLength, hiddenSize: data.manifest.fingerprint.hiddenSize,
            labelsPerStep: loss == .distillation ? data.manifest.shape.topCount : 1)
        batch.weighsBySurvival = weighsBySurvival
        batch.stateWeight = stateWeight
        return batch
    }

    private func fill(_ batch: inout DraftBatch, _ roots: some Collection<Int32>, _ sample: StepSample?) {
        if copyLengths > 0 { batch.matches = matches(roots) }
        for (position, root) in roots.enumerated() {
            let rows = data.rest(of: Int(root))
            for step in 0..<min(draftLength, rows.count - 1) {
                let term = position * draftLength + step
                fill(&batch, term, row: rows.lowerBound + step, step: step)
                if sample?.takes(row: Int(root), step: step, of: draftLength) == false {
                    batch.weights[term] = 0
                }
            }
        }
    }

    /// Earlier places that resemble the end of the text, with each root and the tokens after it.
    private func matches(_ roots: some Collection<Int32>) -> BatchMatches {
        var result = BatchMatches()
        // Roots of one answer follow each other in a comb: the text grows then.
        var (index, answer) = (TextIndex(), -1)
        for root in roots {
            let text = data.text(of: Int(root))
            let start = text.prompt.count + text.place + 1
            if answer != Int(root) - text.place || index.tokens.count > start {
                (index, answer) = (TextIndex(), Int(root) - text.place)
                for token in text.prompt { index.append(token) }
            }
            let tokens = text.answer
            // Nothing is new where a root comes twice: epochs follow each other within a batch.
            for place in index.tokens.count - text.prompt.count..<text.place + 1 {
                index.append(tokens[tokens.startIndex + place])
            }
            for step in 0..<draftLength {
                let path = tokens.dropFirst(text.place + 1).prefix(step)
                var own = [(row: Int32, length: Int32)]()
                if path.count == step {
                    index.forEachMatch(after: path, lengths: copyLengths) { token, length in
                        let row = vocabulary.rows[Int(token)]
                        if row >= 0 { own.append((row, Int32(length))) }
                    }
                }
                result.append(own)
            }
        }
        return result
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

/// A random choice of the draft steps that are learnt: the others are fed, but not compared. The steps of a position and of those
/// beside it predict the same tokens, and a head costs most of a step's time.
public struct StepSample: Sendable {
    private let share: Double
    private let random: SplitMix

    /// - Parameters:
    ///   - share: of the steps that are taken, above 0.
    ///   - seed: of the choice.
    ///   - batch: number of the batch, which has a choice of its own.
    public init(share: Float, seed: UInt64, batch: Int) {
        self.share = Double(share)
        // Apart from the streams of the orders, whose numbers are those of epochs.
        random = SplitMix(seed: ~seed, stream: UInt64(batch))
    }

    /// - Parameters:
    ///   - row: of the data, the position's.
    ///   - step: from 0.
    ///   - steps: of a position.
    func takes(row: Int, step: Int, of steps: Int) -> Bool {
        var random = random.advanced(by: row * steps + step)
        return random.unit() < share
    }
}

/// The order in which positions are trained on: a permutation of the roots for each epoch, a function of seed and epoch.
public struct RootOrder: Sendable {
    private let roots: [Int32]
    private let seed: UInt64
    private var epoch = -1
    private var order: [Int32] = []

    public init(_ roots: [Int32], seed: UInt64) {
        precondition(!roots.isEmpty, "at least one position")
        self.roots = roots
        self.seed = seed
    }

    public var count: Int { roots.count }

    /// The roots at places `start..<start + count` of the endless order; epochs follow one another without a gap.
    public mutating func roots(from start: Int, count: Int) -> [Int32] {
        var result = [Int32]()
        result.reserveCapacity(count)
        var place = start
        while result.count < count {
            prepare(place / roots.count)
            let first = place % roots.count
            let part = order[first..<min(roots.count, first + count - result.count)]
            result.append(contentsOf: part)
            place += part.count
        }
        return result
    }

    private mutating func prepare(_ wanted: Int) {
        guard wanted != epoch else { return }
        epoch = wanted
        var random = SplitMix(seed: seed, stream: UInt64(wanted))
        order = roots
        order.shuffle(using: &random)
    }
}

/// The C library's functions under names that say what they are.
func exponential(_ value: Float) -> Float { exp(value) }
func logarithm(_ value: Float) -> Float { log(value) }
private func power(_ base: Float, _ exponent: Float) -> Float { pow(base, exponent) }
