/// Memory that evaluations reuse: activations and, for all threads but the first, gradients. Grows in the first evaluation.
///
/// Not for two evaluations at once.
public final class TrainingWorkspace {
    private(set) var threads: [ThreadScratch] = []

    public init() {}

    /// Bytes in use.
    public var byteCount: Int { threads.reduce(0) { $0 + $1.byteCount } }

    func prepare(threads count: Int) {
        while threads.count < count { threads.append(ThreadScratch()) }
    }
}

/// The memory of one thread.
public final class ThreadScratch {
    private var slabs: [AlignedFloats] = []
    private var slab = 0
    private var used = 0
    private(set) var gradient: AlignedFloats?

    var byteCount: Int { (slabs.reduce(0) { $0 + $1.floats.count } + (gradient?.floats.count ?? 0)) * 4 }

    /// Gives everything that was taken back. Memory that grew piece by piece becomes one piece, of which nothing is left unused.
    func reset() {
        (slab, used) = (0, 0)
        guard slabs.count > 1 else { return }
        let total = slabs.reduce(0) { $0 + $1.floats.count }
        slabs = []
        slabs = [AlignedFloats(count: total)]
    }

    /// Gives back what `body` takes when it returns.
    public func temporarily(_ body: () -> Void) {
        let mark = (slab, used)
        body()
        (slab, used) = mark
    }

    /// A matrix with whatever its memory held before, until the next `reset`.
    public func matrix(_ rows: Int, _ columns: Int) -> Matrix {
        Matrix(base: take(rows * columns), rows: rows, columns: columns)
    }

    private static let slabSize = 1 << 20

    private func take(_ count: Int) -> UnsafeMutablePointer<Float> {
        let size = (count + 15) & ~15
        while slab < slabs.count, used + size > slabs[slab].floats.count { (slab, used) = (slab + 1, 0) }
        if slab == slabs.count { slabs.append(AlignedFloats(count: max(size, Self.slabSize))) }
        guard let base = slabs[slab].floats.baseAddress else { preconditionFailure("a slab has memory") }
        defer { used += size }
        return base + used
    }

    /// The thread's own gradient, with what it held before.
    func gradient(count: Int) -> UnsafeMutableBufferPointer<Float> {
        if let gradient, gradient.floats.count == count { return gradient.floats }
        let fresh = AlignedFloats(count: count)
        gradient = fresh
        return fresh.floats
    }
}
