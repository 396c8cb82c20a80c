import Redrafter
import RedrafterDrafters

/// What a build of the command brings besides itself. A program with plug-ins of its own is a whole `redrafter`:
///
///     import RedrafterCommands
///
///     var plugins = Plugins.standard
///     plugins.registry.register(DrafterDescription(name: "mine", summary: "…")) { _, _ in MyDrafter() }
///     RedrafterCommand.main(plugins)
public struct Plugins: Sendable {
    public var registry: Registry

    public init(registry: Registry) { self.registry = registry }

    /// The plug-ins of the library and the drafters that the package ships.
    public static let standard: Plugins = {
        var registry = Registry.standard
        registry.register(ShippedDrafters.all)
        return Plugins(registry: registry)
    }()

    /// Those of the command that runs.
    @TaskLocal static var current = Plugins.standard
}
