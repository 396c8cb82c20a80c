import RedrafterPlatform

/// A device: owns buffers and weights in its native layout and executes streams of operations.
///
/// ```swift
/// let stream = backend.makeStream()
/// stream.linear(input, weight: weight, into: output)
/// let values = try stream.withValues(output) { Array($0) }
/// ```
///
/// Contract of **row invariance**: the result of a row does not depend on how many rows are computed with it,
/// on the number of threads, on its place in the batch, or on where its keys lie in the cache. Every
/// float reduction therefore has one order, the same for one row and for sixty-four.
public protocol ComputeBackend: AnyObject, Sendable {
    var description: BackendDescription { get }

    /// Whether the operation works on weights of this type; asked before any work is sent.
    func support(_ operation: BackendOperation, _ type: WeightType) -> Support

    /// Compares what a model will take with what is left of the backend's memory, before anything is loaded.
    /// - Throws: `BackendError.outOfMemory`.
    func requireMemory(_ needed: CheckedSize, for purpose: String) throws(BackendError)

    /// Bytes the backend will hold for a weight of this shape, to plan memory before loading.
    func weightByteCount(type: WeightType, rows: Int, columns: Int) -> CheckedSize

    /// Copies a matrix as it lies in a file (`rows` rows of `type.rowBytes(columns:)` bytes) into the backend's layout.
    /// - Throws: `BackendError.unsupported`, `.outOfMemory`.
    func makeWeight(
        type: WeightType, rows: Int, columns: Int, bytes: UnsafeRawBufferPointer
    ) throws(BackendError) -> any WeightHandle

    /// A float matrix of undefined content. - Throws: `BackendError.outOfMemory`.
    func makeTensor(rows: Int, columns: Int) throws(BackendError) -> Tensor

    /// A float matrix holding `values`. `[rows, columns]`
    func makeTensor(rows: Int, columns: Int, values: [Float]) throws(BackendError) -> Tensor

    /// Storage for keys and values. - Throws: `BackendError.outOfMemory`.
    func makeCache(_ shape: CacheShape) throws(BackendError) -> any CacheStorage

    /// A stream of operations. Streams of one backend may be used from different threads, one thread each.
    func makeStream() -> any ComputeStream
}

extension ComputeBackend {
    /// The memory of this process.
    public func requireMemory(_ needed: CheckedSize, for purpose: String) throws(BackendError) {
        try AvailableMemory.require(needed, for: purpose)
    }
}
