import RedrafterCore

extension Quantization {
    /// How many elements of a float type, or scales and minima of blocks of a quantised type, are NaN or infinite.
    ///
    /// Reads one number of each block, so that it costs little beside copying the weights.
    public static func nonFiniteCount(type: WeightType, bytes: UnsafeRawBufferPointer) -> Int {
        guard let base = bytes.baseAddress else { return 0 }
        if type == .f32 {
            var count = 0
            for index in 0..<bytes.count / 4 {
                let bits = (base + 4 * index).loadUnaligned(as: UInt32.self)
                count += bits & 0x7F80_0000 == 0x7F80_0000 ? 1 : 0
            }
            return count
        }
        let exponent: UInt16 = type == .bf16 ? 0x7F80 : 0x7C00
        var count = 0
        if type.isFloat {
            // A stride that the compiler knows: every element is read.
            for index in 0..<bytes.count / 2 {
                let bits = (base + 2 * index).loadUnaligned(as: UInt16.self)
                count += bits & exponent == exponent ? 1 : 0
            }
            return count
        }
        let stride = type.blockBytes
        for offset in halfOffsets(type) {
            for block in 0..<bytes.count / stride {
                let bits = (base + block * stride + offset).loadUnaligned(as: UInt16.self)
                count += bits & exponent == exponent ? 1 : 0
            }
        }
        return count
    }

    /// Where the 16-bit floats of a block lie.
    private static func halfOffsets(_ type: WeightType) -> [Int] {
        switch type {
        case .f32, .f16, .bf16: []
        case .q4_0, .q5_0, .q8_0: [0]
        case .q4_1, .q5_1, .q4_K, .q5_K: [0, 2]
        case .q6_K: [type.blockBytes - 2]
        }
    }
}
