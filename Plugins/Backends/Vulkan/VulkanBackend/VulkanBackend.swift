import CVulkan
import RedrafterCore
import RedrafterPlatform

/// Runs models on any Vulkan device, with float activations and sums.
///
/// All float sums have one order on a device, so that a row's result does not depend on the rows it is computed with; a check
/// at start compares 1…16 rows bit for bit and refuses the device otherwise. Devices differ in their last bits.
public final class VulkanBackend: ComputeBackend {
    let device: VulkanDevice
    let memory: VulkanMemory
    let uploader: Uploader
    private let maximumPieceBytes: Int?
    private let reason: String?

    /// - Throws: `BackendError.deviceUnavailable` where there is no loader, driver or device, the device's limits are too low,
    ///   or it does not pass the check; `.unknownSelection` for a device or a masked feature that does not exist;
    ///   `.outOfMemory`.
    public convenience init(options: Options = Options()) throws(BackendError) {
        var options = options
        if options.mask == nil { options.mask = try VulkanMask.ofEnvironment() }
        let instance = try VulkanInstance(injection: options.injection)
        let description = try VulkanDeviceDescription.choose(options.device, from: instance.devices)
        try description.requireLimits()
        try self.init(
            on: OpenDevice(description, of: instance, pipelineCache: options.pipelineCache), options: options)
    }

    /// A backend on a device that others may use as well; what the options say of opening one does not count.
    convenience init(on open: OpenDevice, options: Options) throws(BackendError) {
        let mask = options.mask ?? VulkanMask()
        let description = open.description.assuming(subgroupSize: mask.subgroupSize)
        // A driver whose threads do not lie in subgroups as expected still works without handing inputs over.
        var failure: BackendError?
        for features in [mask.features, mask.features.union([.shuffle])] {
            let device = VulkanDevice(open, as: description, masked: features, timeout: options.timeout)
            failure = try VulkanBackend(device, options).check(options)
            if failure == nil {
                self.init(device, options)
                return
            }
            if !device.tuning.sharesInputs { break }
        }
        throw failure ?? .deviceUnavailable(name: description.name, reason: "it did not pass the check")
    }

    private init(_ device: VulkanDevice, _ options: Options) {
        self.device = device
        maximumPieceBytes = options.maximumPieceBytes
        reason = options.reason
        memory = VulkanMemory(device: device)
        uploader = Uploader(device: device)
    }

    public var description: BackendDescription {
        let (tuning, of) = (device.tuning, device.description)
        return BackendDescription(
            name: "vulkan", device: "\(of.name), \(of.driver) \(of.driverVersion)", threads: 1,
            kernels: (tuning.sharesInputs ? "shuffle" : "direct")
                + "-\(tuning.linearWidth)x\(tuning.linearSplits)",
            reason: reason)
    }

    /// What the device says of itself.
    public var deviceDescription: VulkanDeviceDescription { device.description }

    public func support(_ operation: BackendOperation, _ type: WeightType) -> Support { .supported }

    public func weightByteCount(type: WeightType, rows: Int, columns: Int) -> CheckedSize {
        guard rows >= 0, columns >= 0, columns <= 1 << 30, columns % type.blockLength == 0 else {
            return CheckedSize(-1)
        }
        return CheckedSize((rows + 31) / 32) * CheckedSize(stripBytes(type, columns))
    }

    private func stripBytes(_ type: WeightType, _ columns: Int) -> Int {
        128 * rdv_strip_slots(type.rawValue, columns)
    }

    /// The device's heap, and for a software device the memory of the process too.
    public func requireMemory(_ needed: CheckedSize, for purpose: String) throws(BackendError) {
        if device.description.kind == .software { try AvailableMemory.require(needed, for: purpose) }
        guard let value = needed.value, value <= memory.available else {
            throw .outOfMemory(
                needed: needed.value ?? .max, available: memory.available,
                purpose: "\(purpose) on \(device.description.name)")
        }
    }

