import RedrafterCore
import RedrafterPlatform
import Synchronization

/// Zeroed memory from the system, page by page as it is touched.
///
/// Unchecked Sendable: owns its mapping; who writes what is decided by the types that hold it.
final class Mapping: @unchecked Sendable {
    let base: UnsafeMutableRawPointer
    let byteCount: Int

    /// - Throws: `BackendError.outOfMemory`, naming `purpose`.
    init(byteCount: Int, purpose: String) throws(BackendError) {
        let size = max(byteCount, 1)
        let flags = MAP_PRIVATE | MAP_ANONYMOUS
        guard let base = mmap(nil, size, PROT_READ | PROT_WRITE, flags, -1, 0), base != MAP_FAILED else {
            throw .outOfMemory(needed: byteCount, available: 0, purpose: purpose)
        }
        #if canImport(Glibc)
            // Weights are streamed from end to end each pass: large pages save most address translations.
            if size >= 4 << 20 { madvise(base, size, 14 /* MADV_HUGEPAGE */) }
        #endif
        self.base = base
        self.byteCount = size
    }

    deinit { munmap(base, byteCount) }
}

/// Hands out aligned pieces of large mappings, so that neighbouring weights share large pages.
final class Arena: Sendable {
    private static let chunkBytes = 32 << 20

    private struct State {
        var current: Mapping?
        var used = 0
    }

    private let state = Mutex(State())

    /// `byteCount` zeroed bytes at `offset` of a mapping, aligned to a cache line.
    func allocate(_ byteCount: Int, purpose: String) throws(BackendError) -> (mapping: Mapping, offset: Int) {
        let size = (byteCount + 63) & ~63
        if size >= Self.chunkBytes {
            return (try Mapping(byteCount: size, purpose: purpose), 0)
        }
        return try state.withLock { (state) throws(BackendError) in
            if let current = state.current, state.used + size <= current.byteCount {
                defer { state.used += size }
                return (current, state.used)
            }
            let fresh = try Mapping(byteCount: Self.chunkBytes, purpose: purpose)
            state.current = fresh
            state.used = size
            return (fresh, 0)
        }
    }
}

/// Activations: a row-major matrix of floats.
///
/// Unchecked Sendable: written by the one stream that uses the tensor.
final class CPUBuffer: ComputeBuffer, @unchecked Sendable {
    let mapping: Mapping
    var floats: UnsafeMutablePointer<Float> { mapping.base.assumingMemoryBound(to: Float.self) }

    init(count: Int) throws(BackendError) {
        guard let bytes = (CheckedSize(count) * 4).value else {
            throw .outOfMemory(needed: .max, available: 0, purpose: "activations")
        }
        mapping = try Mapping(byteCount: bytes, purpose: "activations")
    }
}

/// A weight matrix in tiles of 16 outputs; see `CKernels.h`. Written once, when it is made.
final class CPUWeight: WeightHandle, @unchecked Sendable {
    let rows: Int
    let columns: Int
    let type: WeightType
    let tileBytes: Int
    let tiles: UnsafePointer<UInt8>
    private let mapping: Mapping

    init(
        rows: Int, columns: Int, type: WeightType, tileBytes: Int, tiles: UnsafePointer<UInt8>,
        mapping: Mapping
    ) {
        self.rows = rows
        self.columns = columns
        self.type = type
        self.tileBytes = tileBytes
        self.tiles = tiles
        self.mapping = mapping
    }
}

/// Keys and values in F16, per layer, sequence and key/value head:
/// keys `[capacity/16][d][16]` (the 16 slots of a tile beside each other), values `[capacity][d]`.
///
/// Unchecked Sendable: written by the one stream that runs the sequence.
final class CPUCache: CacheStorage, @unchecked Sendable {
    let shape: CacheShape
    /// Slots of storage: the capacity rounded up to whole tiles.
    let slots: Int
    private let mapping: Mapping

    init(shape: CacheShape) throws(BackendError) {
        self.shape = shape
        slots = (shape.capacity + 15) / 16 * 16
        var padded = shape
        padded.capacity = slots
        guard let bytes = padded.byteCount.value else {
            throw .outOfMemory(needed: .max, available: 0, purpose: "the key/value cache")
        }
        mapping = try Mapping(byteCount: bytes, purpose: "the key/value cache")
    }

    /// Elements of keys, and as many of values behind them, of one head.
    var headElements: Int { slots * shape.headDimension }

    func keys(layer: Int, sequence: Int, head: Int) -> UnsafeMutablePointer<UInt16> {
        let index = (layer * shape.sequences + sequence) * shape.keyValueHeads + head
        return mapping.base.assumingMemoryBound(to: UInt16.self) + index * 2 * headElements
    }

    func values(layer: Int, sequence: Int, head: Int) -> UnsafeMutablePointer<UInt16> {
        keys(layer: layer, sequence: sequence, head: head) + headElements
    }
}
