import CVulkan
import RedrafterCore
import Synchronization

/// Writes bytes of the host into device memory: directly where the host reaches it, else through a staging buffer.
///
/// Unchecked Sendable: the recorder and its staging buffer are used under a lock.
final class Uploader: @unchecked Sendable {
    private static let stagingBytes = 8 << 20

    private struct State: @unchecked Sendable {
        var recorder: OpaquePointer?
        var staging = rdv_block()
    }

    private let device: VulkanDevice
    private let state = Mutex(State())

    init(device: VulkanDevice) { self.device = device }

    deinit {
        guard !device.hasLost else { return }
        state.withLock { state in
            if let recorder = state.recorder { rdv_recorder_free(recorder) }
            rdv_block_free(device.handle, &state.staging)
        }
    }

    /// Returns when the bytes lie in the piece. No work that was submitted before reads them.
    func write(
        _ bytes: UnsafeRawBufferPointer, to piece: MemoryPiece, at offset: Int
    ) throws(BackendError) {
        precondition(offset + bytes.count <= piece.byteCount, "more bytes than the piece holds")
        try device.requireAlive()
        guard let source = bytes.baseAddress, !bytes.isEmpty else { return }
        if let mapped = piece.mapped {
            (mapped + offset).copyMemory(from: source, byteCount: bytes.count)
            return
        }
        let address = UInt(bitPattern: source)
        try state.withLock { (state) throws(BackendError) in
            var fault = rdv_fault()
            if state.recorder == nil {
                guard
                    rdv_block_make(device.handle, UInt64(Self.stagingBytes), true, &state.staging, &fault)
                        == 1,
                    let recorder = rdv_recorder_make(device.handle, &fault)
                else {
                    if !device.hasLost { rdv_block_free(device.handle, &state.staging) }
                    throw device.error(fault, purpose: "a staging buffer", needed: Self.stagingBytes)
                }
                state.recorder = recorder
            }
            guard let recorder = state.recorder, let staging = state.staging.mapped else { return }
            for start in stride(from: 0, to: bytes.count, by: Self.stagingBytes) {
                let count = min(Self.stagingBytes, bytes.count - start)
                guard let from = UnsafeRawPointer(bitPattern: address + UInt(start)) else { return }
                staging.copyMemory(from: from, byteCount: count)
                guard
                    rdv_copy(
                        recorder, state.staging.buffer, 0, piece.buffer,
                        UInt64(piece.offset + offset + start),
                        UInt64(count), &fault) == 1,
                    rdv_run(recorder, device.timeoutNanoseconds, &fault) == 1
                else {
                    let error = device.error(fault, purpose: "an upload", needed: count)
                    // What a recorder holds after a failure is of no use; a device that was lost may still use it.
                    if !device.hasLost {
                        rdv_recorder_free(recorder)
                        rdv_block_free(device.handle, &state.staging)
                    }
                    state.recorder = nil
                    state.staging = rdv_block()
                    throw error
                }
            }
        }
    }
}
