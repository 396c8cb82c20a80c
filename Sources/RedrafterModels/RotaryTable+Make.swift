import RedrafterCore
import RedrafterPlatform

extension ModelConfiguration {
    /// Angle per position of each pair of elements, in radians. `[rotaryDimension / 2]`
    public var rotaryFrequencies: [Double] {
        (0..<(rotaryDimension / 2)).map { pair in
            let frequency = pow(Double(rotaryBase), -2 * Double(pair) / Double(rotaryDimension))
            return switch rotaryScaling {
            case .none: frequency
            case .linear(let factor): frequency / Double(factor)
            case .divisors(let divisors):
                divisors.indices.contains(pair) ? frequency / Double(divisors[pair]) : frequency
            case .llama3(let factor, let low, let high, let originalContext):
                Self.llama3(
                    frequency, factor: Double(factor), low: Double(low), high: Double(high),
                    originalContext: Double(originalContext))
            }
        }
    }

    /// Wave lengths below `originalContext / high` stay, those above `originalContext / low` are stretched by `factor`,
    /// with a linear transition between.
    private static func llama3(
        _ frequency: Double, factor: Double, low: Double, high: Double, originalContext: Double
    ) -> Double {
        let waveLength = 2 * Double.pi / frequency
        if waveLength < originalContext / high { return frequency }
        if waveLength > originalContext / low { return frequency / factor }
        let smooth = (originalContext / waveLength - low) / (high - low)
        return (1 - smooth) * frequency / factor + smooth * frequency
    }
}

extension RotaryTable {
    /// Cosines and sines of all positions below `positions`, computed in double precision.
    /// - Throws: `BackendError.outOfMemory`.
    public init(
        _ configuration: ModelConfiguration, positions: Int, on backend: any ComputeBackend
    ) throws(BackendError) {
        let frequencies = configuration.rotaryFrequencies
        let half = frequencies.count
        var values = [Float](repeating: 0, count: positions * 2 * half)
        for position in 0..<positions {
            let start = position * 2 * half
            for (pair, frequency) in frequencies.enumerated() {
                let angle = Double(position) * frequency
                values[start + pair] = Float(cos(angle))
                values[start + half + pair] = Float(sin(angle))
            }
        }
        self.init(
            values: try backend.makeTensor(rows: positions, columns: 2 * half, values: values),
            pairing: configuration.rotaryPairing, rotatedDimension: configuration.rotaryDimension)
    }
}
