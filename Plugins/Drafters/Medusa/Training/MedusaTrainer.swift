import DrafterHeads
import HeadTraining
import MedusaDrafter
import RedrafterCore
import RedrafterFormats
import RedrafterTraining

/// Medusa heads (arXiv 2401.10774, section 2.1) that learn: head k predicts the token k + 1 places after the certain one from the
/// hidden state alone, with residual blocks and an LM head of its own.
public struct MedusaTrainer: DrafterTrainer {
    public static let name = "medusa"
    public static let summary = "Medusa heads"

    public let configuration: MedusaConfiguration
    public let layout: ParameterLayout
    public let usesEmbedding = false

    public static func validate(_ settings: TrainingSettings) throws(ParameterError) {
        if let size = settings.exitDimension {
            throw .outOfRange(
                name: "exit-dim", got: "\(size)",
                allowed: "nothing for Medusa heads, which have the model's hidden size")
        }
        guard !settings.weighsBySurvival else {
            throw .outOfRange(
                name: "survival", got: "set",
                allowed: "nothing for Medusa heads, which do not see the tokens before")
        }
        guard settings.taps.isEmpty else {
            throw .outOfRange(
                name: "taps", got: "\(settings.taps)",
                allowed: "nothing for Medusa heads, which read the last hidden state")
        }
        if let lengths = settings.copyLengths {
            throw .outOfRange(
                name: "copy-lengths", got: "\(lengths)",
                allowed: "nothing for Medusa heads, which do not copy from the text")
        }
    }

    /// One head for each token that is drafted.
    public static func configuration(
        _ settings: TrainingSettings, model: ModelSizes, vocabularySize: Int
    ) -> MedusaConfiguration {
        MedusaConfiguration(
            hiddenSize: model.hiddenSize, layers: settings.layers, heads: settings.draftLength,
            vocabularySize: vocabularySize)
    }

    public static func drafter(
        _ weights: DrafterWeights, for target: DraftTarget
    ) throws(DrafterError) -> any Drafter {
        try MedusaDrafter(weights, for: target)
    }

    /// - Throws: `TrainingError.invalidConfiguration` where a size is out of its bounds.
    public init(_ configuration: MedusaConfiguration) throws(TrainingError) {
        self.configuration = configuration
        layout = try ParameterLayout(configuration)
    }

    /// Blocks of zeros, which pass h on, and copies of the model's LM head. Nothing is random.
    public func initialParameters(_ model: ModelParts, seed: UInt64) -> [Float] {
        precondition(
            model.headRows.count == configuration.vocabularySize * configuration.hiddenSize,
            "rows of another head")
        var values = [Float](repeating: 0, count: layout.count)
        for head in 0..<configuration.heads {
            values.replaceSubrange(layout[.output(head: head)].range, with: model.headRows)
        }
        return values
    }

    public var longestDraft: Int? { configuration.heads }

    public func headRows(draftLength: Int) -> Int { 1 }

    public func accumulate(_ chunk: TrainingChunk, into result: inout BatchResult) {
        for head in 0..<chunk.batch.draftLength {
            let terms = chunk.terms(steps: head..<head + 1)
            guard !terms.isEmpty else { continue }
            let places = terms.map { $0 / Int32(chunk.batch.draftLength) - Int32(chunk.positions.lowerBound) }
            chunk.scratch.temporarily {
                let input = chunk.scratch.matrix(terms.count, configuration.hiddenSize)
                places.withUnsafeBufferPointer { input.gather(chunk.hidden, rows: $0) }
                // The hidden state is the model's: its gradient goes nowhere.
                _ = ResidualHeadPass(chunk, head: head, layers: configuration.layers, terms: terms)
                    .run(input, into: &result)
            }
        }
    }
}
