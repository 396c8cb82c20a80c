import RedrafterCore

/// Seeded inputs, the same on every backend and whichever rows are kept.
struct Inputs {
    private var random: SeededRandom

    init(seed: UInt64) { random = SeededRandom(seed: seed) }

    mutating func values(_ count: Int, magnitude: Float = 2) -> [Float] {
        // Some outliers, as activations have them.
        (0..<count).map { _ in
            let bits = random.next()
            let value = (Float(bits >> 40) / Float(1 << 23) - 1) * magnitude
            return bits % 64 == 0 ? value * 3 : value
        }
    }

    mutating func matrix(_ rows: Int, _ columns: Int, magnitude: Float = 2) -> Matrix {
        Matrix(columns: columns, values: values(rows * columns, magnitude: magnitude))
    }

    mutating func weight(
        _ type: WeightType, _ rows: Int, _ columns: Int, on backend: any ComputeBackend
    ) throws(BackendError) -> any WeightHandle {
        let bytes = randomWeight(type, rows: rows, columns: columns, using: &random)
        return try Self.weight(type, rows, columns, bytes: bytes, on: backend)
    }

    /// A weight of F32 or BF16 that takes some of the columns: output `i` is input `chosen[i]`.
    static func selection(
        _ chosen: Range<Int>, of columns: Int, _ type: WeightType, on backend: any ComputeBackend
    ) throws(BackendError) -> any WeightHandle {
        var bytes = [UInt8]()
        for input in chosen {
            for column in 0..<columns {
                let value: Float = column == input ? 1 : 0
                // The last bytes of a number of either type are those of its high bits.
                bytes += withUnsafeBytes(of: value.bitPattern.littleEndian) { $0.suffix(type.blockBytes) }
            }
        }
        return try weight(type, chosen.count, columns, bytes: bytes, on: backend)
    }

    private static func weight(
        _ type: WeightType, _ rows: Int, _ columns: Int, bytes: [UInt8], on backend: any ComputeBackend
    ) throws(BackendError) -> any WeightHandle {
        var result: Result<any WeightHandle, BackendError> = .failure(.nonFinite(what: "weights"))
        bytes.withUnsafeBytes { bytes in
            result = Result { () throws(BackendError) in
                try backend.makeWeight(type: type, rows: rows, columns: columns, bytes: bytes)
            }
        }
        return try result.get()
    }
}

extension ComputeStream {
    /// The rows of a tensor, copied.
    func rows(of tensor: Tensor) throws(BackendError) -> [[Float]] {
        try withValues(tensor) { values in
            (0..<tensor.rows).map { Array(values[($0 * tensor.columns)..<(($0 + 1) * tensor.columns)]) }
        }
    }
}

/// Floats of a matrix, row-major.
struct Matrix {
    let columns: Int
    let values: [Float]

    /// The rows asked for, all when nil, as a tensor.
    func tensor(_ rows: [Int]? = nil, on backend: any ComputeBackend) throws(BackendError) -> Tensor {
        let kept = rows.map { $0.flatMap { values[($0 * columns)..<(($0 + 1) * columns)] } } ?? values
        return try backend.makeTensor(rows: kept.count / columns, columns: columns, values: kept)
    }
}
