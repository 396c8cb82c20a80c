import CVulkan
import RedrafterCore

/// Memory of the host that shaders reach: what a pass tells the device of its rows, and what it reads back. Handed out in
/// order, and all of it anew once no submission uses it.
final class HostArena {
    /// A piece of it.
    struct Piece {
        let buffer: VkBuffer?
        let offset: Int
        let byteCount: Int
        let bytes: UnsafeMutableRawPointer
    }

    private let device: VulkanDevice
    private var blocks = [rdv_block]()
    private var used = 0
    private var isReleased = false

    init(device: VulkanDevice) { self.device = device }

    deinit {
        guard !device.open.hangs else { return }
        for index in blocks.indices { rdv_block_free(device.handle, &blocks[index]) }
    }

    /// Everything given out may be given out again, from the next `allocate` on.
    func reset() { isReleased = true }

    /// - Throws: `BackendError.outOfMemory`.
    func allocate(_ byteCount: Int) throws(BackendError) -> Piece {
        if isReleased {
            isReleased = false
            used = 0
            while blocks.count > 1 { rdv_block_free(device.handle, &blocks[0]); blocks.removeFirst() }
        }
        let alignment = max(device.description.alignment, 64)
        let size = (max(byteCount, 4) + alignment - 1) / alignment * alignment
        if blocks.last.map({ Int($0.bytes) - used < size }) ?? true {
            let bytes = max(size, 2 * Int(blocks.last?.bytes ?? 0), 1 << 20)
            var (block, fault) = (rdv_block(), rdv_fault())
            guard rdv_block_make(device.handle, UInt64(bytes), RDV_HOST_MEMORY, &block, &fault) == 1 else {
                throw device.open.error(fault, purpose: "a staging buffer", needed: bytes)
            }
            blocks.append(block)
            used = 0
        }
        guard let block = blocks.last, let mapped = block.mapped else {
            throw .outOfMemory(needed: size, available: 0, purpose: "a staging buffer")
        }
        defer { used += size }
        return Piece(buffer: block.buffer, offset: used, byteCount: size, bytes: mapped + used)
    }

    /// A piece that holds these values.
    func holding<Value: BitwiseCopyable>(_ values: [Value]) throws(BackendError) -> Piece {
        let piece = try allocate(values.count * MemoryLayout<Value>.stride)
        piece.bytes.initializeMemory(as: Value.self, from: values, count: values.count)
        return piece
    }
}
