import RedrafterPlatform

/// Gumbel noise as a pure function of (seed, position, token).
///
/// The token with the largest `log p + noise` is a sample of `p`. As the noise knows nothing of batches, trees or drafters,
/// the text for a seed is the same however it was computed (drafter-invariant decoding, arXiv 2408.07978).
public struct GumbelNoise: Sendable {
    private let key: UInt64

    /// Noise of one position of the text (the number of tokens before the one to choose).
    public init(seed: UInt64, position: Int) {
        // Two rounds, so that neighbouring seeds and positions have unrelated keys.
        let seedKey = Self.mixed(seed &+ 0x9E37_79B9_7F4A_7C15)
        key = Self.mixed(seedKey ^ Self.mixed(UInt64(bitPattern: Int64(position)) &+ 0xD1B5_4A32_D192_ED03))
    }

    /// The noise of a token: −ln(−ln u) with u uniform on (0, 1), about −3.7 to 37.5.
    public func callAsFunction(_ token: Int32) -> Double { Self.noise(fromBits: bits(token)) }

    /// The token's 64 random bits. The noise grows as they fall.
    func bits(_ token: Int32) -> UInt64 {
        // SplitMix64: a counter times the golden ratio, finalised.
        Self.mixed(key &+ (UInt64(UInt32(bitPattern: token)) &+ 1) &* 0x9E37_79B9_7F4A_7C15)
    }

    static func noise(fromBits bits: UInt64) -> Double {
        // w = 1 − u in steps of 2⁻⁵³, never 0 or 1; log1p keeps the upper tail exact.
        let w = (Double(bits >> 11) + 0.5) * 0x1p-53
        return -log(-log1p(-w))
    }

    /// A bound on the noise that needs no logarithm: w ≥ 2^−(z+1) for z leading zero bits, and −ln(−ln(1−w)) ≤ −ln w.
    static func upperBound(fromBits bits: UInt64) -> Double {
        Double(min(bits.leadingZeroBitCount, 53) + 1) * 0.693_147_180_559_945_4 + 1e-9
    }

    private static func mixed(_ value: UInt64) -> UInt64 {
        var z = value
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}
