import RedrafterPlatform

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

extension RotaryTable {
    /// Cosines and sines of all positions below `positions`, computed in double precision.
    /// - Parameters:
    ///   - frequencies: angle per position of each pair of elements, in radians. `[rotated/2]`
    ///   - magnitude: factor of all cosines and sines.
    ///   - positions: rows of the table.
    ///   - pairing: which elements are turned together.
    ///   - backend: where the table lies.
    /// - Throws: `BackendError.outOfMemory`.
    public init(
        frequencies: [Double], magnitude: Float = 1, positions: Int, pairing: RotaryPairing,
        on backend: any ComputeBackend
    ) throws(BackendError) {
        let half = frequencies.count
        var values = [Float](repeating: 0, count: positions * 2 * half)
        for position in 0..<positions {
            let start = position * 2 * half
            for (pair, frequency) in frequencies.enumerated() {
                let angle = Double(position) * frequency
                values[start + pair] = Float(cos(angle) * Double(magnitude))
                values[start + half + pair] = Float(sin(angle) * Double(magnitude))
            }
        }
        self.init(
            values: try backend.makeTensor(rows: positions, columns: 2 * half, values: values),
            pairing: pairing, rotatedDimension: 2 * half)
    }

    /// Angles per position of a head whose elements are all turned: base^(−2i/d) for pair i. `[d/2]`
    public static func frequencies(base: Double, headDimension: Int) -> [Double] {
        (0..<(headDimension / 2)).map { pow(base, -2 * Double($0) / Double(headDimension)) }
    }
}
