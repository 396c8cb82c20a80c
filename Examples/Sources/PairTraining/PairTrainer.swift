import PairDrafter
import RedrafterCore
import RedrafterFormats
import RedrafterTraining

/// The pair drafter that learns: `redrafter train pair`.
public struct PairTrainer: DrafterTrainer {
    public static let name = "pair"
    public static let summary = "a low-rank map of hidden state and last token"

    public let configuration: PairConfiguration
    public let layout: ParameterLayout
    public let usesEmbedding = true

    /// `--exit-dim` is the rank.
    public static func configuration(
        _ settings: TrainingSettings, model: ModelSizes, vocabularySize: Int
    ) -> PairConfiguration {
        PairConfiguration(
            hiddenSize: model.hiddenSize, rank: settings.exitDimension ?? model.hiddenSize,
            vocabularySize: vocabularySize
        )
    }

    public static func drafter(
        _ weights: DrafterWeights, for target: DraftTarget
    ) throws(DrafterError) -> any Drafter {
        try PairDrafter(weights, for: target)
    }

    public init(_ configuration: PairConfiguration) throws(TrainingError) {
        self.configuration = configuration
        layout = try ParameterLayout(configuration)
    }

    /// The hidden half of `mix` is the identity, or random rows R where the rank is smaller, and `output` the model's head times Rᵀ:
    /// logits begin as the model's for h. The token half is small and random.
    public func initialParameters(_ model: ModelParts, seed: UInt64) -> [Float] {
        let (hidden, rank) = (configuration.hiddenSize, configuration.rank)
        let headRows = model.headRows
        precondition(headRows.count == configuration.vocabularySize * hidden, "rows of another head")
        var values = [Float](repeating: 0, count: layout.count)
        var random = InitialValues(seed: seed)
        let scale = 1 / Float(hidden).squareRoot()
        let (mix, output) = (layout[.mix].offset, layout[.pairOutput].offset)
        for row in 0..<rank {
            let start = mix + row * 2 * hidden
            if rank < hidden {
                random.fill(&values, start..<start + hidden, deviation: scale)
            } else if row < hidden {
                values[start + row] = 1
            }
            random.fill(&values, start + hidden..<start + 2 * hidden, deviation: scale / 10)
        }
        for row in 0..<configuration.vocabularySize {
            for column in 0..<rank {
                var sum: Float = 0
                for index in 0..<hidden {
                    sum += headRows[row * hidden + index] * values[mix + column * 2 * hidden + index]
                }
                values[output + row * rank + column] = sum
            }
        }
        return values
    }

    public func headRows(draftLength: Int) -> Int { draftLength }

    public func accumulate(_ chunk: TrainingChunk, into result: inout BatchResult) {
        let steps = Int32(chunk.batch.draftLength)
        let terms = chunk.terms(steps: 0..<chunk.batch.draftLength)
        guard !terms.isEmpty else { return }
        let places = terms.map { $0 / steps - Int32(chunk.positions.lowerBound) }
        let tokens = terms.map { chunk.batch.tokens[Int($0)] }
        let hidden = configuration.hiddenSize
        let pairs = chunk.scratch.matrix(terms.count, 2 * hidden)
        places.withUnsafeBufferPointer { pairs[columns: 0..<hidden].gather(chunk.hidden, rows: $0) }
        tokens.withUnsafeBufferPointer {
            pairs[columns: hidden..<2 * hidden].gather(chunk.embedding, rows: $0)
        }
        let mixed = chunk.scratch.matrix(terms.count, configuration.rank)
        mixed.fill(rows: chunk.parameter(.mixBias).base)
        mixed.assign(pairs, timesTransposed: chunk.parameter(.mix), accumulates: true)
        let projection = ProjectionPass(chunk, .pairOutput, terms: terms)
        guard let gradient = projection.run(mixed, into: &result) else { return }
        chunk.gradient(.mix)?.add(transposed: gradient, times: pairs)
        if let bias = chunk.gradient(.mixBias) { gradient.addColumnSums(to: bias.base) }
    }
}
