import CPUBackend
import RedrafterCore

/// A small generator with a fixed sequence for each seed.
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed &* 0x9E37_79B9_7F4A_7C15 &+ 1 }

    mutating func next() -> UInt64 {
        state ^= state << 13
        state ^= state >> 7
        state ^= state << 17
        return state &* 0x2545_F491_4F6C_DD1D
    }

    mutating func float(_ range: ClosedRange<Float>) -> Float {
        range.lowerBound + (range.upperBound - range.lowerBound) * Float(next() >> 40) / Float(1 << 24)
    }
}

/// Random blocks of a weight type as they lie in a file, with scales between 2⁻⁶ and 2⁻³.
func randomWeightBytes(_ type: WeightType, rows: Int, columns: Int, seed: UInt64) -> [UInt8] {
    var generator = SeededGenerator(seed: seed)
    let blocks = rows * columns / type.blockLength
    var bytes = (0..<blocks * type.blockBytes).map { _ in UInt8(truncatingIfNeeded: generator.next() >> 32) }
    func put(_ value: Float, at offset: Int) {
        let bits = value.bitPattern
        let half = UInt16((bits >> 16) & 0x8000) | UInt16(((bits & 0x7fff_ffff) - (112 << 23)) >> 13)
        bytes[offset] = UInt8(half & 255)
        bytes[offset + 1] = UInt8(half >> 8)
    }
    for block in 0..<blocks {
        let at = block * type.blockBytes
        let scale = generator.float(0.02...0.12), minimum = generator.float(0.02...0.12)
        switch type {
        case .f32:
            let bits = generator.float(-1...1).bitPattern
            for i in 0..<4 { bytes[at + i] = UInt8(truncatingIfNeeded: bits >> (8 * UInt32(i))) }
        case .f16: put(generator.float(0.1...1), at: at)
        case .bf16:
            let bits = generator.float(-1...1).bitPattern >> 16
            bytes[at] = UInt8(bits & 255)
            bytes[at + 1] = UInt8(bits >> 8)
        case .q4_0, .q5_0, .q8_0: put(scale, at: at)
        case .q4_1, .q5_1:
            put(scale, at: at)
            put(-minimum, at: at + 2)
        case .q4_K, .q5_K:
            put(scale / 16, at: at)
            put(minimum / 16, at: at + 2)
        case .q6_K: put(scale / 16, at: at + 208)
        }
    }
    return bytes
}

extension CPUBackend {
    func weight(_ type: WeightType, rows: Int, columns: Int, seed: UInt64) throws -> any WeightHandle {
        let bytes = randomWeightBytes(type, rows: rows, columns: columns, seed: seed)
        return try bytes.withUnsafeBytes { bytes throws(BackendError) in
            try makeWeight(type: type, rows: rows, columns: columns, bytes: bytes)
        }
    }

    func randomTensor(rows: Int, columns: Int, seed: UInt64) throws -> Tensor {
        var generator = SeededGenerator(seed: seed)
        return try makeTensor(
            rows: rows, columns: columns, values: (0..<rows * columns).map { _ in generator.float(-2...2) })
    }

    func values(_ tensor: Tensor) throws -> [Float] {
        try makeStream().withValues(tensor) { Array($0) }
    }
}

/// Where two lists of floats first differ in their bits (which tells −0 from 0 and sees NaN); nil when they do not.
func firstDifference(_ a: some Collection<Float>, _ b: some Collection<Float>) -> Int? {
    guard a.count == b.count else { return min(a.count, b.count) }
    return zip(a, b).enumerated().first { $1.0.bitPattern != $1.1.bitPattern }?.offset
}
