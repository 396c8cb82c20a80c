import Redrafter
import RedrafterDrafters

extension Registry {
    /// What the command brings: the plug-ins of the library and the drafters that the package ships.
    static let command: Registry = {
        var registry = Registry.standard
        registry.register(ShippedDrafters.all)
        return registry
    }()
}