    public func makeWeight(
        type: WeightType, rows: Int, columns: Int, bytes: UnsafeRawBufferPointer
    ) throws(BackendError) -> any WeightHandle {
        guard weightByteCount(type: type, rows: rows, columns: columns).value != nil,
            let rowBytes = type.rowBytes(columns: columns), rows > 0, columns > 0,
            (CheckedSize(rows) * rowBytes).value == bytes.count
        else {
            throw .unsupported(
                operation: "a weight of \(rows) × \(columns)", type: type.name,
                reason: "\(bytes.count) bytes do not hold it")
        }
        let stripBytes = stripBytes(type, columns)
        let limit = min(
            maximumPieceBytes ?? .max, device.description.texelElements * 16, Int(Int32.max) / 2)
        let stripsInPart = max(1, limit / stripBytes)
        guard stripBytes <= device.description.texelElements * 16 else {
            throw .unsupported(
                operation: "rows of \(columns) elements", type: type.name,
                reason: "\(device.description.name) takes no buffers of that size")
        }
        var parts = [VulkanWeight.Part]()
        for first in stride(from: 0, to: rows, by: stripsInPart * 32) {
            let range = first..<min(rows, first + stripsInPart * 32)
            let piece = try memory.allocate(
                (range.count + 31) / 32 * stripBytes, purpose: "weights", holdsWeights: true)
            try pack(
                UnsafeRawBufferPointer(rebasing: bytes[(first * rowBytes)...]), type, range.count, columns,
                rowBytes: rowBytes, into: piece)
            parts.append(VulkanWeight.Part(rows: range, piece: piece))
        }
        return VulkanWeight(
            rows: rows, columns: columns, type: type, stripSlots: stripBytes / 128, parts: parts)
    }

    /// Repacks rows a few strips at a time and sends them to the device, which copies while the next are repacked.
    private func pack(
        _ source: UnsafeRawBufferPointer, _ type: WeightType, _ rows: Int, _ columns: Int, rowBytes: Int,
        into piece: MemoryPiece
    ) throws(BackendError) {
        let stripBytes = stripBytes(type, columns)
        let strips = (rows + 31) / 32
        let stripsAtOnce = min(strips, max(1, (1 << 20) / stripBytes))
        let packed = UnsafeMutableRawBufferPointer.allocate(
            byteCount: stripsAtOnce * stripBytes, alignment: 64)
        defer { packed.deallocate() }
        guard let target = packed.baseAddress?.assumingMemoryBound(to: UInt8.self),
            let source = source.baseAddress?.assumingMemoryBound(to: UInt8.self)
        else { return }
        for first in stride(from: 0, to: strips, by: stripsAtOnce) {
            let count = min(stripsAtOnce, strips - first)
            for strip in 0..<count {
                let row = (first + strip) * 32
                rdv_pack_strip(
                    type.rawValue, source + row * rowBytes, min(32, rows - row), rowBytes, columns,
                    target + strip * stripBytes)
            }
            try uploader.write(
                UnsafeRawBufferPointer(rebasing: packed[..<(count * stripBytes)]), to: piece,
                at: first * stripBytes)
        }
        try uploader.finish()
    }

    public func makeTensor(rows: Int, columns: Int) throws(BackendError) -> Tensor {
        let bytes = CheckedSize(product: [rows, columns, MemoryLayout<Float>.stride])
        let largest = device.description.storageBufferBytes
        guard let count = bytes.value, count <= largest else {
            throw .outOfMemory(
                needed: bytes.value ?? .max, available: largest, purpose: "activations in one buffer")
        }
        let piece = try memory.allocate(count, purpose: "activations")
        return Tensor(buffer: VulkanBuffer(piece), rows: rows, columns: columns)
    }

    public func makeTensor(rows: Int, columns: Int, values: [Float]) throws(BackendError) -> Tensor {
        precondition(values.count == rows * columns, "\(values.count) values for \(rows) × \(columns)")
        let tensor = try makeTensor(rows: rows, columns: columns)
        var result: Result<Void, BackendError> = .success(())
        values.withUnsafeBytes { bytes in
            result = Result { () throws(BackendError) in
                try uploader.write(bytes, to: tensor.onVulkan, at: 0)
                try uploader.finish()
            }
        }
        try result.get()
        return tensor
    }

    public func makeCache(_ shape: CacheShape) throws(BackendError) -> any CacheStorage {
        guard shape.headDimension % 8 == 0 else {
            throw .unsupported(
                operation: "attention", type: "heads of \(shape.headDimension)",
                reason: "the Vulkan backend needs a head size that is a multiple of 8")
        }
        return try VulkanCache(shape: shape, memory: memory)
    }

    public func makeStream() -> any ComputeStream { VulkanStream(backend: self) }
}
