extension Float {
    /// The value of an IEEE half-precision number given by its bits. Exact; NaNs keep their payload.
    public init(halfBits bits: UInt16) {
        let sign = UInt32(bits & 0x8000) << 16
        let magnitude = UInt32(bits & 0x7FFF)
        if magnitude >= 0x7C00 {
            self.init(bitPattern: sign | 0x7F80_0000 | (magnitude & 0x03FF) << 13)
        } else if magnitude >= 0x0400 {
            self.init(bitPattern: sign | (magnitude << 13 &+ 112 << 23))
        } else {
            // A subnormal is a multiple of 2⁻²⁴, the last bit of a float at 0.5.
            let value = Float(bitPattern: 126 << 23 | magnitude) - 0.5
            self.init(bitPattern: sign | value.bitPattern)
        }
    }

    /// The bits of the nearest half-precision number, ties to even; what exceeds 65504 becomes infinity.
    public var halfBits: UInt16 {
        let bits = bitPattern
        let sign = UInt16(truncatingIfNeeded: bits >> 16) & 0x8000
        let magnitude = bits & 0x7FFF_FFFF
        if magnitude >= 0x4780_0000 {  // 65536 and above, infinity, NaN
            guard magnitude > 0x7F80_0000 else { return sign | 0x7C00 }
            return sign | 0x7E00 | UInt16(truncatingIfNeeded: magnitude >> 13) & 0x03FF
        }
        if magnitude < 0x3880_0000 {  // below 2⁻¹⁴: adding 0.5 rounds to a multiple of 2⁻²⁴
            let rounded = (Float(bitPattern: magnitude) + 0.5).bitPattern &- 126 << 23
            return sign | UInt16(truncatingIfNeeded: rounded)
        }
        let odd = magnitude >> 13 & 1
        return sign | UInt16(truncatingIfNeeded: (magnitude &- 112 << 23 &+ 0x0FFF &+ odd) >> 13)
    }

    /// The value of a bfloat16 number given by its bits. Exact.
    public init(bfloatBits bits: UInt16) { self.init(bitPattern: UInt32(bits) << 16) }

    /// The bits of the nearest bfloat16 number, ties to even; NaNs stay NaN and become quiet.
    public var bfloatBits: UInt16 {
        let bits = bitPattern
        if bits & 0x7FFF_FFFF > 0x7F80_0000 { return UInt16(truncatingIfNeeded: bits >> 16) | 0x0040 }
        return UInt16(truncatingIfNeeded: (bits &+ 0x7FFF &+ (bits >> 16 & 1)) >> 16)
    }
}
