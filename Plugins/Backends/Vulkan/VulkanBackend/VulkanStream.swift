import CVulkan
import RedrafterCore

/// Records operations, which the device runs in order; a result that is asked for waits for all of them.
///
/// Every few dispatches go out as a submission of their own, so that the device begins with the first layers of a pass while the
/// host records the later ones, and the next chunk of a prompt while the one before it runs. What submissions use (host memory,
/// pieces of device memory) is held until `submit()` has waited for all of them.
///
/// Linear layers are in `VulkanStream+Linear.swift`, the cache and attention in `VulkanStream+Attention.swift`, choices
/// among logits in `VulkanStream+Top.swift`. An operation that cannot be recorded makes the next submission fail.
final class VulkanStream: ComputeStream {
    /// Dispatches of a submission. A pass of 30 layers has some 300: the device waits for a fifth of their recording at most,
    /// and the price of a submission (tens of microseconds on a card) is small beside the work of 64 dispatches.
    static let dispatchesInSubmission = 64
    /// Dispatches after which everything is waited for, so that what they hold does not grow without end.
    private static let maximumDispatches = 4096

    let backend: VulkanBackend
    var device: VulkanDevice { backend.device }
    let arena: HostArena
    /// Dispatches after which what was recorded is submitted.
    var dispatchesInSubmission = VulkanStream.dispatchesInSubmission
    private var recorder: OpaquePointer?
    /// Dispatches since everything was waited for, and since the last submission.
    private var (dispatches, unsubmitted) = (0, 0)
    private var failure: BackendError?
    /// What the recorded and the submitted work uses: it must not go before the work is done.
    private var retained = [AnyObject]()
    private var scratch = [Scratch: MemoryPiece]()
    /// What the device was told of the last plan.
    var lastPlan: UploadedPlan?

    /// Device memory that operations use for themselves.
    enum Scratch { case padded, gated, partials, moves }

    init(backend: VulkanBackend) {
        self.backend = backend
        arena = HostArena(device: backend.device)
    }

    deinit {
        closeRecorder()
    }

    func rmsNorm(_ input: Tensor, weight: Tensor, epsilon: Float, into output: Tensor) {
        precondition(input.rows == output.rows && input.columns == output.columns)
        precondition(weight.columns == input.columns)
        record { () throws(BackendError) in
            try dispatch(
                .norm, [UInt32(device.tuning.rowWidth)],
                [storage(2, input.onVulkan), storage(3, output.onVulkan), storage(4, weight.onVulkan)],
                push: [Int32(input.columns), Int32(bitPattern: epsilon.bitPattern)],
                groups: (input.rows, 1, 1))
        }
    }

    func silu(_ input: Tensor, adding residual: Tensor?, into output: Tensor) {
        precondition(output.rows == input.rows && output.columns == input.columns)
        elementwise(
            residual == nil ? 1 : 2, input.onVulkan, (residual ?? input).onVulkan, into: output)
    }

    func add(_ input: Tensor, to output: Tensor) {
        precondition(output.rows == input.rows && output.columns == input.columns)
        elementwise(3, output.onVulkan, input.onVulkan, into: output)
    }

    func scale(_ tensor: Tensor, by factor: Float) {
        elementwise(5, tensor.onVulkan, tensor.onVulkan, into: tensor, factor: factor)
    }

    func softcap(_ tensor: Tensor, limit: Float) {
        elementwise(6, tensor.onVulkan, tensor.onVulkan, into: tensor, factor: limit)
    }

    /// One of the operations of `elementwise.comp`.
    func elementwise(
        _ operation: UInt32, _ first: MemoryPiece, _ second: MemoryPiece, into output: Tensor,
        factor: Float = 1
    ) {
        record { () throws(BackendError) in
            try dispatch(
                .elementwise, [elementWidth, operation],
                [storage(2, first), storage(3, second), storage(4, output.onVulkan)],
                push: [Int32(output.columns), Int32(bitPattern: factor.bitPattern)],
                groups: (elementGroups(output.columns), output.rows, 1))
        }
    }

