import CVulkan
import RedrafterCore
import Synchronization

/// An open device with its memory and pipelines.
///
/// Unchecked Sendable: the C library locks the queue; pipelines and memory have locks of their own.
final class VulkanDevice: @unchecked Sendable {
    let handle: OpaquePointer
    let description: VulkanDeviceDescription
    let tuning: Tuning
    /// Whether the host reaches the device's memory.
    let isMapped: Bool
    let timeoutNanoseconds: UInt64
    /// Keeps the instance open.
    private let instance: VulkanInstance
    private let pipelines = Mutex([PipelineKey: PipelineHandle]())
    private let isLost = Mutex(false)
    private let cacheFile: PipelineCacheFile?
    private let cacheState = Mutex(CacheState())
    /// Bytes of compiled pipelines that came from the user's cache.
    let loadedCacheBytes: Int

    /// What of the driver's cache is in the file.
    private struct CacheState {
        /// Pipelines made since the last submission, and since the file was looked after.
        var (fresh, unsaved) = (0, 0)
        var savedBytes = 0
    }

    /// Sizes of groups of threads. They are constants of a device: results do not depend on the rows of a pass through them.
    struct Tuning: Sendable, Hashable {
        /// Threads side by side in a linear layer, 4 outputs each.
        var linearWidth: Int
        /// Threads over the columns of a linear layer.
        var linearSplits: Int
        /// Rows that a thread of a linear layer holds at most: their sums fit its registers, and, where splits are joined, the memory
        /// that a group shares (`VulkanLimits.groupBytes`).
        var tileRows: Int { linearSplits == 1 ? 9 : 8 }
        /// Threads that share a row of a norm.
        var rowWidth: Int
        /// Teams of eight threads of a group of attention.
        var teams: Int
        /// Keys that a team takes: a constant, so that sums over keys do not depend on how many there are behind them.
        var splitKeys: Int
        /// Threads of a group for work on single elements.
        var elementWidth = 64
        /// Whether threads hand each other their inputs.
        var sharesInputs: Bool

        init(_ device: VulkanDeviceDescription, masked: Set<VulkanFeature>) {
            linearWidth = min(max(device.subgroupSize, 8), 32)
            sharesInputs = device.hasShuffle && device.subgroupSize >= 8 && !masked.contains(.shuffle)
            if device.kind == .software && !masked.contains(.serial) {
                // It runs a group on one core, and has few: small groups, and nothing that joins partial sums.
                (linearSplits, rowWidth) = (1, 8)
                (teams, splitKeys) = (linearWidth / 8, Int(Int32.max) / 2)
            } else {
                (linearSplits, rowWidth) = (4, 32)
                (teams, splitKeys) = (4, 128)
            }
        }
    }

    private struct PipelineKey: Hashable {
        let shader: Shader
        let constants: [UInt32]
    }

    private struct PipelineHandle: @unchecked Sendable { let pipeline: VkPipeline }

    init(
        _ description: VulkanDeviceDescription, of instance: VulkanInstance, masked: Set<VulkanFeature>,
        timeout: Duration, pipelineCache: PipelineCacheFile.Place
    ) throws(BackendError) {
        var fault = rdv_fault()
        let isMapped = description.isMapped && !masked.contains(.mapped)
        guard let handle = rdv_device_open(instance.handle, UInt32(description.index), isMapped, &fault)
        else { throw fault.error(device: description.name) }
        self.handle = handle
        self.instance = instance
        self.description = description
        self.isMapped = isMapped
        tuning = Tuning(description, masked: masked)
        timeoutNanoseconds = UInt64(clamping: Int128(timeout.attoseconds) / 1_000_000_000)
        cacheFile = PipelineCacheFile(pipelineCache, description)
        loadedCacheBytes = cacheFile?.load(into: handle) ?? 0
        cacheState.withLock { $0.savedBytes = loadedCacheBytes }
    }

    deinit {
        // A device that hangs is left alone, with its instance: freeing it would wait for it.
        guard !hasLost else {
            _ = Unmanaged.passRetained(instance)
            return
        }
        savePipelines(isLast: true)
        pipelines.withLock { all in
            for pipeline in all.values { rdv_pipeline_free(handle, pipeline.pipeline) }
        }
        rdv_device_close(handle)
    }

    /// Calls of Vulkan that can fail, made so far.
    var callCount: UInt64 { instance.callCount }

    /// Whether the device was lost, or did not finish in time.
    var hasLost: Bool { isLost.withLock { $0 } }

    /// The error of a fault; one that nothing can follow is remembered.
    func error(
        _ fault: rdv_fault, purpose: String = "work on the device", needed: Int = 0, available: Int = 0
    ) -> BackendError {
        if fault.isFatal { isLost.withLock { $0 = true } }
        return fault.error(
            device: description.name, purpose: purpose, needed: needed, available: available)
    }

    /// - Throws: `.deviceUnavailable` once the device is lost.
    func requireAlive() throws(BackendError) {
        guard !hasLost else {
            throw .deviceUnavailable(name: description.name, reason: "the device was lost")
        }
    }

    /// Frees a recorder once its work has ended; a device that does not get there is taken for lost, and left with it.
    func close(recorder: OpaquePointer) {
        guard !hasLost else { return }
        var fault = rdv_fault()
        if rdv_recorder_free(recorder, &fault) != 1 { isLost.withLock { $0 = true } }
    }

    /// Writes the driver's cache to its file where it has grown, after a submission without new pipelines: a pass makes them one
    /// by one, and one write is enough for all of them.
    /// - Parameter isLast: does not wait for such a submission.
    func savePipelines(isLast: Bool = false) {
        guard let cacheFile else { return }
        cacheState.withLock { state in
            state.unsaved += state.fresh
            let isSettled = state.fresh == 0 || isLast
            state.fresh = 0
            guard isSettled, state.unsaved > 0 else { return }
            state.unsaved = 0
            if rdv_cache_size(handle) != state.savedBytes { state.savedBytes = cacheFile.save(from: handle) }
        }
    }

    /// The pipeline of a shader with values for its constants, made at its first use.
    func pipeline(_ shader: Shader, _ constants: [UInt32]) throws(BackendError) -> VkPipeline {
        let key = PipelineKey(shader: shader, constants: constants)
        return try pipelines.withLock { (pipelines) throws(BackendError) in
            if let known = pipelines[key] { return known }
            var bytes = 0
            guard let words = rdv_shader_words(shader.rawValue, &bytes) else {
                preconditionFailure("no shader \(shader.rawValue)")
            }
            var fault = rdv_fault()
            var made: VkPipeline?
            let isMade = rdv_pipeline_make(
                handle, words, bytes, constants, UInt32(constants.count), &made, &fault)
            guard isMade == 1, let made else { throw error(fault, purpose: "a pipeline") }
            let pipeline = PipelineHandle(pipeline: made)
            pipelines[key] = pipeline
            cacheState.withLock { $0.fresh += 1 }
            return pipeline
        }.pipeline
    }
}

/// The shaders, by the names of their files.
enum Shader: String {
    case attention
    case attentionMerge = "attention_merge"
    case attentionShared = "attention_shared"
    case collect
    case copy
    case elementwise
    case embed
    case linear
    case linearShared = "linear_shared"
    case move
    case norm
    case reduce
    case rotary
    case select
}
