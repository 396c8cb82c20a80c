import RedrafterCore
import RedrafterFormats

/// The plainest backend that keeps the contract: scalar loops over float matrices, sums in double precision.
///
/// It is the oracle of `checkComputeBackend` and runs toy models in tests; it is slow by design.
public final class ReferenceBackend: ComputeBackend {
    public let description = BackendDescription(
        name: "reference", device: "scalar loops", threads: 1, kernels: "reference")

    public init() {}

    public func support(_ operation: BackendOperation, _ type: WeightType) -> Support { .supported }

    public func weightByteCount(type: WeightType, rows: Int, columns: Int) -> CheckedSize {
        CheckedSize(product: [rows, columns, MemoryLayout<Float>.stride])
    }

    public func makeWeight(
        type: WeightType, rows: Int, columns: Int, bytes: UnsafeRawBufferPointer
    ) throws(BackendError) -> any WeightHandle {
        guard let rowBytes = type.rowBytes(columns: columns) else {
            throw .unsupported(
                operation: "a row of \(columns) elements", type: type.name,
                reason: "it takes a multiple of \(type.blockLength)")
        }
        precondition(bytes.count == rows * rowBytes, "\(bytes.count) bytes for \(rows) rows of \(rowBytes)")
        let values = [Float](unsafeUninitializedCapacity: rows * columns) { buffer, count in
            Quantization.dequantize(
                type: type, bytes: bytes,
                into: UnsafeMutableBufferPointer(rebasing: buffer[..<(rows * columns)]))
            count = rows * columns
        }
        return ReferenceWeight(rows: rows, columns: columns, type: type, values: values)
    }

    public func makeTensor(rows: Int, columns: Int) throws(BackendError) -> Tensor {
        // "Undefined" content is NaN here, so that a value read before it was written shows.
        try makeTensor(rows: rows, columns: columns, values: [Float](repeating: .nan, count: rows * columns))
    }

    public func makeTensor(rows: Int, columns: Int, values: [Float]) throws(BackendError) -> Tensor {
        precondition(values.count == rows * columns, "\(values.count) values for [\(rows), \(columns)]")
        return Tensor(buffer: ReferenceBuffer(values), rows: rows, columns: columns)
    }

    public func makeCache(_ shape: CacheShape) throws(BackendError) -> any CacheStorage {
        guard let bytes = shape.byteCount.value else {
            throw .outOfMemory(needed: .max, available: 0, purpose: "the cache")
        }
        return ReferenceCache(shape: shape, count: bytes / 4)
    }

    public func makeStream() -> any ComputeStream { ReferenceStream() }
}

/// Floats of a tensor.
///
/// Sendable although mutable: a stream writes to it from one thread at a time, which is the contract of streams.
final class ReferenceBuffer: ComputeBuffer, @unchecked Sendable {
    var values: [Float]

    init(_ values: [Float]) { self.values = values }
}

/// A weight as floats. `[rows, columns]`
final class ReferenceWeight: WeightHandle {
    let rows: Int
    let columns: Int
    let type: WeightType
    let values: [Float]

    init(rows: Int, columns: Int, type: WeightType, values: [Float]) {
        self.rows = rows
        self.columns = columns
        self.type = type
        self.values = values
    }
}

/// Keys and values, rounded to half precision. `[layers, sequences, capacity, keyValueHeads, headDimension]` each.
///
/// Sendable for the same reason as `ReferenceBuffer`.
final class ReferenceCache: CacheStorage, @unchecked Sendable {
    let shape: CacheShape
    var keys: [Float]
    var values: [Float]

    init(shape: CacheShape, count: Int) {
        self.shape = shape
        keys = [Float](repeating: .nan, count: count)
        values = keys
    }

    /// Elements of one slot: all heads.
    var width: Int { shape.keyValueHeads * shape.headDimension }

    func start(layer: Int, sequence: Int, slot: Int) -> Int {
        ((layer * shape.sequences + sequence) * shape.capacity + slot) * width
    }
}
