import RedrafterCore
import RedrafterPlatform

extension ModelConfiguration {
    /// Angle per position of each pair of elements, in radians. `[rotaryDimension / 2]`
    public var rotaryFrequencies: [Double] {
        let plain = RotaryTable.frequencies(base: Double(rotaryBase), headDimension: rotaryDimension)
        return plain.enumerated().map { pair, frequency in
            switch rotaryScaling {
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
    /// The model's, of all positions below `positions`.
    /// - Throws: `BackendError.outOfMemory`.
    public init(
        _ configuration: ModelConfiguration, positions: Int, on backend: any ComputeBackend
    ) throws(BackendError) {
        try self.init(
            frequencies: configuration.rotaryFrequencies, positions: positions,
            pairing: configuration.rotaryPairing, on: backend)
    }
}
