import RedrafterCore
import RedrafterFormats

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
            withUnsafeBytes(of: value.halfBits) {
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
