import CPUBackend
import RedrafterCore
import VulkanBackend

/// The best backend that works on this machine: a Vulkan device that is no software and passes its check, else the processor.
/// Its description says why.
final class AutomaticBackend: ComputeBackend {
    private let backend: any ComputeBackend
    private let reason: String

    /// - Throws: what making the CPU backend throws; `.unknownSelection` for a device that does not exist.
    init(_ options: BackendOptions) throws(BackendError) {
        do {
            let best = try Self.vulkan(options)
            backend = best
            reason = "the best Vulkan device that passed its check"
        } catch {
            if case .unknownSelection = error { throw error }
            backend = try CPUBackend(
                options: CPUBackend.Options(threads: options.threads, kernels: options.kernels))
            reason = "as \(error)"
        }
    }

    private static func vulkan(_ options: BackendOptions) throws(BackendError) -> VulkanBackend {
        let devices = try VulkanDeviceDescription.all()
        // A software device is the processor by a longer way.
        if options.device == nil, devices.allSatisfy({ $0.kind == .software }) {
            throw .deviceUnavailable(
                name: "Vulkan",
                reason: devices.isEmpty ? "there is no device" : "there are only software devices")
        }
        return try VulkanBackend(options: VulkanBackend.Options(device: options.device))
    }

    var description: BackendDescription {
        var description = backend.description
        description.reason = reason
        return description
    }

    func support(_ operation: BackendOperation, _ type: WeightType) -> Support {
        backend.support(operation, type)
    }

    func requireMemory(_ needed: CheckedSize, for purpose: String) throws(BackendError) {
        try backend.requireMemory(needed, for: purpose)
    }

    func weightByteCount(type: WeightType, rows: Int, columns: Int) -> CheckedSize {
        backend.weightByteCount(type: type, rows: rows, columns: columns)
    }

    func makeWeight(
        type: WeightType, rows: Int, columns: Int, bytes: UnsafeRawBufferPointer
    ) throws(BackendError) -> any WeightHandle {
        try backend.makeWeight(type: type, rows: rows, columns: columns, bytes: bytes)
    }

    func makeTensor(rows: Int, columns: Int) throws(BackendError) -> Tensor {
        try backend.makeTensor(rows: rows, columns: columns)
    }

    func makeTensor(rows: Int, columns: Int, values: [Float]) throws(BackendError) -> Tensor {
        try backend.makeTensor(rows: rows, columns: columns, values: values)
    }

    func makeCache(_ shape: CacheShape) throws(BackendError) -> any CacheStorage {
        try backend.makeCache(shape)
    }

    func makeStream() -> any ComputeStream { backend.makeStream() }
}
