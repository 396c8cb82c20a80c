import RedrafterCore
import RedrafterPlatform

/// Features of devices that the backend can do without.
public enum VulkanFeature: String, Sendable, CaseIterable {
    /// Threads of a subgroup read each other's inputs.
    case shuffle
    /// The host writes to device memory; else everything goes through staging buffers.
    case mapped
    /// A small group takes all columns of a weight; without it they are split as on devices with many cores.
    case serial
}

/// What is not used of a device, so that tests run every variant on the one device there is.
public struct VulkanMask: Sendable, Hashable {
    /// Features that are not used.
    public var features: Set<VulkanFeature>
    /// Size of subgroups to assume; nil for the device's own. With any other size, threads hand nothing over.
    public var subgroupSize: Int?

    /// Sizes that devices have.
    public static let subgroupSizes = [1, 4, 8, 16, 32, 64, 128]

    public init(features: Set<VulkanFeature> = [], subgroupSize: Int? = nil) {
        self.features = features
        self.subgroupSize = subgroupSize
    }

    /// A list such as `mapped,subgroup32`.
    /// - Throws: `BackendError.unknownSelection` for a name that means nothing.
    public init(parsing list: String) throws(BackendError) {
        self.init()
        for name in list.split(separator: ",").map(String.init) {
            if let feature = VulkanFeature(rawValue: name) {
                features.insert(feature)
            } else if let size = Self.subgroupSizes.first(where: { name == "subgroup\($0)" }) {
                subgroupSize = size
            } else {
                throw .unknownSelection(
                    what: "feature in REDRAFTER_VULKAN_MASK", got: TerminalText.escaped(name),
                    available: VulkanFeature.allCases.map(\.rawValue)
                        + Self.subgroupSizes.map { "subgroup\($0)" })
            }
        }
    }

    /// What `REDRAFTER_VULKAN_MASK` names.
    static func ofEnvironment() throws(BackendError) -> VulkanMask {
        try VulkanMask(parsing: getenv("REDRAFTER_VULKAN_MASK").map { String(cString: $0) } ?? "")
    }
}
