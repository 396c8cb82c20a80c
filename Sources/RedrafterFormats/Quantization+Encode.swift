// The reference rounding of ggml; layouts are drawn beside the decoders. Scales are rounded to F16 only when they are
// stored: the quants are chosen with the scale as computed.
extension Quantization {
    static func encodeQ4(_ values: UnsafePointer<Float>, _ block: UnsafeMutableRawPointer) {
        let scale = signedExtreme(values) / -8
        let inverse = reciprocal(scale)
        block.storeHalf(scale.halfBits, at: 0)
        for index in 0..<16 {
            let low = clamped(values[index] * inverse + 8.5, to: 15)
            let high = clamped(values[index + 16] * inverse + 8.5, to: 15)
            block.storeByte(low | high << 4, at: 2 + index)
        }
    }

    static func encodeQ4Offset(_ values: UnsafePointer<Float>, _ block: UnsafeMutableRawPointer) {
        let (minimum, maximum) = bounds(values)
        let scale = (maximum - minimum) / 15
        let inverse = reciprocal(scale)
        block.storeHalf(scale.halfBits, at: 0)
        block.storeHalf(minimum.halfBits, at: 2)
        for index in 0..<16 {
            let low = clamped((values[index] - minimum) * inverse + 0.5, to: 15)
            let high = clamped((values[index + 16] - minimum) * inverse + 0.5, to: 15)
            block.storeByte(low | high << 4, at: 4 + index)
        }
    }

    static func encodeQ5(_ values: UnsafePointer<Float>, _ block: UnsafeMutableRawPointer) {
        let scale = signedExtreme(values) / -16
        let inverse = reciprocal(scale)
        block.storeHalf(scale.halfBits, at: 0)
        storeFives(block, bitsAt: 2) { clamped(values[$0] * inverse + 16.5, to: 31) }
    }

    static func encodeQ5Offset(_ values: UnsafePointer<Float>, _ block: UnsafeMutableRawPointer) {
        let (minimum, maximum) = bounds(values)
        let scale = (maximum - minimum) / 31
        let inverse = reciprocal(scale)
        block.storeHalf(scale.halfBits, at: 0)
        block.storeHalf(minimum.halfBits, at: 2)
        storeFives(block, bitsAt: 4) { clamped((values[$0] - minimum) * inverse + 0.5, to: 31) }
    }

    static func encodeQ8(_ values: UnsafePointer<Float>, _ block: UnsafeMutableRawPointer) {
        var largest: Float = 0
        for index in 0..<32 { largest = max(largest, abs(values[index])) }
        let scale = largest / 127
        let inverse = reciprocal(scale)
        block.storeHalf(scale.halfBits, at: 0)
        for index in 0..<32 {
            let scaled = values[index] * inverse
            let magnitude = clamped(roundedAway(abs(scaled)), to: 127)
            block.storeByte(scaled < 0 ? 0 &- magnitude : magnitude, at: 2 + index)
        }
    }

    /// Stores 32 five-bit quants: their fifth bits, then their nibbles.
    @inline(__always)
    private static func storeFives(
        _ block: UnsafeMutableRawPointer, bitsAt offset: Int, _ quant: (Int) -> UInt8
    ) {
        var fifthBits: UInt32 = 0
        for index in 0..<16 {
            let low = quant(index)
            let high = quant(index + 16)
            fifthBits |= UInt32(low >> 4) << UInt32(index) | UInt32(high >> 4) << UInt32(index + 16)
            block.storeByte(low & 15 | high << 4, at: offset + 4 + index)
        }
        block.storeBytes(of: fifthBits.littleEndian, toByteOffset: offset, as: UInt32.self)
    }

    /// The first value of largest magnitude, with its sign.
    @inline(__always)
    private static func signedExtreme(_ values: UnsafePointer<Float>) -> Float {
        var extreme = values[0]
        for index in 1..<32 where abs(values[index]) > abs(extreme) { extreme = values[index] }
        return extreme
    }

    @inline(__always)
    private static func bounds(_ values: UnsafePointer<Float>) -> (minimum: Float, maximum: Float) {
        var minimum = values[0]
        var maximum = values[0]
        for index in 1..<32 {
            if values[index] < minimum { minimum = values[index] }
            if values[index] > maximum { maximum = values[index] }
        }
        return (minimum, maximum)
    }

    @inline(__always)
    private static func reciprocal(_ scale: Float) -> Float { scale == 0 ? 0 : 1 / scale }

    /// Nearest integer of a value that is not negative, halves up; exact, unlike adding 0.5.
    @inline(__always)
    private static func roundedAway(_ value: Float) -> Float {
        let floored = value.rounded(.down)
        return value - floored >= 0.5 ? floored + 1 : floored
    }

    /// The integral part within 0…limit; NaN gives 0.
    @inline(__always)
    private static func clamped(_ value: Float, to limit: UInt8) -> UInt8 {
        guard value >= 1 else { return 0 }
        return value < Float(limit) ? UInt8(value) : limit
    }
}
