import RedrafterCore

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// Features of devices that the backend can do without.
public enum VulkanFeature: String, Sendable, CaseIterable {
    /// Threads of a subgroup read each other's inputs.
    case shuffle
    /// The host writes to device memory; else everything goes through staging buffers.
    case mapped
    /// A small group takes all columns of a weight; without it they are split as on devices with many cores.
    case serial

    /// Those that `REDRAFTER_VULKAN_MASK` names, separated by commas: they are not used, so that tests run every variant.
    static func masked() throws(BackendError) -> Set<VulkanFeature> {
        guard let text = getenv("REDRAFTER_VULKAN_MASK").map({ String(cString: $0) }) else { return [] }
        var features = Set<VulkanFeature>()
        for name in text.split(separator: ",").map(String.init) {
            guard let feature = VulkanFeature(rawValue: name) else {
                throw .unknownSelection(
                    what: "feature in REDRAFTER_VULKAN_MASK", got: TerminalText.escaped(name),
                    available: allCases.map(\.rawValue))
            }
            features.insert(feature)
        }
        return features
    }
}

extension VulkanBackend {
    /// How a backend is made.
    public struct Options: Sendable {
        /// Number, UUID or name of a device; nil for the best there is.
        public var device: String?
        /// Features not to use; nil for those in `REDRAFTER_VULKAN_MASK`.
        public var maskedFeatures: Set<VulkanFeature>?
        /// How long one submission may take.
        public var timeout: Duration
        /// Largest piece of a weight that is read as one buffer; nil for what the device takes.
        var maximumPieceBytes: Int?
        var injection: FaultInjection?
        /// Where compiled pipelines are kept for the next process.
        var pipelineCache = PipelineCacheFile.Place.user
        /// Has the check at start fail.
        var isPoisoned = false

        public init(
            device: String? = nil, maskedFeatures: Set<VulkanFeature>? = nil,
            timeout: Duration = .seconds(120)
        ) {
            self.device = device
            self.maskedFeatures = maskedFeatures
            self.timeout = timeout
        }
    }
}
