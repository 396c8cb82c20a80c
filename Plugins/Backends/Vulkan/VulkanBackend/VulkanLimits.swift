import CVulkan
import RedrafterCore

/// Limits of a device that the backend depends on, by their names in Vulkan.
struct VulkanLimits: Sendable, Hashable {
    var maxComputeSharedMemorySize: Int
    var maxComputeWorkGroupInvocations: Int
    /// x, y
    var maxComputeWorkGroupSize: [Int]
    /// x, y, z
    var maxComputeWorkGroupCount: [Int]
    var maxPushConstantsSize: Int
    var maxStorageBufferRange: Int
    var maxTexelBufferElements: Int
    var maxPerStageDescriptorStorageBuffers: Int
    var maxDescriptorSetStorageBuffers: Int
    /// Texel buffers count as images.
    var maxPerStageDescriptorSampledImages: Int
    var maxDescriptorSetSampledImages: Int
    var maxPerStageResources: Int
    var maxMemoryAllocationSize: Int

    init(_ limits: VkPhysicalDeviceLimits, allocationBytes: Int) {
        let (size, count) = (limits.maxComputeWorkGroupSize, limits.maxComputeWorkGroupCount)
        maxComputeSharedMemorySize = Int(limits.maxComputeSharedMemorySize)
        maxComputeWorkGroupInvocations = Int(limits.maxComputeWorkGroupInvocations)
        maxComputeWorkGroupSize = [Int(size.0), Int(size.1)]
        maxComputeWorkGroupCount = [Int(count.0), Int(count.1), Int(count.2)]
        maxPushConstantsSize = Int(limits.maxPushConstantsSize)
        maxStorageBufferRange = Int(limits.maxStorageBufferRange)
        maxTexelBufferElements = Int(limits.maxTexelBufferElements)
        maxPerStageDescriptorStorageBuffers = Int(limits.maxPerStageDescriptorStorageBuffers)
        maxDescriptorSetStorageBuffers = Int(limits.maxDescriptorSetStorageBuffers)
        maxPerStageDescriptorSampledImages = Int(limits.maxPerStageDescriptorSampledImages)
        maxDescriptorSetSampledImages = Int(limits.maxDescriptorSetSampledImages)
        maxPerStageResources = Int(limits.maxPerStageResources)
        maxMemoryAllocationSize = allocationBytes
    }

    /// Threads of a group, and bytes that they share, at most: what every device of Vulkan 1.2 has to offer. `Tuning` keeps to it.
    static let (groupThreads, groupBytes) = (128, 16_384)

    /// What is lower than the shaders need, by its name; nil where nothing is.
    ///
    /// Storage buffers are the one need above what Vulkan guarantees (4). Buffers that a model makes are compared with the other
    /// limits when they are made.
    var shortfall: String? {
        let storageBuffers = RDV_BINDINGS - RDV_TEXEL_BINDINGS
        let texelBuffers = RDV_TEXEL_BINDINGS
        let needs = [
            ("maxComputeSharedMemorySize", maxComputeSharedMemorySize, Self.groupBytes),
            ("maxComputeWorkGroupInvocations", maxComputeWorkGroupInvocations, Self.groupThreads),
            ("maxComputeWorkGroupSize[0]", maxComputeWorkGroupSize[0], Self.groupThreads),
            ("maxComputeWorkGroupSize[1]", maxComputeWorkGroupSize[1], Self.groupThreads),
            ("maxComputeWorkGroupCount[0]", maxComputeWorkGroupCount[0], 65_535),
            ("maxComputeWorkGroupCount[1]", maxComputeWorkGroupCount[1], 65_535),
            ("maxComputeWorkGroupCount[2]", maxComputeWorkGroupCount[2], 65_535),
            ("maxPushConstantsSize", maxPushConstantsSize, RDV_PUSH_BYTES),
            ("maxStorageBufferRange", maxStorageBufferRange, 1 << 27),
            ("maxTexelBufferElements", maxTexelBufferElements, 65_536),
            (
                "maxPerStageDescriptorStorageBuffers", maxPerStageDescriptorStorageBuffers, storageBuffers
            ),
            ("maxDescriptorSetStorageBuffers", maxDescriptorSetStorageBuffers, storageBuffers),
            ("maxPerStageDescriptorSampledImages", maxPerStageDescriptorSampledImages, texelBuffers),
            ("maxDescriptorSetSampledImages", maxDescriptorSetSampledImages, texelBuffers),
            ("maxPerStageResources", maxPerStageResources, storageBuffers + texelBuffers),
            ("maxMemoryAllocationSize", maxMemoryAllocationSize, 1 << 30),
        ]
        return needs.first { $0.1 < $0.2 }.map {
            "its limit \($0.0) is \($0.1), and the shaders need \($0.2)"
        }
    }

    /// - Throws: `.unsupported` where a dispatch has more groups than the device takes.
    func require(groups: (x: Int, y: Int, z: Int)) throws(BackendError) {
        let most = maxComputeWorkGroupCount
        guard groups.x <= most[0], groups.y <= most[1], groups.z <= most[2] else {
            throw .unsupported(
                operation: "\(groups.x) × \(groups.y) × \(groups.z) groups", type: "f32",
                reason: "the device takes \(most[0]) × \(most[1]) × \(most[2]) (maxComputeWorkGroupCount)")
        }
    }
}
