import CVulkan
import RedrafterCore
import RedrafterTesting
import Testing

@testable import VulkanBackend

@Suite("Limits of devices, and what is masked of them")
struct LimitTests {
    private func device(
        _ limits: VkPhysicalDeviceLimits, allocation: UInt64 = 1 << 30,
        type: VkPhysicalDeviceType = VK_PHYSICAL_DEVICE_TYPE_OTHER, index: Int = 0
    ) -> VulkanDeviceDescription {
        var properties = rdv_properties()
        withUnsafeMutableBytes(of: &properties.name) { $0.copyBytes(from: "Card".utf8) }
        properties.api_version = 1 << 22 | 3 << 12
        properties.type = type.rawValue
        properties.limits = limits
        properties.allocation_bytes = allocation
        properties.subgroup_size = 32
        properties.subgroup_operations = VK_SUBGROUP_FEATURE_SHUFFLE_BIT.rawValue
        return VulkanDeviceDescription(index: index, properties)
    }

    @Test("A device with the least that the shaders need is taken")
    func least() throws {
        let device = device(DeviceTests.limits)
        #expect(device.isUsable && device.limits.shortfall == nil)
        try device.requireLimits()
    }

    /// One limit that is too low, and its name.
    private static var lowered:
        [(name: String, path: WritableKeyPath<VkPhysicalDeviceLimits, UInt32>, value: UInt32)]
    {
        [
            ("maxComputeSharedMemorySize", \.maxComputeSharedMemorySize, 16_383),
            ("maxComputeWorkGroupInvocations", \.maxComputeWorkGroupInvocations, 127),
            ("maxComputeWorkGroupSize[0]", \.maxComputeWorkGroupSize.0, 127),
            ("maxComputeWorkGroupSize[1]", \.maxComputeWorkGroupSize.1, 64),
            ("maxComputeWorkGroupCount[0]", \.maxComputeWorkGroupCount.0, 65_534),
            ("maxComputeWorkGroupCount[1]", \.maxComputeWorkGroupCount.1, 65_534),
            ("maxComputeWorkGroupCount[2]", \.maxComputeWorkGroupCount.2, 1),
            ("maxPushConstantsSize", \.maxPushConstantsSize, 64),
            ("maxStorageBufferRange", \.maxStorageBufferRange, 1 << 26),
            ("maxTexelBufferElements", \.maxTexelBufferElements, 65_535),
            ("maxPerStageDescriptorStorageBuffers", \.maxPerStageDescriptorStorageBuffers, 4),
            ("maxDescriptorSetStorageBuffers", \.maxDescriptorSetStorageBuffers, 4),
            ("maxPerStageDescriptorSampledImages", \.maxPerStageDescriptorSampledImages, 1),
            ("maxDescriptorSetSampledImages", \.maxDescriptorSetSampledImages, 1),
            ("maxPerStageResources", \.maxPerStageResources, 6),
        ]
    }

    @Test("A device with one limit below that is refused, with the limit's name", arguments: lowered.indices)
    func short(index: Int) throws {
        let (name, path, value) = Self.lowered[index]
        var limits = DeviceTests.limits
        limits[keyPath: path] = value
        let device = device(limits)
        #expect(!device.isUsable)
        let error = #expect(throws: BackendError.self) { try device.requireLimits() }
        #expect(caseName(of: error) == "deviceUnavailable")
        #expect("\(try #require(error))".contains("its limit \(name) is \(value), and the shaders need"))
    }

    @Test("A device that takes only small allocations is refused")
    func allocation() throws {
        let device = device(DeviceTests.limits, allocation: 1 << 28)
        #expect(device.limits.shortfall?.contains("maxMemoryAllocationSize is 268435456") == true)
    }

    @Test("Unless asked for, a device that is too small is taken only where there is no other")
    func choice() throws {
        var limits = DeviceTests.limits
        limits.maxPerStageDescriptorStorageBuffers = 4
        let small = device(limits)
        let software = device(DeviceTests.limits, type: VK_PHYSICAL_DEVICE_TYPE_CPU, index: 1)
        #expect(try VulkanDeviceDescription.choose(nil, from: [small, software]).index == 1)
        #expect(try VulkanDeviceDescription.choose("0", from: [small, software]).index == 0)
        #expect(try VulkanDeviceDescription.choose(nil, from: [small]).index == 0)
    }

    @Test("More groups than a device takes are an error that names the limit")
    func groups() throws {
        let limits = device(DeviceTests.limits).limits
        try limits.require(groups: (65_535, 65_535, 65_535))
        for groups in [(65_536, 1, 1), (1, 65_536, 1), (1, 1, 65_536)] {
            let error = #expect(throws: BackendError.self) { try limits.require(groups: groups) }
            #expect("\(try #require(error))".contains("maxComputeWorkGroupCount"))
        }
    }

    @Test("Another size of subgroups is assumed without what the device's own can do")
    func assumed() {
        let device = device(DeviceTests.limits)
        #expect(device.assuming(subgroupSize: nil) == device)
        #expect(device.assuming(subgroupSize: 32) == device)
        let other = device.assuming(subgroupSize: 4)
        #expect(other.subgroupSize == 4 && !other.hasShuffle && other.isUsable)
    }

    @Test("A mask is read from names with commas between them")
    func mask() throws {
        #expect(try VulkanMask(parsing: "") == VulkanMask())
        #expect(try VulkanMask(parsing: "subgroup128") == VulkanMask(subgroupSize: 128))
        #expect(
            try VulkanMask(parsing: "mapped,serial,subgroup1")
                == VulkanMask(features: [.mapped, .serial], subgroupSize: 1))
        for name in ["subgroup", "subgroup3", "teleport", "subgroup 4"] {
            let error = #expect(throws: BackendError.self) { try VulkanMask(parsing: "mapped,\(name)") }
            #expect(caseName(of: error) == "unknownSelection")
            #expect("\(try #require(error))".contains("shuffle, mapped, serial, subgroup1, subgroup4"))
        }
    }

    @Test("Groups keep to the threads and the shared memory that every device has")
    func tuning() {
        for size in VulkanMask.subgroupSizes {
            for type in [VK_PHYSICAL_DEVICE_TYPE_CPU, VK_PHYSICAL_DEVICE_TYPE_DISCRETE_GPU] {
                let device = device(DeviceTests.limits, type: type).assuming(subgroupSize: size)
                for masked in [[], Set(VulkanFeature.allCases)] {
                    let tuning = VulkanDevice.Tuning(device, masked: masked)
                    #expect(tuning.linearWidth * tuning.linearSplits <= VulkanLimits.groupThreads)
                    #expect(8 * tuning.teams <= VulkanLimits.groupThreads)
                    // `partial` of linear.glsl: four floats for each row that a thread holds.
                    let bytes = tuning.linearSplits * tuning.linearWidth * tuning.tileRows * 16
                    #expect(tuning.linearSplits == 1 || bytes <= VulkanLimits.groupBytes)
                }
            }
        }
    }
}
