/// SplitMix64: small, seeded, the same everywhere.
public struct SplitMix: RandomNumberGenerator, Sendable {
    /// All of the generator's state: what a checkpoint keeps.
    public private(set) var state: UInt64

    public init(state: UInt64) { self.state = state }

    /// A generator for one of many streams under one seed.
    public init(seed: UInt64, stream: UInt64) {
        var mixer = SplitMix(state: seed)
        state = mixer.next() ^ (stream &+ 1) &* Self.gamma
        _ = next()
    }

    private static let gamma: UInt64 = 0x9E37_79B9_7F4A_7C15

    /// The generator after so many more numbers.
    func advanced(by count: Int) -> SplitMix {
        SplitMix(state: state &+ UInt64(truncatingIfNeeded: count) &* Self.gamma)
    }

    public mutating func next() -> UInt64 {
        state &+= Self.gamma
        var bits = state
        bits = (bits ^ bits >> 30) &* 0xBF58_476D_1CE4_E5B9
        bits = (bits ^ bits >> 27) &* 0x94D0_49BB_1331_11EB
        return bits ^ bits >> 31
    }

    /// A number in [0, 1).
    public mutating func unit() -> Double { Double(next() >> 11) * 0x1p-53 }
}
