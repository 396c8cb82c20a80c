import RedrafterCore

/// The elements of a stored matrix as floats, decoded block by block in the words of the format.
func elements(of type: WeightType, count: Int, in bytes: UnsafeRawBufferPointer) -> [Float] {
    var result = [Float]()
    result.reserveCapacity(count)
    for block in 0..<(count / type.blockLength) {
        let start = block * type.blockBytes
        append(
            type, Block(bytes: UnsafeRawBufferPointer(rebasing: bytes[start..<(start + type.blockBytes)])),
            to: &result)
    }
    return result
}

/// Readers of a block's fields.
private struct Block {
    let bytes: UnsafeRawBufferPointer

    func half(_ offset: Int) -> Float {
        Float(Float16(bitPattern: bytes.loadUnaligned(fromByteOffset: offset, as: UInt16.self)))
    }
    func bit(_ index: Int, from offset: Int) -> Int { Int(bytes[offset + index / 8] >> (index % 8)) & 1 }
    func low(_ offset: Int) -> Int { Int(bytes[offset] & 15) }
    func high(_ offset: Int) -> Int { Int(bytes[offset] >> 4) }
    func signed(_ offset: Int) -> Int { Int(Int8(bitPattern: bytes[offset])) }
    /// Element `index` of 32 nibbles: low ones first, then high ones.
    func nibble(_ index: Int, from offset: Int) -> Int {
        index < 16 ? low(offset + index) : high(offset + index - 16)
    }
}

private func append(_ type: WeightType, _ block: Block, to result: inout [Float]) {
    switch type {
    case .f32: result.append(block.bytes.loadUnaligned(as: Float.self))
    case .f16: result.append(block.half(0))
    case .bf16: result.append(Float(bitPattern: UInt32(block.bytes.loadUnaligned(as: UInt16.self)) << 16))
    case .q4_0:
        for index in 0..<32 { result.append(block.half(0) * Float(block.nibble(index, from: 2) - 8)) }
    case .q4_1:
        for index in 0..<32 {
            result.append(block.half(0) * Float(block.nibble(index, from: 4)) + block.half(2))
        }
    case .q5_0:
        for index in 0..<32 {
            let value = block.nibble(index, from: 6) + 16 * block.bit(index, from: 2) - 16
            result.append(block.half(0) * Float(value))
        }
    case .q5_1:
        for index in 0..<32 {
            let value = block.nibble(index, from: 8) + 16 * block.bit(index, from: 4)
            result.append(block.half(0) * Float(value) + block.half(2))
        }
    case .q8_0:
        for index in 0..<32 { result.append(block.half(0) * Float(block.signed(2 + index))) }
    case .q4_K: appendK(block, nibbles: 16, highBits: nil, to: &result)
    case .q5_K: appendK(block, nibbles: 48, highBits: 16, to: &result)
    case .q6_K: appendQ6K(block, to: &result)
    }
}

/// Q4_K and Q5_K: eight groups of 32 with 6-bit scales and minima; two groups share 32 bytes of nibbles.
private func appendK(_ block: Block, nibbles: Int, highBits: Int?, to result: inout [Float]) {
    for group in 0..<8 {
        let (scale, minimum) = scaleAndMinimum(block, group)
        for index in 0..<32 {
            let offset = nibbles + group / 2 * 32 + index
            var value = group % 2 == 0 ? block.low(offset) : block.high(offset)
            if let highBits { value += 16 * (Int(block.bytes[highBits + index] >> group) & 1) }
            result.append(block.half(0) * Float(scale) * Float(value) - block.half(2) * Float(minimum))
        }
    }
}

private func scaleAndMinimum(_ block: Block, _ group: Int) -> (Int, Int) {
    func byte(_ index: Int) -> Int { Int(block.bytes[4 + index]) }
    if group < 4 { return (byte(group) & 63, byte(group + 4) & 63) }
    return (
        (byte(group + 4) & 15) | ((byte(group - 4) >> 6) << 4),
        (byte(group + 4) >> 4) | ((byte(group) >> 6) << 4)
    )
}

/// Q6_K: 16 groups of 16 with signed 8-bit scales; low nibbles, then two high bits for each element.
private func appendQ6K(_ block: Block, to result: inout [Float]) {
    for element in 0..<256 {
        let (half, within) = (element / 128, element % 128)
        let (quarter, index) = (within / 32, within % 32)
        let offset = half * 64 + quarter % 2 * 32 + index
        let low = quarter < 2 ? block.low(offset) : block.high(offset)
        let high = Int(block.bytes[128 + half * 32 + index] >> (2 * quarter)) & 3
        let scale = block.signed(192 + half * 8 + quarter * 2 + index / 16)
        result.append(block.half(208) * Float(scale) * Float(low + 16 * high - 32))
    }
}

/// Random weights as a file would store them: random codes under scales that make elements of about ±`magnitude`.
public func randomWeight(
    _ type: WeightType, rows: Int, columns: Int, magnitude: Float = 0.1, using random: inout SeededRandom
) -> [UInt8] {
    let count = rows * columns / type.blockLength
    var bytes = [UInt8]()
    bytes.reserveCapacity(count * type.blockBytes)
    for _ in 0..<count {
        var block = (0..<type.blockBytes).map { _ in UInt8.random(in: 0...255, using: &random) }
        func set(_ value: Float, at offset: Int) {
            withUnsafeBytes(of: Float16(value).bitPattern) {
                block.replaceSubrange(offset..<(offset + 2), with: $0)
            }
        }
        let scale = magnitude * Float.random(in: 0.5...1.5, using: &random)
        let value = Float.random(in: -magnitude...magnitude, using: &random)
        switch type {
        case .f32: block = withUnsafeBytes(of: value) { Array($0) }
        case .f16: set(value, at: 0)
        case .bf16: block = withUnsafeBytes(of: UInt16(value.bitPattern >> 16)) { Array($0) }
        case .q4_0: set(scale / 8, at: 0)
        case .q5_0: set(scale / 16, at: 0)
        case .q8_0: set(scale / 128, at: 0)
        case .q4_1:
            set(scale / 8, at: 0)
            set(-scale, at: 2)
        case .q5_1:
            set(scale / 16, at: 0)
            set(-scale, at: 2)
        case .q4_K:
            set(scale / 8 / 32, at: 0)
            set(scale / 32, at: 2)
        case .q5_K:
            set(scale / 16 / 32, at: 0)
            set(scale / 32, at: 2)
        case .q6_K: set(scale / 32 / 64, at: 208)
        }
        bytes.append(contentsOf: block)
    }
    return bytes
}
