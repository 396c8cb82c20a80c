import Redrafter
import RedrafterCore
import RedrafterDrafters
import VulkanBackend

/// Whether there is a Vulkan device; Mesa's software device will do.
let hasVulkanDevice: Bool = {
    do { return try VulkanDeviceDescription.all().contains(where: \.isUsable) } catch { return false }
}()

/// The backend that tests of models share, with its device and the pipelines that one of them compiled.
let sharedVulkan = Result { () throws(BackendError) in try VulkanBackend() }

extension Registry {
    /// The standard one with all shipped drafters, in which models on `vulkan` share a backend.
    static let sharingVulkan: Registry = {
        var registry = Registry.standard
        registry.register(ShippedDrafters.all)
        registry.register(backend: "vulkan") { _ throws(BackendError) in try sharedVulkan.get() }
        return registry
    }()
}
