import CVulkan
import RedrafterCore
import Synchronization

/// A device that is open, with the pipelines that were compiled for it. Backends that use it in different ways can share it: all
/// in which they differ is among the constants of a pipeline.
///
/// Unchecked Sendable: the C library locks the queue; pipelines and what is known of the device have locks of their own.
final class OpenDevice: @unchecked Sendable {
    let handle: OpaquePointer
    let description: VulkanDeviceDescription
    /// Keeps the instance open.
    private let instance: VulkanInstance
    private let pipelines = Mutex([PipelineKey: PipelineHandle]())
    private let condition = Mutex(Condition.works)
    private let cacheFile: PipelineCacheFile?
    private let cacheState = Mutex(CacheState())
    /// Bytes of compiled pipelines that came from the user's cache.
    let loadedCacheBytes: Int

    private enum Condition {
        case works
        /// Nothing can be expected of it any more, but it is done with all that it was given.
        case isLost
        /// It did not finish in time: what it was given is left alone, and so is the device, because freeing it would wait.
        case hangs
    }

    /// What of the driver's cache is in the file.
    private struct CacheState {
        /// Pipelines made since the last submission, and since the file was looked after.
        var (fresh, unsaved) = (0, 0)
        var savedBytes = 0
    }

    private struct PipelineKey: Hashable {
        let shader: Shader
        let constants: [UInt32]
    }

    private struct PipelineHandle: @unchecked Sendable { let pipeline: VkPipeline }

    /// - Throws: `BackendError.deviceUnavailable`, `.outOfMemory`.
    init(
        _ description: VulkanDeviceDescription, of instance: VulkanInstance,
        pipelineCache: PipelineCacheFile.Place
    ) throws(BackendError) {
        var fault = rdv_fault()
        guard let handle = rdv_device_open(instance.handle, UInt32(description.index), &fault) else {
            throw fault.error(device: description.name)
        }
        self.handle = handle
        self.instance = instance
        self.description = description
        cacheFile = PipelineCacheFile(pipelineCache, description)
        loadedCacheBytes = cacheFile?.load(into: handle) ?? 0
        cacheState.withLock { $0.savedBytes = loadedCacheBytes }
    }

    deinit {
        guard !hangs else {
            _ = Unmanaged.passRetained(instance)
            return
        }
        if !isLost { savePipelines(isLast: true) }
        pipelines.withLock { all in
            for pipeline in all.values { rdv_pipeline_free(handle, pipeline.pipeline) }
        }
        rdv_device_close(handle)
    }

    /// Calls of Vulkan that can fail, made so far.
    var callCount: UInt64 { instance.callCount }

    /// Whether the device was lost, or did not finish in time.
    var isLost: Bool { condition.withLock { $0 != .works } }

    /// Whether the device may go on using all that it was given: nothing of that is freed.
    var hangs: Bool { condition.withLock { $0 == .hangs } }

    /// The error of a fault; one that nothing can follow is remembered.
    func error(
        _ fault: rdv_fault, purpose: String = "work on the device", needed: Int = 0, available: Int = 0
    ) -> BackendError {
        switch fault.result {
        // After an end that was only injected the device can be waited for.
        case VK_TIMEOUT.rawValue where !instance.isInjected: condition.withLock { $0 = .hangs }
        case VK_TIMEOUT.rawValue, VK_ERROR_DEVICE_LOST.rawValue:
            condition.withLock { if $0 == .works { $0 = .isLost } }
        default: break
        }
        return fault.error(
            device: description.name, purpose: purpose, needed: needed, available: available)
    }

    /// - Throws: `.deviceUnavailable` once the device is lost.
    func requireAlive() throws(BackendError) {
        guard !isLost else {
            throw .deviceUnavailable(name: description.name, reason: "the device was lost")
        }
    }

    /// Frees a recorder once its work has ended; a device that does not get there hangs, and is left with it.
    func close(recorder: OpaquePointer) {
        guard !hangs else { return }
        var fault = rdv_fault()
        if rdv_recorder_free(recorder, &fault) != 1 { condition.withLock { $0 = .hangs } }
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
