// Blocks of 32 elements. Low nibbles hold elements 0…15, high nibbles elements 16…31; `d` and `m` are F16.
//
//     Q4_0  d | 16 bytes of nibbles                        d · (q − 8)
//     Q4_1  d | m | 16 bytes of nibbles                    d · q + m
//     Q5_0  d | 4 bytes of fifth bits | 16 of nibbles      d · (q − 16)
//     Q5_1  d | m | 4 bytes of fifth bits | 16 of nibbles  d · q + m
//     Q8_0  d | 32 signed bytes                            d · q
extension Quantization {
    static func decodeQ4(_ block: UnsafeRawPointer, _ output: UnsafeMutablePointer<Float>) {
        let scale = block.scale(0)
        for index in 0..<16 {
            let byte = block.byte(2 + index)
            output[index] = scale * Float(Int32(byte & 15) &- 8)
            output[index + 16] = scale * Float(Int32(byte >> 4) &- 8)
        }
    }

    static func decodeQ4Offset(_ block: UnsafeRawPointer, _ output: UnsafeMutablePointer<Float>) {
        let scale = block.scale(0)
        let minimum = block.scale(2)
        for index in 0..<16 {
            let byte = block.byte(4 + index)
            output[index] = scale * Float(Int32(byte & 15)) + minimum
            output[index + 16] = scale * Float(Int32(byte >> 4)) + minimum
        }
    }

    static func decodeQ5(_ block: UnsafeRawPointer, _ output: UnsafeMutablePointer<Float>) {
        let scale = block.scale(0)
        let high = fifthBits(block, at: 2)
        for index in 0..<16 {
            let byte = Int32(block.byte(6 + index))
            let low = byte & 15 | (high >> Int32(index) & 1) << 4
            let upper = byte >> 4 | (high >> Int32(index + 16) & 1) << 4
            output[index] = scale * Float(low &- 16)
            output[index + 16] = scale * Float(upper &- 16)
        }
    }

    static func decodeQ5Offset(_ block: UnsafeRawPointer, _ output: UnsafeMutablePointer<Float>) {
        let scale = block.scale(0)
        let minimum = block.scale(2)
        let high = fifthBits(block, at: 4)
        for index in 0..<16 {
            let byte = Int32(block.byte(8 + index))
            let low = byte & 15 | (high >> Int32(index) & 1) << 4
            let upper = byte >> 4 | (high >> Int32(index + 16) & 1) << 4
            output[index] = scale * Float(low) + minimum
            output[index + 16] = scale * Float(upper) + minimum
        }
    }

    static func decodeQ8(_ block: UnsafeRawPointer, _ output: UnsafeMutablePointer<Float>) {
        let scale = block.scale(0)
        for index in 0..<32 {
            output[index] = scale * Float(Int32(Int8(bitPattern: block.byte(2 + index))))
        }
    }

    /// Bit `i` is the fifth bit of element `i`.
    @inline(__always)
    private static func fifthBits(_ block: UnsafeRawPointer, at offset: Int) -> Int32 {
        Int32(littleEndian: block.loadUnaligned(fromByteOffset: offset, as: Int32.self))
    }
}

// Super-blocks of 256 elements.
//
//     Q4_K  d | dmin | 12 bytes: 8 scales and 8 minima of 6 bits | 128 bytes of nibbles
//     Q5_K  d | dmin | 12 bytes as above | 32 bytes of fifth bits | 128 bytes of nibbles
//           (d · scale) · q − (dmin · minimum), in groups of 32: low nibbles of 32 bytes, then their high ones
//     Q6_K  128 bytes of low nibbles | 64 bytes of upper bit pairs | 16 signed scales | d
//           (d · scale) · (q − 32), in groups of 16
extension Quantization {
    static func decodeQ4K(_ block: UnsafeRawPointer, _ output: UnsafeMutablePointer<Float>) {
        let scale = block.scale(0)
        let minimumScale = block.scale(2)
        for group in 0..<8 {
            let (factor, minimum) = sixBitPair(block + 4, group)
            let multiplier = scale * factor
            let offset = minimumScale * minimum
            let nibbles = block + 16 + 32 * (group / 2)
            let shift = UInt8(4 * (group % 2))
            for index in 0..<32 {
                let quant = Float(Int32(nibbles.byte(index) &>> shift & 15))
                output[32 * group + index] = multiplier * quant - offset
            }
        }
    }

    static func decodeQ5K(_ block: UnsafeRawPointer, _ output: UnsafeMutablePointer<Float>) {
        let scale = block.scale(0)
        let minimumScale = block.scale(2)
        for group in 0..<8 {
            let (factor, minimum) = sixBitPair(block + 4, group)
            let multiplier = scale * factor
            let offset = minimumScale * minimum
            let high = block + 16
            let nibbles = block + 48 + 32 * (group / 2)
            let shift = UInt8(4 * (group % 2))
            for index in 0..<32 {
                let fifth = high.byte(index) &>> UInt8(group) & 1
                let quant = nibbles.byte(index) &>> shift & 15 | fifth << 4
                output[32 * group + index] = multiplier * Float(Int32(quant)) - offset
            }
        }
    }

    static func decodeQ6K(_ block: UnsafeRawPointer, _ output: UnsafeMutablePointer<Float>) {
        let scale = block.scale(208)
        for group in 0..<16 {
            let multiplier = scale * Float(Int32(Int8(bitPattern: block.byte(192 + group))))
            // A half of 128 elements shares 64 bytes of nibbles and 32 of bit pairs: two quarters in the low nibbles,
            // two in the high ones, one pair of bits of each byte for each quarter.
            let half = group / 8
            let quarter = group % 8 / 2
            let within = 16 * (group % 2)
            let nibbles = block + 64 * half + 32 * (quarter % 2) + within
            let pairs = block + 128 + 32 * half + within
            let shift = UInt8(4 * (quarter / 2))
            for index in 0..<16 {
                let upper = pairs.byte(index) &>> UInt8(2 * quarter) & 3
                let quant = nibbles.byte(index) &>> shift & 15 | upper << 4
                output[16 * group + index] = multiplier * Float(Int32(quant) &- 32)
            }
        }
    }

    /// Scale and minimum of a group: the first four lie whole in bytes 0…7, the others are split between nibbles of
    /// bytes 8…11 and the upper bit pairs of bytes 0…7.
    @inline(__always)
    private static func sixBitPair(_ packed: UnsafeRawPointer, _ group: Int) -> (Float, Float) {
        let scale: UInt8
        let minimum: UInt8
        if group < 4 {
            scale = packed.byte(group) & 63
            minimum = packed.byte(group + 4) & 63
        } else {
            let rest = packed.byte(group + 4)
            scale = rest & 15 | (packed.byte(group - 4) >> 6) << 4
            minimum = rest >> 4 | (packed.byte(group) >> 6) << 4
        }
        return (Float(Int32(scale)), Float(Int32(minimum)))
    }
}
