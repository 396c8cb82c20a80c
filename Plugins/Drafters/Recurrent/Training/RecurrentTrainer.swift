import RedrafterCore
import RedrafterFormats
import RedrafterTraining

/// The recurrent drafter of ReDrafter (arXiv 2403.09919, section 3.1) that learns; see `RecurrentDrafter` for its equations.
///
/// Each step is fed the token that really came (teacher forcing), and the loss of every step goes back through all steps before it.
public struct RecurrentTrainer: TrainableDrafter {
    public let configuration: DrafterConfiguration
    public let layout: ParameterLayout
    public let usesEmbedding = true

    /// - Throws: `TrainingError.invalidConfiguration` where the configuration is of another drafter.
    public init(_ configuration: DrafterConfiguration) throws(TrainingError) {
        guard configuration.kind == .recurrent, configuration.heads == 1 else {
            throw .invalidConfiguration(
                what: "kind and heads", got: "\(configuration.kind.rawValue) and \(configuration.heads)",
                expected: "\(DrafterKind.recurrent.rawValue) and 1")
        }
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
