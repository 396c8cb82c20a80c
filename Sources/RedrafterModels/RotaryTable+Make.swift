import RedrafterCore
import RedrafterPlatform

extension ModelConfiguration {
    /// Angle per position of each pair of elements, in radians, of a context of the whole length. `[rotaryDimension / 2]`
    public var rotaryFrequencies: [Double] { rotaryFrequencies(context: contextLength) }

    /// Angle per position of each pair of elements, in radians. `[rotaryDimension / 2]`
    /// - Parameter context: tokens that a text can have; LongRoPE has other frequencies for more than the original context.
    public func rotaryFrequencies(context: Int) -> [Double] {
        let plain = RotaryTable.frequencies(base: Double(rotaryBase), headDimension: rotaryDimension)
        func divided(by divisors: [Float]) -> [Double] {
            plain.enumerated().map { pair, frequency in
                divisors.indices.contains(pair) ? frequency / Double(divisors[pair]) : frequency
            }
        }
        switch rotaryScaling {
        case .none, .dynamic: return plain
        case .linear(let factor): return plain.map { $0 / Double(factor) }
        case .divisors(let divisors): return divided(by: divisors)
        case .longRope(let short, let long, let originalContext, _):
            return divided(by: context > originalContext ? long : short)
        case .llama3(let factor, let low, let high, let originalContext):
            return plain.map {
                Self.llama3(
                    $0, factor: Double(factor), low: Double(low), high: Double(high),
                    originalContext: Double(originalContext))
            }
        case .yarn(let factor, let fast, let slow, let originalContext, _, let roundsToPairs):
            return yarn(
                plain, factor: Double(factor), fast: Double(fast), slow: Double(slow),
                originalContext: Double(originalContext), roundsToPairs: roundsToPairs)
        }
    }

    /// Factor of all cosines and sines.
    var rotaryMagnitude: Float {
        switch rotaryScaling {
        case .none, .linear, .dynamic, .llama3, .divisors: rotaryFactor
        case .yarn(_, _, _, _, let magnitude, _), .longRope(_, _, _, let magnitude): rotaryFactor * magnitude
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

    /// YaRN, section 3.2: the ramp runs over pairs, from the one that turns `fast` times to the one that turns `slow` times.
    private func yarn(
        _ plain: [Double], factor: Double, fast: Double, slow: Double, originalContext: Double,
        roundsToPairs: Bool
    ) -> [Double] {
        /// The pair that turns so many times within the original context.
        func pair(turning turns: Double) -> Double {
            Double(rotaryDimension) * log(originalContext / (turns * 2 * Double.pi))
                / (2 * log(Double(rotaryBase)))
        }
        var (first, last) = (pair(turning: fast), pair(turning: slow))
        if roundsToPairs { (first, last) = (first.rounded(.down), last.rounded(.up)) }
        first = max(first, 0)
        last = min(last, Double(rotaryDimension - 1))
        // A ramp of no length is a step.
        let length = first == last ? 0.001 : last - first
        return plain.enumerated().map { pair, frequency in
            let stretched = min(max((Double(pair) - first) / length, 0), 1)
            return frequency / factor * stretched + frequency * (1 - stretched)
        }
    }
}

/// The rotary tables of a model, one for each way in which its layers see positions.
struct RotaryTables {
    private var tables = [LayerKind.Positions: RotaryTable]()

    /// For all positions below `positions`.
    /// - Throws: `BackendError.outOfMemory`.
    init(
        _ configuration: ModelConfiguration, positions: Int, on backend: any ComputeBackend
    ) throws(BackendError) {
        for kind in Set(configuration.layerKinds.map(\.positions)) {
            let plain = { (base: Float) in
                RotaryTable.frequencies(base: Double(base), headDimension: configuration.rotaryDimension)
            }
            let frequencies =
                switch kind {
                case .rotary: configuration.rotaryFrequencies(context: positions)
                case .localRotary: plain(configuration.localRotaryBase ?? configuration.rotaryBase)
                // A turn by no angle leaves every bit as it is.
                case .none: [Double](repeating: 0, count: configuration.rotaryDimension / 2)
                }
            tables[kind] = try RotaryTable(
                frequencies: frequencies, magnitude: kind == .rotary ? configuration.rotaryMagnitude : 1,
                positions: positions, pairing: configuration.rotaryPairing, on: backend)
        }
    }

    subscript(kind: LayerKind.Positions) -> RotaryTable {
        guard let table = tables[kind] else { preconditionFailure("no layer sees positions by \(kind)") }
        return table
    }

    /// Bytes that they take.
    static func byteCount(_ configuration: ModelConfiguration, positions: Int) -> CheckedSize {
        let kinds = Set(configuration.layerKinds.map(\.positions)).count
        return CheckedSize(positions) * configuration.rotaryDimension * (4 * kinds)
    }
}
