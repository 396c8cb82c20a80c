import CPUBackend
import RedrafterCore
import VulkanBackend

/// Chooses the backend called `auto`: a Vulkan device that is no software and passes its check, else the processor. The
/// backend's description says why.
enum AutomaticBackend {
    /// - Throws: what making the CPU backend throws; `.unknownSelection` for a device that does not exist.
    static func make(_ options: BackendOptions) throws(BackendError) -> any ComputeBackend {
        do {
            return try vulkan(options)
        } catch {
            if case .unknownSelection = error { throw error }
            return try CPUBackend(
                options: CPUBackend.Options(
                    threads: options.threads, kernels: options.kernels, reason: "as \(error)"))
        }
    }

    private static func vulkan(_ options: BackendOptions) throws(BackendError) -> VulkanBackend {
        let devices = try VulkanDeviceDescription.all()
        // A software device is the processor by a longer way.
        if options.device == nil, devices.allSatisfy({ $0.kind == .software }) {
            throw .deviceUnavailable(
                name: "Vulkan",
                reason: devices.isEmpty ? "there is no device" : "there are only software devices")
        }
        return try VulkanBackend(
            options: VulkanBackend.Options(
                device: options.device, reason: "the best Vulkan device that passed its check"))
    }
}
