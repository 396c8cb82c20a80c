import CKernels
import RedrafterCore

/// Reads memory from end to end on several threads and does nothing else: the limit for a pass over one token, which has
/// to read every weight once.
public struct ReadBenchmark: Sendable {
    private static let pieceBytes = 256 << 10
    private let mapping: Mapping
    private let pool: ThreadPool
    private let kernels: KernelSet

    /// - Throws: `BackendError.outOfMemory`, `.deviceUnavailable`.
    public init(byteCount: Int, threads: Int) throws(BackendError) {
        mapping = try Mapping(byteCount: byteCount, purpose: "the read benchmark")
        pool = try ThreadPool(threads: threads)
        guard let best = rd_kernels_at(0) else {
            throw .deviceUnavailable(name: "cpu", reason: "it has no kernels")
        }
        kernels = KernelSet(table: best.pointee)
        // Pages exist once they have been written.
        mapping.base.initializeMemory(as: UInt8.self, repeating: 1, count: mapping.byteCount)
    }

    /// Reads every byte once.
    public func read() {
        let (size, base) = (mapping.byteCount, mapping.base.assumingMemoryBound(to: UInt8.self))
        pool.run(units: (size + Self.pieceBytes - 1) / Self.pieceBytes) { unit, _ in
            let start = unit * Self.pieceBytes
            kernels.table.read(base + start, min(Self.pieceBytes, size - start))
        }
    }
}
