import RedrafterCore

/// What a model will take of the memory, known before anything is loaded.
public struct MemoryPlan: Sendable, Hashable {
    public var weights: CheckedSize
    public var cache: CheckedSize
    /// Activations, logits and the rotary table.
    public var activations: CheckedSize

    /// Invalid where the sum overflows.
    public var total: CheckedSize { weights + cache + activations }

    /// - Parameters:
    ///   - configuration: of the model.
    ///   - source: its weights.
    ///   - contextLength: tokens that a sequence can hold.
    ///   - sequences: as in `PassRunner.init`, like the next two.
    ///   - prefillChunk: rows of a prefill pass.
    ///   - maximumRows: rows of the largest pass.
    ///   - backend: where all of it lies.
    /// - Throws: what `TransformerWeights.byteCount` throws: weights that are missing, misshapen or not supported.
    public init(
        _ configuration: ModelConfiguration, from source: @escaping WeightSource, contextLength: Int,
        sequences: Int = 1, prefillChunk: Int = PassRunner.defaultPrefillChunk, maximumRows: Int? = nil,
        on backend: any ComputeBackend
    ) throws(TransformerError) {
        weights = try TransformerWeights.byteCount(configuration, from: source, on: backend)
        let runner = Self.runner(
            configuration, contextLength: contextLength, sequences: sequences, prefillChunk: prefillChunk,
            maximumRows: maximumRows)
        cache = runner.cache
        activations = runner.activations + RotaryTables.byteCount(configuration, positions: contextLength)
    }

    /// What a runner takes: its cache, and its activations with the logits of a pass. Parameters as in `PassRunner.init`.
    public static func runner(
        _ configuration: ModelConfiguration, contextLength: Int, sequences: Int,
        prefillChunk: Int = PassRunner.defaultPrefillChunk, maximumRows: Int? = nil
    ) -> (cache: CheckedSize, activations: CheckedSize) {
        let shape = KeyValueCache.shape(
            configuration: configuration, contextLength: contextLength, sequences: sequences)
        let rows = PassRunner.rows(prefillChunk: prefillChunk, maximumRows: maximumRows)
        return (shape.byteCount, TransformerState.byteCount(configuration, maximumRows: rows))
    }

    /// Compares the plan with the memory that a backend has left.
    /// - Throws: `TransformerError.backend` with `.outOfMemory`.
    public func requireAvailable(on backend: any ComputeBackend) throws(TransformerError) {
        do {
            try backend.requireMemory(total, for: "the model and its context")
        } catch {
            throw .backend(error)
        }
    }
}
