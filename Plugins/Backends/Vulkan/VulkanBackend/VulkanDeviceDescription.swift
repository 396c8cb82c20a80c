import CVulkan
import RedrafterCore

/// A Vulkan device of this machine, as `redrafter devices` lists it.
public struct VulkanDeviceDescription: Sendable, Hashable {
    /// What a device is, best first.
    public enum Kind: String, Sendable, CaseIterable {
        case discrete, integrated, virtual, other, software
    }

    /// Its place in the loader's list.
    public let index: Int
    public let name: String
    public let kind: Kind
    public let driver: String
    public let driverVersion: String
    /// 32 hexadecimal digits.
    public let uuid: String
    /// `1.3.230`
    public let apiVersion: String
    /// Bytes of the largest heap of device memory.
    public let memoryBytes: Int
    /// Largest piece of a buffer that a shader can write to.
    public var storageBufferBytes: Int { limits.maxStorageBufferRange }
    /// Largest number of 16-byte elements of a piece of a buffer that a shader reads.
    public var texelElements: Int { limits.maxTexelBufferElements }
    /// Bytes that a group of threads shares.
    public var sharedBytes: Int { limits.maxComputeSharedMemorySize }
    /// Threads that run in step.
    public private(set) var subgroupSize: Int
    /// Whether threads of a subgroup can read each other's values.
    public private(set) var hasShuffle: Bool
    /// Whether the host can write to its memory directly.
    public let isMapped: Bool
    /// Whether its version of Vulkan is one that the backend works with.
    public let isRecent: Bool
    /// Whether the backend works with its version and its limits.
    public var isUsable: Bool { isRecent && limits.shortfall == nil }
    let alignment: Int
    let limits: VulkanLimits

    init(index: Int, _ properties: rdv_properties) {
        func text<Tuple>(_ characters: Tuple) -> String {
            withUnsafeBytes(of: characters) { bytes in
                TerminalText.escaped(String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self))
            }
        }
        let version = properties.api_version
        self.index = index
        name = text(properties.name)
        kind =
            switch VkPhysicalDeviceType(properties.type) {
            case VK_PHYSICAL_DEVICE_TYPE_DISCRETE_GPU: .discrete
            case VK_PHYSICAL_DEVICE_TYPE_INTEGRATED_GPU: .integrated
            case VK_PHYSICAL_DEVICE_TYPE_VIRTUAL_GPU: .virtual
            case VK_PHYSICAL_DEVICE_TYPE_CPU: .software
            default: .other
            }
        driver = text(properties.driver)
        driverVersion = text(properties.driver_version)
        uuid = withUnsafeBytes(of: properties.uuid) { bytes in
            bytes.map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
        }
        apiVersion = "\(version >> 22 & 0x7f).\(version >> 12 & 0x3ff).\(version & 0xfff)"
        isRecent = version >> 12 & 0x3ff >= 2 || version >> 22 & 0x7f > 1
        memoryBytes = Int(clamping: properties.heap_bytes)
        limits = VulkanLimits(
            properties.limits, allocationBytes: Int(clamping: properties.allocation_bytes))
        subgroupSize = Int(properties.subgroup_size)
        hasShuffle = properties.subgroup_operations & VK_SUBGROUP_FEATURE_SHUFFLE_BIT.rawValue != 0
        isMapped = properties.mapped != 0
        alignment = max(Int(properties.alignment), 16)
    }

    /// All devices of this machine, in the loader's order.
    /// - Throws: `BackendError.deviceUnavailable` where there is no loader or no driver.
    public static func all() throws(BackendError) -> [VulkanDeviceDescription] {
        try VulkanInstance().devices
    }

    /// The device of that number, UUID or name (or a part of it that no other has); the best one where nothing is asked for.
    static func choose(
        _ wanted: String?, from devices: [VulkanDeviceDescription]
    ) throws(BackendError) -> VulkanDeviceDescription {
        let usable = devices.filter(\.isRecent)
        guard let wanted else {
            // One whose limits are too low comes last: refusing it names the limit.
            let best = usable.min {
                ($0.isUsable ? 0 : 1, $0.rank, $0.index) < ($1.isUsable ? 0 : 1, $1.rank, $1.index)
            }
            guard let best else {
                throw .deviceUnavailable(
                    name: "Vulkan",
                    reason: devices.isEmpty
                        ? "there is no device; install a driver, such as mesa-vulkan-drivers"
                        : "no device has Vulkan 1.2")
            }
            return best
        }
        if let index = Int(wanted), let device = devices.first(where: { $0.index == index }) { return device }
        let digits = wanted.lowercased().filter { $0 != "-" }
        if let device = devices.first(where: { $0.uuid == digits }) { return device }
        let named = devices.filter { $0.name.lowercased().contains(wanted.lowercased()) }
        guard !wanted.isEmpty, named.count == 1 else {
            throw .unknownSelection(
                what: "device", got: TerminalText.escaped(wanted),
                available: devices.map { "\($0.index) (\($0.name))" })
        }
        return named[0]
    }

    /// The same device as if its subgroups had another size: threads of real ones hand nothing over then.
    func assuming(subgroupSize size: Int?) -> VulkanDeviceDescription {
        guard let size, size != subgroupSize else { return self }
        var other = self
        other.subgroupSize = size
        other.hasShuffle = false
        return other
    }

    /// - Throws: `.deviceUnavailable` with the name of a limit that is lower than what the shaders need.
    func requireLimits() throws(BackendError) {
        guard let shortfall = limits.shortfall else { return }
        throw .deviceUnavailable(name: name, reason: shortfall)
    }

    private var rank: Int { Kind.allCases.firstIndex(of: kind) ?? Kind.allCases.count }
}
