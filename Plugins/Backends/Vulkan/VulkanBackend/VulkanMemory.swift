import CVulkan
import RedrafterCore
import Synchronization

/// Device memory in few allocations, from which pieces are cut.
///
/// Unchecked Sendable: its state has a lock; what lies in pieces is decided by the types that hold them.
final class VulkanMemory: @unchecked Sendable {
    private static let blockBytes = 64 << 20

    /// One allocation and what is free of it, in order.
    private struct Block {
        var handle: rdv_block
        var free: [Range<Int>]
        /// Weights lie apart from what shaders write: they are read through views of whole blocks.
        let holdsWeights: Bool
        /// All of it as texels of four words.
        var view: VkBufferView?
    }

    private struct State: @unchecked Sendable {
        var blocks = [Int: Block]()
        var nextID = 0
        var usedBytes = 0
    }

    let device: VulkanDevice
    private let state = Mutex(State())

    init(device: VulkanDevice) { self.device = device }

    deinit {
        guard !device.open.hangs else { return }
        state.withLock { state in
            for block in state.blocks.values {
                if let view = block.view { rdv_view_free(device.handle, view) }
                var handle = block.handle
                rdv_block_free(device.handle, &handle)
            }
        }
    }

    /// Bytes of device memory that are allocated.
    var allocatedBytes: Int { state.withLock { $0.usedBytes } }

    /// A piece of at least `byteCount` bytes, aligned for all uses; weights share blocks with weights only.
    /// - Throws: `BackendError.outOfMemory`; `.unsupported` for a piece that is larger than the device's limits.
    func allocate(
        _ byteCount: Int, purpose: String, holdsWeights: Bool = false
    ) throws(BackendError) -> MemoryPiece {
        let alignment = device.description.alignment
        guard let size = CheckedSize(max(byteCount, 1)).aligned(to: alignment).value else {
            throw .outOfMemory(needed: .max, available: available, purpose: purpose)
        }
        let limits = device.description.limits
        try require(
            size, atMost: limits.maxMemoryAllocationSize, named: "maxMemoryAllocationSize", for: purpose)
        // Weights are read as texels, all else is written.
        if !holdsWeights {
            try require(
                size, atMost: limits.maxStorageBufferRange, named: "maxStorageBufferRange", for: purpose)
        }
        return try state.withLock { (state) throws(BackendError) in
            for (id, block) in state.blocks where block.holdsWeights == holdsWeights {
                guard let place = block.free.firstIndex(where: { $0.count >= size }) else { continue }
                let start = block.free[place].lowerBound
                if block.free[place].count == size {
                    state.blocks[id]?.free.remove(at: place)
                } else {
                    state.blocks[id]?.free[place] = start + size..<block.free[place].upperBound
                }
                return MemoryPiece(self, block: id, block.handle, offset: start, byteCount: size)
            }
            let blockBytes = max(size, min(Self.blockBytes, device.description.memoryBytes / 16))
            let available = max(0, device.description.memoryBytes - state.usedBytes)
            guard blockBytes <= available else {
                throw .outOfMemory(needed: size, available: available, purpose: purpose)
            }
            var (handle, fault) = (rdv_block(), rdv_fault())
            let kind = device.isMapped ? RDV_MAPPED_MEMORY : RDV_DEVICE_MEMORY
            guard rdv_block_make(device.handle, UInt64(blockBytes), kind, &handle, &fault) == 1 else {
                throw device.open.error(fault, purpose: purpose, needed: size, available: available)
            }
            let id = state.nextID
            state.nextID += 1
            state.usedBytes += blockBytes
            state.blocks[id] = Block(
                handle: handle, free: size < blockBytes ? [size..<blockBytes] : [],
                holdsWeights: holdsWeights)
            return MemoryPiece(self, block: id, handle, offset: 0, byteCount: size)
        }
    }

    /// - Throws: `.unsupported` with the name of a limit that is lower than a piece's size.
    fileprivate func require(
        _ byteCount: Int, atMost limit: Int, named name: String, for purpose: String
    ) throws(BackendError) {
        guard byteCount <= limit else {
            throw .unsupported(
                operation: "\(purpose) of \(byteCount) bytes", type: "one buffer",
                reason: "\(device.description.name) takes \(limit) (\(name))")
        }
    }

    /// Bytes that can still be allocated.
    var available: Int { max(0, device.description.memoryBytes - allocatedBytes) }

