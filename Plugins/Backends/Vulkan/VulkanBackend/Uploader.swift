import CVulkan
import RedrafterCore
import Synchronization

/// Writes bytes of the host into device memory: directly where the host reaches it, else through a ring of staging slots, so that
/// the host fills one while the device copies from others.
///
/// Unchecked Sendable: the recorder and its staging memory are used under a lock.
final class Uploader: @unchecked Sendable {
    /// Slots of the ring and the bytes of each, a multiple of all alignments.
    private static let (slots, slotBytes) = (4, 2 << 20)

    private struct State: @unchecked Sendable {
        var recorder: OpaquePointer?
        var staging = rdv_block()
        /// The slot to fill next, and the last submission that reads each of them.
        var slot = 0
        var readers = [UInt64](repeating: 0, count: Uploader.slots)
    }

    private let device: VulkanDevice
    private let state = Mutex(State())

    init(device: VulkanDevice) { self.device = device }

    deinit { state.withLock { close(&$0) } }

    /// Returns when the bytes were read; they lie in the piece after `finish`. No work that was submitted before reads them.
    func write(
        _ bytes: UnsafeRawBufferPointer, to piece: MemoryPiece, at offset: Int
    ) throws(BackendError) {
        precondition(offset + bytes.count <= piece.byteCount, "more bytes than the piece holds")
        try device.open.requireAlive()
        guard let source = bytes.baseAddress, !bytes.isEmpty else { return }
        if let mapped = piece.mapped {
            (mapped + offset).copyMemory(from: source, byteCount: bytes.count)
            return
        }
        let address = UInt(bitPattern: source)
        try state.withLock { (state) throws(BackendError) in
            for start in stride(from: 0, to: bytes.count, by: Self.slotBytes) {
                let count = min(Self.slotBytes, bytes.count - start)
                guard let from = UnsafeRawPointer(bitPattern: address + UInt(start)) else { return }
                try stage(from, count, to: piece, at: offset + start, &state)
            }
        }
    }

    /// Waits until all bytes lie where they were written to.
    func finish() throws(BackendError) {
        try state.withLock { (state) throws(BackendError) in
            guard let recorder = state.recorder else { return }
            var fault = rdv_fault()
            guard rdv_run(recorder, &fault) == 1 else { throw failure(fault, &state) }
        }
    }

    /// Fills the next slot, once no copy reads it any more, and submits the copy from it.
    private func stage(
        _ source: UnsafeRawPointer, _ count: Int, to piece: MemoryPiece, at offset: Int, _ state: inout State
    ) throws(BackendError) {
        var fault = rdv_fault()
        let recorder = try open(&state)
        guard let staging = state.staging.mapped else { return }
        guard rdv_wait(recorder, state.readers[state.slot], &fault) == 1 else { throw failure(fault, &state) }
        let start = state.slot * Self.slotBytes
        (staging + start).copyMemory(from: source, byteCount: count)
        guard
            rdv_copy(
                recorder, state.staging.buffer, UInt64(start), piece.buffer, UInt64(piece.offset + offset),
                UInt64(count), &fault) == 1, rdv_flush(recorder, &fault) == 1
        else { throw failure(fault, &state) }
        state.readers[state.slot] = rdv_last_submission(recorder)
        state.slot = (state.slot + 1) % Self.slots
    }

    private func open(_ state: inout State) throws(BackendError) -> OpaquePointer {
        if let recorder = state.recorder { return recorder }
        var fault = rdv_fault()
        let bytes = UInt64(Self.slots * Self.slotBytes)
        guard rdv_block_make(device.handle, bytes, RDV_HOST_MEMORY, &state.staging, &fault) == 1,
            let recorder = rdv_recorder_make(device.handle, device.timeoutNanoseconds, &fault)
        else { throw failure(fault, &state) }
        state.recorder = recorder
        return recorder
    }

    /// The error of a fault. What a recorder holds after one is of no use.
    private func failure(_ fault: rdv_fault, _ state: inout State) -> BackendError {
        let error = device.open.error(fault, purpose: "an upload", needed: Self.slots * Self.slotBytes)
        close(&state)
        return error
    }

    /// Waits for the copies and frees all; a device that hangs may still use it.
    private func close(_ state: inout State) {
        if let recorder = state.recorder { device.open.close(recorder: recorder) }
        if !device.open.hangs { rdv_block_free(device.handle, &state.staging) }
        state = State()
    }
}
