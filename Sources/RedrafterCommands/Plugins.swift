import Redrafter
import RedrafterDrafters
import RedrafterTrainers
import RedrafterTraining

/// What a build of the command brings besides itself. A program with plug-ins of its own is a whole `redrafter`:
///
///     import RedrafterCommands
///
///     var plugins = Plugins.standard
///     plugins.registry.register(DrafterDescription(name: "mine", summary: "…")) { _, _ in MyDrafter() }
///     plugins.trainers.register(MyTrainer.self)
///     RedrafterCommand.main(plugins)
public struct Plugins: Sendable {
    public var registry: Registry
    /// What `redrafter train` can train.
    public var trainers: TrainerRegistry

    public init(registry: Registry, trainers: TrainerRegistry) {
        self.registry = registry
        self.trainers = trainers
    }

    /// The plug-ins of the library, the drafters that the package ships, and the trainers of their kinds.
    public static let standard: Plugins = {
        var registry = Registry.standard
        registry.register(ShippedDrafters.all)
        return Plugins(registry: registry, trainers: .standard)
    }()

    /// Those of the command that runs.
    @TaskLocal static var current = Plugins.standard
}
