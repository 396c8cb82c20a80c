import CVulkan
import RedrafterCore

/// The loader and its instance, opened when a backend or a list of devices is asked for.
///
/// Unchecked Sendable: the C library only reads it, but for a counter that is atomic.
final class VulkanInstance: @unchecked Sendable {
    let handle: OpaquePointer
    /// Whether a failure of it is made up for a test.
    let isInjected: Bool

    /// - Throws: `BackendError.deviceUnavailable` where there is no loader or no driver.
    init(injection: FaultInjection? = nil) throws(BackendError) {
        isInjected = injection != nil
        var fault = rdv_fault()
        let injected = rdv_injection(
            call: injection?.call ?? 0, result: injection?.result ?? 0,
            hides_timelines: injection?.hidesTimelines ?? false)
        guard let handle = rdv_instance_open(injected, &fault) else {
            // The loader says this, too, where it cannot read the description of a driver.
            if fault.result == VK_ERROR_OUT_OF_HOST_MEMORY.rawValue {
                throw .deviceUnavailable(
                    name: "Vulkan",
                    reason: "the description of a driver is damaged, or there is no memory (vkCreateInstance)"
                )
            }
            throw fault.error(device: "Vulkan")
        }
        self.handle = handle
    }

    deinit { rdv_instance_close(handle) }

    /// All devices, in the loader's order.
    var devices: [VulkanDeviceDescription] {
        (0..<rdv_device_count(handle)).map { index in
            var properties = rdv_properties()
            rdv_device_describe(handle, index, &properties)
            return VulkanDeviceDescription(index: Int(index), properties)
        }
    }

    /// Calls of Vulkan that can fail, made so far.
    var callCount: UInt64 { rdv_call_count(handle) }
}

/// A failure for tests: the call of Vulkan of this number, from 1, is not made and gives this VkResult; 0 for none.
struct FaultInjection: Sendable {
    var call: UInt64 = 0
    var result: Int32 = 0
    /// Has devices lack timeline semaphores.
    var hidesTimelines = false
}

extension rdv_fault {
    /// What to say of it.
    /// - Parameters:
    ///   - device: its name.
    ///   - purpose: what memory was for.
    ///   - needed: bytes that were asked for.
    ///   - available: bytes that were left.
    func error(
        device: String, purpose: String = "work on the device", needed: Int = 0, available: Int = 0
    ) -> BackendError {
        let name = call.map { String(cString: $0) } ?? "an unknown call"
        switch result {
        case Int32(RDV_NO_LOADER):
            return .deviceUnavailable(
                name: "Vulkan",
                reason: "there is no loader (\(name)); install libvulkan1 and the driver of the device")
        case Int32(RDV_BROKEN_LOADER):
            return .deviceUnavailable(name: device, reason: "the loader or the driver lacks \(name)")
        case Int32(RDV_UNUSABLE_DEVICE):
            return .deviceUnavailable(name: device, reason: name)
        case VK_ERROR_OUT_OF_HOST_MEMORY.rawValue, VK_ERROR_OUT_OF_DEVICE_MEMORY.rawValue:
            return .outOfMemory(needed: needed, available: available, purpose: purpose)
        case VK_ERROR_INCOMPATIBLE_DRIVER.rawValue:
            return .deviceUnavailable(
                name: device, reason: "no driver works (\(name)); install one, such as mesa-vulkan-drivers")
        case VK_ERROR_DEVICE_LOST.rawValue:
            return .deviceUnavailable(name: device, reason: "the device was lost (\(name))")
        case VK_TIMEOUT.rawValue:
            return .deviceUnavailable(name: device, reason: "it did not finish in time (\(name))")
        default:
            return .deviceUnavailable(name: device, reason: "\(name) failed with VkResult \(result)")
        }
    }
}
