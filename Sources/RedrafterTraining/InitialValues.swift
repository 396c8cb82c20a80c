/// Seeded numbers for parameters (SplitMix64): the same on every machine.
public struct InitialValues {
    private var state: UInt64

    public init(seed: UInt64) { state = seed }

    /// The next number of a uniform distribution with mean 0.
    public mutating func next(deviation: Float) -> Float {
        state &+= 0x9e37_79b9_7f4a_7c15
        var bits = state
        bits = (bits ^ (bits >> 30)) &* 0xbf58_476d_1ce4_e5b9
        bits = (bits ^ (bits >> 27)) &* 0x94d0_49bb_1331_11eb
        bits ^= bits >> 31
        let unit = Float(bits >> 40) * 0x1p-24  // [0, 1)
        // A uniform distribution of width w has the standard deviation w / √12.
        return (unit - 0.5) * deviation * Float(12).squareRoot()
    }

    /// Fills a range of a flat array.
    public mutating func fill(_ values: inout [Float], _ range: Range<Int>, deviation: Float) {
        for index in range { values[index] = next(deviation: deviation) }
    }
}
