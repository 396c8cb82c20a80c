import CVulkan
import Foundation
import RedrafterCore
import Testing

@testable import VulkanBackend

/// Work that the validation layers must complain about: `validate.sh` runs it to see that each kind of check is at work.
@Suite("Mistakes for the validation layers", .enabled(if: hasDevice, needsDevice), .serialized)
struct ValidationTests {
    private static let wanted = ProcessInfo.processInfo.environment["REDRAFTER_VULKAN_MISTAKE"]

    @Test(
        "One mistake of the kind that REDRAFTER_VULKAN_MISTAKE names: core, synchronisation or gpu",
        .enabled(if: wanted != nil, "only validate.sh makes mistakes"))
    func mistake() throws {
        let backend = try vulkan()
        let stream = VulkanStream(backend: backend)
        let tensor = try backend.makeTensor(rows: 1, columns: 1024)
        let output = tensor.onVulkan
        var binding = stream.storage(2, output)
        switch Self.wanted {
        case "core":
            // More push constants than the layout has; they are not read.
            try add(stream, binding, push: [Int32](repeating: 1024, count: Int(RDV_PUSH_BYTES) / 4 + 1))
        case "synchronisation":
            // Both write to the same place, with nothing between them.
            try add(stream, binding, push: [1024])
            try add(stream, binding, push: [1024], isIndependent: true)
        case "gpu":
            // Less than the shader reads and writes; devices return zeros and write nothing there.
            binding.bytes = 64
            try add(stream, binding, push: [1024])
        default:
            Issue.record("no mistake '\(Self.wanted ?? "")'")
        }
        do { try stream.submit() } catch {}
    }

    /// Adds 1024 numbers to themselves.
    private func add(
        _ stream: VulkanStream, _ binding: rdv_binding, push: [Int32], isIndependent: Bool = false
    ) throws {
        let bindings = [UInt32(2), 3, 4].map { index in
            var other = binding
            other.index = index
            return other
        }
        try stream.dispatch(
            .elementwise, [64, 3], bindings, push: push, groups: (16, 1, 1), isIndependent: isIndependent)
    }
}
