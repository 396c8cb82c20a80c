import DrafterHeads
import RecurrentDrafter
import RedrafterCore
import RedrafterFormats
import RedrafterTraining

/// The recurrent drafter of ReDrafter (arXiv 2403.09919, section 3.1) that learns; see `RecurrentDrafter` for its equations.
///
/// Each step is fed the token that really came (teacher forcing), and the loss of every step goes back through all steps before it.
public struct RecurrentTrainer: DrafterTrainer {
    public static let name = "rnn"
    public static let summary = "the recurrent drafter"

    public let configuration: RecurrentConfiguration
    public let layout: ParameterLayout
    public let usesEmbedding = true

    public static func configuration(
        _ settings: TrainingSettings, hiddenSize: Int, vocabularySize: Int
    ) -> RecurrentConfiguration {
        RecurrentConfiguration(
            hiddenSize: hiddenSize, exitDimension: settings.exitDimension ?? hiddenSize,
            layers: settings.layers, vocabularySize: vocabularySize)
    }

    public static func drafter(
        _ weights: DrafterWeights, for target: DraftTarget
    ) throws(DrafterError) -> any Drafter {
        try RecurrentDrafter(weights, for: target)
    }

    /// - Throws: `TrainingError.invalidConfiguration` where a size is out of its bounds.
    public init(_ configuration: RecurrentConfiguration) throws(TrainingError) {
        self.configuration = configuration
        layout = try ParameterLayout(configuration)
    }

    public func headRows(draftLength: Int) -> Int { draftLength }

    public func accumulate(_ chunk: TrainingChunk, into result: inout BatchResult) {
        let terms = chunk.terms(steps: 0..<chunk.batch.draftLength)
        guard !terms.isEmpty else { return }
        RecurrentPass(chunk, configuration: configuration, terms: terms).run(into: &result)
    }
}
