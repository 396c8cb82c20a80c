import RedrafterCore
import RedrafterFormats

/// A kind of drafter that `redrafter train` can make: what it is called, which settings it takes, and how it begins.
public protocol DrafterTrainer: TrainableDrafter {
    /// Name on the command line. The drafter that is made from the weights has the same one.
    static var name: String { get }
    /// What it trains, in a few words: `the recurrent drafter`.
    static var summary: String { get }

    /// Checks the settings that are particular to it. What all share has been checked.
    /// - Throws: `ParameterError.outOfRange` naming the flag.
    static func validate(_ settings: TrainingSettings) throws(ParameterError)
    /// The numbers of a drafter with these settings.
    /// - Parameters:
    ///   - settings: how it is trained.
    ///   - model: that it is trained for.
    ///   - vocabularySize: tokens that the drafter predicts.
    static func configuration(
        _ settings: TrainingSettings, model: ModelSizes, vocabularySize: Int
    ) -> Configuration
    /// A drafter with weights of the configuration, as it will draft.
    /// - Throws: `DrafterError`.
    static func drafter(
        _ weights: DrafterWeights, for target: DraftTarget
    ) throws(DrafterError) -> any Drafter

    /// - Throws: `TrainingError.invalidConfiguration` where the drafter is too large.
    init(_ configuration: Configuration) throws(TrainingError)
}

extension DrafterTrainer {
    public static func validate(_ settings: TrainingSettings) throws(ParameterError) {}

    /// A drafter that begins to learn.
    /// - Throws: `TrainingError.invalidConfiguration` where it is too large.
    public static func make(
        _ settings: TrainingSettings, model: ModelSizes, vocabularySize: Int
    ) throws(TrainingError) -> any TrainableDrafter {
        try Self(configuration(settings, model: model, vocabularySize: vocabularySize))
    }

    /// The name of the kind of weights that it makes.
    public static var kindName: String { Configuration.kindName }
}

/// The trainers of a program, by name.
///
///     var trainers = TrainerRegistry()
///     trainers.register(MyTrainer.self)
public struct TrainerRegistry: Sendable {
    /// In the order of registration.
    public private(set) var trainers: [any DrafterTrainer.Type] = []

    /// A registry without trainers.
    public init() {}

    /// Names of the trainers, in the order of registration.
    public var names: [String] { trainers.map { $0.name } }

    /// Adds a trainer; a later one of the same name takes its place.
    public mutating func register(_ trainer: any DrafterTrainer.Type) {
        trainers.removeAll { $0.name == trainer.name }
        trainers.append(trainer)
    }

    /// The trainer of a name; nil where there is none.
    public subscript(name: String) -> (any DrafterTrainer.Type)? { trainers.first { $0.name == name } }
}
