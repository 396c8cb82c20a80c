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
    public var taps: [Int] { configuration.context?.taps ?? [] }
    public var copyLengths: Int { configuration.copyLengths }

    /// Lengths of matches that are told apart unless the settings say otherwise.
    public static let defaultCopyLengths = 8

    public static func configuration(
        _ settings: TrainingSettings, model: ModelSizes, vocabularySize: Int
    ) -> RecurrentConfiguration {
        RecurrentConfiguration(
            hiddenSize: model.hiddenSize, exitDimension: settings.exitDimension ?? model.hiddenSize,
            layers: settings.layers, vocabularySize: vocabularySize,
            context: settings.taps.isEmpty ? nil : context(settings, model),
            copyLengths: settings.copyLengths ?? defaultCopyLengths)
    }

    /// The decoder layer is shaped like the model's.
    private static func context(_ settings: TrainingSettings, _ model: ModelSizes) -> ContextBlockSizes {
        ContextBlockSizes(
            taps: settings.taps, normalizesTaps: settings.normalizesTaps,
            layer: settings.attends
                ? ContextBlockSizes.Layer(
                    heads: model.heads, keyValueHeads: model.keyValueHeads,
                    headDimension: model.headDimension, feedForwardSize: model.feedForwardSize,
                    rotaryBase: model.rotaryBase) : nil, addsToHidden: settings.addsToHidden,
            normEpsilon: model.normEpsilon)
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

    public func rateScale(_ role: DrafterRole, _ settings: TrainingSettings) -> Float {
        if role == .copyVotes || role == .copyPower { return Self.copyRate }
        let context =
            configuration.context?.tensors(
                hiddenSize: configuration.hiddenSize, exitDimension: configuration.exitDimension) ?? []
        return context.contains { $0.role == role } ? settings.contextRate : 1
    }

    /// A few numbers that all positions share: they have far to go in the steps of a short run.
    private static let copyRate: Float = 4

    public func headRows(draftLength: Int) -> Int { draftLength }

    public func accumulate(_ chunk: TrainingChunk, into result: inout BatchResult) {
        let terms = chunk.terms(steps: 0..<chunk.batch.draftLength)
        guard let sizes = configuration.context else {
            guard !terms.isEmpty else { return }
            RecurrentPass(
                chunk, configuration: configuration, PositionCondition(hidden: chunk.hidden), terms: terms
            ).run(into: &result)
            return
        }
        guard !terms.isEmpty || chunk.batch.stateWeight > 0 else { return }
        let context = ContextPass(chunk, sizes, hiddenSize: configuration.hiddenSize)
        let condition = context.condition
        if terms.isEmpty {
            condition.hiddenGradient?.clear()
            condition.additionGradient?.clear()
        } else {
            RecurrentPass(chunk, configuration: configuration, condition, terms: terms).run(into: &result)
        }
        context.back(into: &result)
    }
}