    func concatenate(_ inputs: [Tensor], into output: Tensor) {
        precondition(inputs.reduce(0) { $0 + $1.columns } == output.columns)
        record { () throws(BackendError) in
            var start = 0
            for (index, input) in inputs.enumerated() {
                precondition(input.rows == output.rows || input.rows == 1)
                try copy(
                    input, rows: (0..<output.rows).map { input.rows == 1 ? 0 : $0 }, columns: input.columns,
                    into: output.onVulkan, stride: output.columns, from: start, isIndependent: index > 0)
                start += input.columns
            }
        }
    }

    func gatherRows(_ input: Tensor, rows: [Int], into output: Tensor, at first: Int) {
        precondition(first >= 0 && first + rows.count <= output.rows && output.columns == input.columns)
        precondition(rows.allSatisfy { $0 >= 0 && $0 < input.rows })
        record { () throws(BackendError) in
            try copy(
                input, rows: rows, columns: input.columns, into: output.onVulkan, stride: output.columns,
                from: first * output.columns)
        }
    }

    /// Rows of a tensor into columns of a matrix; columns past the tensor's become zeros.
    func copy(
        _ input: Tensor, rows: [Int], columns: Int, into output: MemoryPiece, stride: Int, from first: Int,
        isIndependent: Bool = false
    ) throws(BackendError) {
        let indices = try arena.holding(rows.map { Int32($0) })
        try dispatch(
            .copy, [elementWidth], [storage(2, input.onVulkan), storage(3, output), host(4, indices)],
            push: [Int32(input.columns), Int32(columns), Int32(stride), Int32(first)],
            groups: (elementGroups(columns), rows.count, 1), isIndependent: isIndependent)
    }

    func embed(tokens: [Int32], table: any WeightHandle, into output: Tensor) {
        let table = table.onVulkan
        precondition(output.rows == tokens.count && output.columns == table.columns)
        precondition(
            tokens.allSatisfy { $0 >= 0 && Int($0) < table.rows }, "a token has no embedding")
        record { () throws(BackendError) in
            for (index, part) in table.parts.enumerated() {
                let own = tokens.map {
                    part.rows.contains(Int($0)) ? $0 - Int32(part.rows.lowerBound) : Int32(-1)
                }
                let indices = try arena.holding(own)
                try dispatch(
                    .embed, [table.type.rawValue, elementWidth],
                    [try texels(0, part.piece), storage(2, output.onVulkan), host(3, indices)],
                    push: [Int32(table.columns), Int32(table.stripSlots)],
                    groups: (elementGroups(table.columns), tokens.count, 1), isIndependent: index > 0)
            }
        }
    }

    func submit() throws(BackendError) {
        if let failure {
            self.failure = nil
            discard()
            throw failure
        }
        try device.open.requireAlive()
        guard let recorder else { return }
        var fault = rdv_fault()
        let isDone = rdv_run(recorder, &fault) == 1
        (dispatches, unsubmitted) = (0, 0)
        lastPlan = nil
        guard isDone else {
            let error = device.open.error(fault)
            discard()
            throw error
        }
        retained.removeAll(keepingCapacity: true)
        arena.reset()
        device.open.savePipelines()
    }

    func withValues<Result>(
        _ tensor: Tensor, _ body: (UnsafeBufferPointer<Float>) -> Result
    ) throws(BackendError) -> Result {
        let count = tensor.rows * tensor.columns
        let piece = tensor.onVulkan
        if let mapped = piece.mapped {
            try submit()
            return body(
                UnsafeBufferPointer(start: mapped.assumingMemoryBound(to: Float.self), count: count))
        }
        var held: HostArena.Piece?
        record { () throws(BackendError) in
            let target = try arena.allocate(count * 4)
            held = target
            var fault = rdv_fault()
            let recorder = try openRecorder()
            rdv_barrier(recorder)
            guard
                rdv_copy(
                    recorder, piece.buffer, UInt64(piece.offset), target.buffer, UInt64(target.offset),
                    UInt64(count * 4), &fault) == 1
            else { throw device.open.error(fault) }
        }
        try submit()
        return body(
            UnsafeBufferPointer(start: held?.bytes.assumingMemoryBound(to: Float.self), count: count))
    }
}

