import RedrafterCore

extension VulkanBackend {
    /// How a backend is made.
    public struct Options: Sendable {
        /// Number, UUID or name of a device; nil for the best there is.
        public var device: String?
        /// What not to use of the device; nil for what `REDRAFTER_VULKAN_MASK` names.
        public var mask: VulkanMask?
        /// How long one submission may take.
        public var timeout: Duration
        /// Why this backend, where the choice was left to the program; for its description.
        public var reason: String?
        /// Largest piece of a weight that is read as one buffer; nil for what the device takes.
        var maximumPieceBytes: Int?
        var injection: FaultInjection?
        /// Where compiled pipelines are kept for the next process.
        var pipelineCache = PipelineCacheFile.Place.user
        /// Rows that the check at start multiplies, all of them and fewer.
        var checkedRows = 16
        /// Has the check at start fail.
        var isPoisoned = false

        public init(
            device: String? = nil, mask: VulkanMask? = nil, timeout: Duration = .seconds(120),
            reason: String? = nil
        ) {
            self.device = device
            self.mask = mask
            self.timeout = timeout
            self.reason = reason
        }
    }
}
