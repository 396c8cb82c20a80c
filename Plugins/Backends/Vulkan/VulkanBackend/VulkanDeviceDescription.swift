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
    public let storageBufferBytes: Int
    /// Largest number of 16-byte elements of a piece of a buffer that a shader reads.
    public let texelElements: Int
    /// Bytes that a group of threads shares.
    public let sharedBytes: Int
    /// Threads that run in step.
    public let subgroupSize: Int
    /// Whether threads of a subgroup can read each other's values.
    public let hasShuffle: Bool
    /// Whether the host can write to its memory directly.
    public let isMapped: Bool
    /// Whether its version of Vulkan is one that the backend works with.
    public let isRecent: Bool
    let alignment: Int

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
        storageBufferBytes = Int(properties.storage_buffer_bytes)
        texelElements = Int(properties.texel_elements)
        sharedBytes = Int(properties.shared_bytes)
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
            let best = usable.min { ($0.rank, $0.index) < ($1.rank, $1.index) }
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

    private var rank: Int { Kind.allCases.firstIndex(of: kind) ?? Kind.allCases.count }
}