extension VulkanStream {
    /// Runs the recording of an operation, unless one before it failed.
    func record(_ body: () throws(BackendError) -> Void) {
        guard failure == nil else { return }
        do {
            if dispatches >= Self.maximumDispatches {
                try submit()
            } else if unsubmitted >= dispatchesInSubmission {
                try flush()
            }
            try body()
        } catch {
            failure = error
        }
    }

    /// One dispatch, after all that was recorded before it; an independent one may run beside the one before it.
    func dispatch(
        _ shader: Shader, _ constants: [UInt32], _ bindings: [rdv_binding], push: [Int32],
        groups: (x: Int, y: Int, z: Int), isIndependent: Bool = false
    ) throws(BackendError) {
        guard groups.x > 0, groups.y > 0, groups.z > 0 else { return }
        try device.description.limits.require(groups: groups)
        let pipeline = try device.open.pipeline(shader, constants)
        let recorder = try openRecorder()
        if !isIndependent { rdv_barrier(recorder) }
        var fault = rdv_fault()
        let isRecorded = rdv_dispatch(
            recorder, pipeline, bindings, UInt32(bindings.count), push, UInt32(push.count * 4),
            UInt32(groups.x), UInt32(groups.y), UInt32(groups.z), &fault)
        guard isRecorded == 1 else { throw device.open.error(fault) }
        dispatches += 1
        unsubmitted += 1
    }

    /// Gives the device what was recorded, and does not wait.
    private func flush() throws(BackendError) {
        guard let recorder else { return }
        var fault = rdv_fault()
        guard rdv_flush(recorder, &fault) == 1 else { throw device.open.error(fault) }
        unsubmitted = 0
    }

    private func openRecorder() throws(BackendError) -> OpaquePointer {
        if let recorder { return recorder }
        try device.open.requireAlive()
        var fault = rdv_fault()
        guard let made = rdv_recorder_make(device.handle, device.timeoutNanoseconds, &fault) else {
            throw device.open.error(fault)
        }
        recorder = made
        return made
    }

    /// Forgets what was recorded, once the device is done with what it was given.
    private func discard() {
        closeRecorder()
        (dispatches, unsubmitted) = (0, 0)
        lastPlan = nil
        // What a device that hangs may still use stays.
        guard !device.open.hangs else { return }
        retained.removeAll()
        arena.reset()
    }

    private func closeRecorder() {
        if let recorder { device.open.close(recorder: recorder) }
        recorder = nil
    }

    /// Keeps a piece until everything was waited for.
    func retain(_ piece: MemoryPiece) { retained.append(piece) }

    /// A piece as a storage buffer.
    func storage(_ index: UInt32, _ piece: MemoryPiece) -> rdv_binding {
        retained.append(piece)
        return rdv_binding(
            index: index, view: nil, buffer: piece.buffer, offset: UInt64(piece.offset),
            bytes: UInt64(piece.byteCount))
    }

    /// A piece as texels.
    func texels(_ index: UInt32, _ piece: MemoryPiece, isFloat: Bool = false) throws(BackendError)
        -> rdv_binding
    {
        retained.append(piece)
        return rdv_binding(
            index: index, view: try piece.view(isFloat: isFloat).view, buffer: nil, offset: 0, bytes: 0)
    }

    /// Memory of the host as a storage buffer.
    func host(_ index: UInt32, _ piece: HostArena.Piece) -> rdv_binding {
        rdv_binding(
            index: index, view: nil, buffer: piece.buffer, offset: UInt64(piece.offset),
            bytes: UInt64(piece.byteCount))
    }

    /// Device memory of at least so many bytes that lasts until the next call for the same use.
    func scratch(_ use: Scratch, _ byteCount: Int) throws(BackendError) -> MemoryPiece {
        if let held = scratch[use], held.byteCount >= byteCount { return held }
        let fresh = try backend.memory.allocate(byteCount, purpose: "scratch space")
        scratch[use] = fresh
        return fresh
    }

    var elementWidth: UInt32 { UInt32(device.tuning.elementWidth) }

    func elementGroups(_ count: Int) -> Int {
        (count + device.tuning.elementWidth - 1) / device.tuning.elementWidth
    }
}
