import RedrafterCore

/// Conversion between float values and the blocks in which files store them.
///
/// Decoding covers every `WeightType` and gives the same floats, bit for bit, as ggml's reference. Encoding covers
/// `writableTypes` and gives the same bytes as ggml's reference rounding. No value traps: NaN and infinity in the
/// values give a block of unspecified content.
public enum Quantization {
    /// Types that `quantize` can write; the K-quants can only be read.
    public static let writableTypes: [WeightType] = [.f32, .f16, .bf16, .q8_0, .q4_0, .q4_1, .q5_0, .q5_1]

    /// The largest magnitude whose value, or whose block's scale, is finite in half precision; infinity where the type has its
    /// range.
    package static func largestMagnitude(of type: WeightType) -> Float {
        switch type {
        case .f16, .q4_1, .q5_1: 65_504
        case .q4_0: 65_504 * 8
        case .q5_0: 65_504 * 16
        case .q8_0: 65_504 * 127
        case .f32, .bf16, .q4_K, .q5_K, .q6_K: .infinity
        }
    }

    /// Decodes rows of any type, one behind the other as in a file.
    ///
    /// `bytes` needs no alignment. Its count must be what `output.count` elements take (a multiple of the block).
    public static func dequantize(
        type: WeightType, bytes: UnsafeRawBufferPointer, into output: UnsafeMutableBufferPointer<Float>
    ) {
        guard let blocks = blockCount(type, elements: output.count, bytes: bytes.count),
            let source = bytes.baseAddress, let target = output.baseAddress
        else { return }
        switch type {
        case .f32:
            target.withMemoryRebound(to: UInt8.self, capacity: bytes.count) { raw in
                UnsafeMutableRawPointer(raw).copyMemory(from: source, byteCount: bytes.count)
            }
        case .f16:
            for index in 0..<blocks { target[index] = Float(halfBits: source.half(2 * index)) }
        case .bf16:
            for index in 0..<blocks { target[index] = Float(bfloatBits: source.half(2 * index)) }
        default:
            for index in 0..<blocks {
                decodeBlock(type, source + index * type.blockBytes, target + index * type.blockLength)
            }
        }
    }

    /// Encodes rows into one of `writableTypes`.
    ///
    /// `values.count` must be a multiple of the block, and `output.count` the bytes those take; rows whose length is a
    /// multiple of the block can therefore be encoded together.
    /// - Throws: `FormatError.cannotQuantize` for the K-quants.
    public static func quantize(
        type: WeightType, values: UnsafeBufferPointer<Float>, into output: UnsafeMutableRawBufferPointer
    ) throws(FormatError) {
        guard writableTypes.contains(type) else {
            throw .cannotQuantize(
                type: type.name, supported: writableTypes.map(\.name).joined(separator: ", "))
        }
        guard let blocks = blockCount(type, elements: values.count, bytes: output.count),
            let source = values.baseAddress, let target = output.baseAddress
        else { return }
        switch type {
        case .f32: target.copyMemory(from: source, byteCount: output.count)
        case .f16:
            for index in 0..<blocks { target.storeHalf(source[index].halfBits, at: 2 * index) }
        case .bf16:
            for index in 0..<blocks { target.storeHalf(source[index].bfloatBits, at: 2 * index) }
        default:
            for index in 0..<blocks {
                encodeBlock(type, source + index * type.blockLength, target + index * type.blockBytes)
            }
        }
    }

    /// Blocks of `elements`; nil when there are none. Sizes that do not belong together are a broken invariant.
    private static func blockCount(_ type: WeightType, elements: Int, bytes: Int) -> Int? {
        precondition(
            type.rowBytes(columns: elements) == bytes,
            "\(elements) elements of \(type.name) do not take \(bytes) bytes")
        return elements == 0 ? nil : elements / type.blockLength
    }

    @inline(__always)
    private static func decodeBlock(
        _ type: WeightType, _ block: UnsafeRawPointer, _ output: UnsafeMutablePointer<Float>
    ) {
        switch type {
        case .f32, .f16, .bf16: break
        case .q4_0: decodeQ4(block, output)
        case .q4_1: decodeQ4Offset(block, output)
        case .q5_0: decodeQ5(block, output)
        case .q5_1: decodeQ5Offset(block, output)
        case .q8_0: decodeQ8(block, output)
        case .q4_K: decodeQ4K(block, output)
        case .q5_K: decodeQ5K(block, output)
        case .q6_K: decodeQ6K(block, output)
        }
    }

    @inline(__always)
    private static func encodeBlock(
        _ type: WeightType, _ values: UnsafePointer<Float>, _ block: UnsafeMutableRawPointer
    ) {
        switch type {
        case .f32, .f16, .bf16, .q4_K, .q5_K, .q6_K: break
        case .q4_0: encodeQ4(values, block)
        case .q4_1: encodeQ4Offset(values, block)
        case .q5_0: encodeQ5(values, block)
        case .q5_1: encodeQ5Offset(values, block)
        case .q8_0: encodeQ8(values, block)
        }
    }
}

extension UnsafeRawPointer {
    @inline(__always)
    func byte(_ offset: Int) -> UInt8 { load(fromByteOffset: offset, as: UInt8.self) }

    @inline(__always)
    func half(_ offset: Int) -> UInt16 {
        UInt16(littleEndian: loadUnaligned(fromByteOffset: offset, as: UInt16.self))
    }

    /// A half-precision number as a float.
    @inline(__always)
    func scale(_ offset: Int) -> Float { Float(halfBits: half(offset)) }
}

extension UnsafeMutableRawPointer {
    @inline(__always)
    func storeByte(_ value: UInt8, at offset: Int) {
        storeBytes(of: value, toByteOffset: offset, as: UInt8.self)
    }

    @inline(__always)
    func storeHalf(_ value: UInt16, at offset: Int) {
        storeBytes(of: value.littleEndian, toByteOffset: offset, as: UInt16.self)
    }
}
