/// Storage owned by a backend, in whatever form the device wants it.
public protocol ComputeBuffer: AnyObject, Sendable {}

/// A weight matrix in the backend's own layout, repacked once when it was loaded. `[rows, columns]`
public protocol WeightHandle: AnyObject, Sendable {
    /// Output features.
    var rows: Int { get }
    /// Input features.
    var columns: Int { get }
    var type: WeightType { get }
}

/// Keys and values of all layers and sequences, in the backend's own layout.
public protocol CacheStorage: AnyObject, Sendable {
    var shape: CacheShape { get }
}

/// The size of a key/value cache. Entries are F16, rounded to nearest even.
public struct CacheShape: Sendable, Hashable {
    public var layers: Int
    public var keyValueHeads: Int
    public var headDimension: Int
    public var sequences: Int
    /// Slots of each sequence: the context length plus room for the rows of a tree.
    public var capacity: Int

    public init(layers: Int, keyValueHeads: Int, headDimension: Int, sequences: Int, capacity: Int) {
        self.layers = layers
        self.keyValueHeads = keyValueHeads
        self.headDimension = headDimension
        self.sequences = sequences
        self.capacity = capacity
    }

    /// Bytes of keys and values together, invalid where the product overflows.
    public var byteCount: CheckedSize {
        CheckedSize(product: [2, 2, layers, keyValueHeads, headDimension, sequences, capacity])
    }
}

/// A matrix of float activations on the device, row-major. `[rows, columns]`
public struct Tensor: Sendable {
    public let buffer: any ComputeBuffer
    public let rows: Int
    public let columns: Int

    public init(buffer: any ComputeBuffer, rows: Int, columns: Int) {
        self.buffer = buffer
        self.rows = rows
        self.columns = columns
    }

    /// The first `count` rows of the same storage.
    public func prefix(_ count: Int) -> Tensor {
        precondition(count >= 0 && count <= rows, "a prefix of \(count) rows of \(rows)")
        return Tensor(buffer: buffer, rows: count, columns: columns)
    }
}

/// Which elements of a head rotary embedding turns together.
public enum RotaryPairing: Sendable, Hashable {
    /// Neighbours (2i, 2i+1): the order of GGUF files of the llama architecture.
    case neighbours
    /// Halves (i, i + d/2): the order of Hugging Face and of GGUF files of qwen2.
    case halves
}

/// Cosines and sines of rotary embedding for every position a cache can hold.
public struct RotaryTable: Sendable {
    /// Cosines, then sines, of each position. `[positions, 2, rotated/2]`, F32
    public let values: Tensor
    public let pairing: RotaryPairing
    /// Elements of each head that are turned; the rest pass through.
    public let rotatedDimension: Int

    public init(values: Tensor, pairing: RotaryPairing, rotatedDimension: Int) {
        self.values = values
        self.pairing = pairing
        self.rotatedDimension = rotatedDimension
    }
}

/// The operations a backend is asked about before work is sent.
public enum BackendOperation: String, Sendable, CaseIterable {
    case linear
    case embedding
}

/// The answer to `ComputeBackend.support`.
public enum Support: Sendable, Equatable {
    case supported
    case unsupported(reason: String)
}

/// What a backend says of itself, for reports.
public struct BackendDescription: Sendable, Hashable {
    /// Name used on the command line: `cpu`, `vulkan`.
    public var name: String
    /// Processor or device, as the system names it.
    public var device: String
    public var threads: Int
    /// Kernel set in use: `avx512-vnni`, `avx2`, `portable`.
    public var kernels: String
    /// OpenBLAS core name, where that library is loaded.
    public var blas: String?
    /// Why this one, where the choice was left to the program.
    public var reason: String?

    public init(
        name: String, device: String, threads: Int, kernels: String, blas: String? = nil,
        reason: String? = nil
    ) {
        self.name = name
        self.device = device
        self.threads = threads
        self.kernels = kernels
        self.blas = blas
        self.reason = reason
    }
}

/// A device: owns buffers and weights in its native layout and executes streams of operations.
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