    /// A block as texels of four words; nil where it is larger than a shader can read.
    fileprivate func view(block id: Int) throws(BackendError) -> SendableView? {
        try state.withLock { (state) throws(BackendError) in
            guard let block = state.blocks[id],
                Int(block.handle.bytes) <= device.description.texelElements * 16
            else { return nil }
            if let known = block.view { return SendableView(view: known) }
            var (made, fault): (VkBufferView?, rdv_fault) = (nil, rdv_fault())
            let isMade = rdv_view_make(
                device.handle, block.handle.buffer, false, 0, block.handle.bytes / 16 * 16, &made, &fault)
            guard isMade == 1, let made else { throw device.open.error(fault, purpose: "a view") }
            state.blocks[id]?.view = made
            return SendableView(view: made)
        }
    }

    fileprivate func release(block id: Int, _ range: Range<Int>) {
        guard !device.open.hangs else { return }
        state.withLock { state in
            guard var block = state.blocks[id] else { return }
            let place = block.free.firstIndex { $0.lowerBound > range.lowerBound } ?? block.free.count
            block.free.insert(range, at: place)
            if place + 1 < block.free.count, block.free[place].upperBound == block.free[place + 1].lowerBound
            {
                block.free[place] = block.free[place].lowerBound..<block.free[place + 1].upperBound
                block.free.remove(at: place + 1)
            }
            if place > 0, block.free[place - 1].upperBound == block.free[place].lowerBound {
                block.free[place - 1] = block.free[place - 1].lowerBound..<block.free[place].upperBound
                block.free.remove(at: place)
            }
            // A block of common size stays for later pieces.
            let bytes = Int(block.handle.bytes)
            if block.free == [0..<bytes], bytes > Self.blockBytes {
                if let view = block.view { rdv_view_free(device.handle, view) }
                rdv_block_free(device.handle, &block.handle)
                state.usedBytes -= bytes
                state.blocks[id] = nil
            } else {
                state.blocks[id] = block
            }
        }
    }
}

/// A piece of device memory.
///
/// Unchecked Sendable: handles do not change; views have a lock. Who writes to it is decided by its owner.
final class MemoryPiece: @unchecked Sendable {
    let buffer: VkBuffer?
    let offset: Int
    let byteCount: Int
    /// Its first byte, where the host reaches it.
    let mapped: UnsafeMutableRawPointer?
    fileprivate let memory: VulkanMemory
    fileprivate let block: Int
    private let views = Mutex(Views())

    private struct Views: @unchecked Sendable {
        var floats: VkBufferView?
        var words: VkBufferView?
    }

    fileprivate init(_ memory: VulkanMemory, block: Int, _ handle: rdv_block, offset: Int, byteCount: Int) {
        self.memory = memory
        self.block = block
        self.buffer = handle.buffer
        self.offset = offset
        self.byteCount = byteCount
        mapped = memory.device.isMapped ? handle.mapped.map { $0 + offset } : nil
    }

    deinit {
        guard !memory.device.open.hangs else { return }
        views.withLock { views in
            for view in [views.floats, views.words] {
                if let view { rdv_view_free(memory.device.handle, view) }
            }
        }
        memory.release(block: block, offset..<offset + byteCount)
    }

    /// The piece as texels of four floats, or of four words.
    func view(isFloat: Bool) throws(BackendError) -> SendableView {
        try views.withLock { (views) throws(BackendError) in
            if let known = isFloat ? views.floats : views.words { return SendableView(view: known) }
            try memory.require(
                byteCount, atMost: memory.device.description.texelElements * 16,
                named: "maxTexelBufferElements", for: "texels")
            var (made, fault): (VkBufferView?, rdv_fault) = (nil, rdv_fault())
            let isMade = rdv_view_make(
                memory.device.handle, buffer, isFloat, UInt64(offset), UInt64(byteCount), &made, &fault)
            guard isMade == 1, let made else { throw memory.device.open.error(fault, purpose: "a view") }
            if isFloat { views.floats = made } else { views.words = made }
            return SendableView(view: made)
        }
    }
}

extension MemoryPiece {
    /// A view that holds the piece as texels of four words, shared with its neighbours where that is possible, and the
    /// piece's first texel in it.
    func sharedView() throws(BackendError) -> (view: VkBufferView, firstTexel: Int) {
        if let shared = try memory.view(block: block) { return (shared.view, offset / 16) }
        return (try view(isFloat: false).view, 0)
    }
}

/// A handle on its way out of a lock. Unchecked Sendable: a handle is a number.
struct SendableView: @unchecked Sendable { let view: VkBufferView }
