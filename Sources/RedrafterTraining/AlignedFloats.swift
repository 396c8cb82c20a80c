/// Floats on a cache line's boundary, zero at first.
///
/// Unchecked Sendable: owns its memory; who writes what is decided by the types that hold it.
final class AlignedFloats: @unchecked Sendable {
    let floats: UnsafeMutableBufferPointer<Float>

    init(count: Int) {
        let memory = UnsafeMutableRawPointer.allocate(byteCount: max(count, 1) * 4, alignment: 64)
        let base = memory.bindMemory(to: Float.self, capacity: max(count, 1))
        base.initialize(repeating: 0, count: count)
        floats = UnsafeMutableBufferPointer(start: base, count: count)
    }

    deinit { floats.baseAddress?.deallocate() }
}
