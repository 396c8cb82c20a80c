import CVulkan
import RedrafterCore
import RedrafterTesting
import Testing

@testable import VulkanBackend

@Suite("Choosing a device")
struct DeviceTests {
    /// The least that Vulkan 1.2 guarantees, but for one more storage buffer.
    static var limits: VkPhysicalDeviceLimits {
        var limits = VkPhysicalDeviceLimits()
        limits.maxComputeSharedMemorySize = 16_384
        limits.maxComputeWorkGroupInvocations = 128
        limits.maxComputeWorkGroupSize = (128, 128, 64)
        limits.maxComputeWorkGroupCount = (65_535, 65_535, 65_535)
        limits.maxPushConstantsSize = 128
        limits.maxStorageBufferRange = 1 << 27
        limits.maxTexelBufferElements = 65_536
        limits.maxPerStageDescriptorStorageBuffers = 5
        limits.maxDescriptorSetStorageBuffers = 24
        limits.maxPerStageDescriptorSampledImages = 16
        limits.maxDescriptorSetSampledImages = 96
        limits.maxPerStageResources = 128
        return limits
    }

    private func device(
        _ index: Int, _ name: String, _ type: VkPhysicalDeviceType, version: UInt32 = 1 << 22 | 3 << 12
    ) -> VulkanDeviceDescription {
        var properties = rdv_properties()
        withUnsafeMutableBytes(of: &properties.name) { $0.copyBytes(from: name.utf8) }
        properties.type = type.rawValue
        properties.api_version = version
        properties.limits = Self.limits
        properties.allocation_bytes = 1 << 30
        properties.uuid.0 = UInt8(index)
        properties.uuid.15 = 0xab
        return VulkanDeviceDescription(index: index, properties)
    }

    private var devices: [VulkanDeviceDescription] {
        [
            device(0, "llvmpipe", VK_PHYSICAL_DEVICE_TYPE_CPU),
            device(1, "Old Card", VK_PHYSICAL_DEVICE_TYPE_DISCRETE_GPU, version: 1 << 22 | 1 << 12),
            device(2, "Chip 7", VK_PHYSICAL_DEVICE_TYPE_INTEGRATED_GPU),
            device(3, "Card A", VK_PHYSICAL_DEVICE_TYPE_DISCRETE_GPU),
            device(4, "Card B", VK_PHYSICAL_DEVICE_TYPE_DISCRETE_GPU),
        ]
    }

    @Test("The best device is the first card of a recent version, then a chip, then software")
    func best() throws {
        var left = devices
        for expected in [3, 4, 2, 0] {
            #expect(try VulkanDeviceDescription.choose(nil, from: left).index == expected)
            left.removeAll { $0.index == expected }
        }
        #expect(throws: BackendError.self) { try VulkanDeviceDescription.choose(nil, from: left) }
        #expect(throws: BackendError.self) { try VulkanDeviceDescription.choose(nil, from: []) }
    }

    @Test(
        "A device is found by number, UUID, name or a part of it",
        arguments: [
            ("3", 3), ("0300000000000000000000000000000000ab", -1), ("020000000000000000000000000000ab", 2),
            ("02000000-0000-0000-0000-0000000000AB", 2), ("llvmpipe", 0), ("card b", 4), ("Old", 1),
            ("Card", -1), ("9", -1), ("", -1), ("\u{1B}[2J", -1),
        ])
    func found(wanted: String, index: Int) throws {
        do {
            #expect(try VulkanDeviceDescription.choose(wanted, from: devices).index == index)
        } catch {
            #expect(index == -1 && caseName(of: error) == "unknownSelection")
            #expect("\(error)".contains("0 (llvmpipe)") && !"\(error)".contains("\u{1B}"))
        }
    }

    @Test("What devices say of themselves is escaped and complete")
    func described() {
        let one = device(7, "a\u{1B}b", VK_PHYSICAL_DEVICE_TYPE_OTHER)
        #expect(one.name == "a\\x1bb" && one.kind == .other && one.apiVersion == "1.3.0" && one.isRecent)
        #expect(one.uuid == "070000000000000000000000000000ab")
        let long = String(repeating: "x", count: 256)
        #expect(device(0, long, VK_PHYSICAL_DEVICE_TYPE_CPU).name.count >= 200)
    }
}
