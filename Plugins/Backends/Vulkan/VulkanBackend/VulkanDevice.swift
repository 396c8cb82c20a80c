import CVulkan
import RedrafterCore

/// An open device, and how a backend uses it.
final class VulkanDevice: Sendable {
    let open: OpenDevice
    /// What the device says of itself, or what a mask makes of that.
    let description: VulkanDeviceDescription
    let tuning: Tuning
    /// Whether the host reaches the device's memory.
    let isMapped: Bool
    let timeoutNanoseconds: UInt64

    /// Sizes of groups of threads. They are constants of a device: results do not depend on the rows of a pass through them.
    struct Tuning: Sendable, Hashable {
        /// Threads side by side in a linear layer, 4 outputs each.
        var linearWidth: Int
        /// Threads over the columns of a linear layer.
        var linearSplits: Int
        /// Rows that a thread of a linear layer holds at most: their sums fit its registers, and, where splits are joined, the memory
        /// that a group shares (`VulkanLimits.groupBytes`).
        var tileRows: Int { linearSplits == 1 ? 9 : 8 }
        /// Threads that share a row of a norm.
        var rowWidth: Int
        /// Teams of eight threads of a group of attention.
        var teams: Int
        /// Keys that a team takes: a constant, so that sums over keys do not depend on how many there are behind them.
        var splitKeys: Int
        /// Neighbouring rows that a team takes, so that what the cache holds is read and widened once for them.
        var attentionRows: Int
        /// Threads of a group for work on single elements.
        var elementWidth = 64
        /// Whether threads hand each other their inputs.
        var sharesInputs: Bool
        /// Whether what a linear layer adds to its sums is a constant of its pipeline: worth a pipeline for each kind where both
        /// sides of a branch are run. Elsewhere one pipeline serves all.
        var hasConstantAdds: Bool

        init(_ device: VulkanDeviceDescription, masked: Set<VulkanFeature>) {
            linearWidth = min(max(device.subgroupSize, 8), 32)
            sharesInputs = device.hasShuffle && device.subgroupSize >= 8 && !masked.contains(.shuffle)
            // The registers of a software device are memory, so that a team can take several rows.
            attentionRows = device.kind == .software ? 4 : 1
            if device.kind == .software && !masked.contains(.serial) {
                // It runs a group on one core, and has few: small groups, and nothing that joins partial sums.
                (linearSplits, rowWidth, hasConstantAdds) = (1, 8, true)
                (teams, splitKeys) = (linearWidth / 8, Int(Int32.max) / 2)
            } else {
                (linearSplits, rowWidth, hasConstantAdds) = (4, 32, false)
                (teams, splitKeys) = (4, 128)
            }
        }
    }

    init(
        _ open: OpenDevice, as description: VulkanDeviceDescription, masked: Set<VulkanFeature>,
        timeout: Duration
    ) {
        self.open = open
        self.description = description
        tuning = Tuning(description, masked: masked)
        isMapped = description.isMapped && !masked.contains(.mapped)
        timeoutNanoseconds = UInt64(clamping: Int128(timeout.attoseconds) / 1_000_000_000)
    }

    var handle: OpaquePointer { open.handle }
}
