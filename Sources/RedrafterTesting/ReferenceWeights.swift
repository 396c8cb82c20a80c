import RedrafterCore

/// The elements of a stored matrix as floats.
func elements(of type: WeightType, count: Int, in bytes: UnsafeRawBufferPointer) -> [Float] {
    switch type {
    case .f32: (0..<count).map { bytes.loadUnaligned(fromByteOffset: 4 * $0, as: Float.self) }
    case .bf16:
        (0..<count).map {
            Float(bitPattern: UInt32(bytes.loadUnaligned(fromByteOffset: 2 * $0, as: UInt16.self)) << 16)
        }
    case .f16:
        (0..<count).map {
            Float(Float16(bitPattern: bytes.loadUnaligned(fromByteOffset: 2 * $0, as: UInt16.self)))
        }
    default: preconditionFailure("\(type.name) is not dequantised yet")
    }
}
