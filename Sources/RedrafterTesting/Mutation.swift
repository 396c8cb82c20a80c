/// Seeded damage to bytes, for tests that readers survive anything.
public struct Mutation: Sendable {
    private var random: SeededRandom
    /// Values that break arithmetic, for fields of up to 8 bytes.
    public static let extremes: [UInt64] = [
        0, 1, .max, 1 << 31, (1 << 31) - 1, (1 << 32) - 1, 1 << 32, 1 << 62, (1 << 63) - 1, 1 << 63, 1 << 61,
        31, 33,
    ]

    public init(seed: UInt64) { random = SeededRandom(seed: seed) }

    /// One to four changes: flipped bits, changed, inserted, removed, repeated and spliced bytes, extreme numbers.
    public mutating func apply(to bytes: [UInt8]) -> [UInt8] {
        var result = bytes
        for _ in 0..<Int.random(in: 1...4, using: &random) { change(&result) }
        return result
    }

    private mutating func change(_ bytes: inout [UInt8]) {
        guard !bytes.isEmpty else {
            bytes = [UInt8.random(in: 0...255, using: &random)]
            return
        }
        // Most of a file's meaning is in front.
        let limit = Bool.random(using: &random) ? bytes.count : min(bytes.count, 512)
        let position = Int.random(in: 0..<limit, using: &random)
        let length = min(Int.random(in: 1...16, using: &random), bytes.count - position)
        switch Int.random(in: 0..<8, using: &random) {
        case 0: bytes[position] ^= 1 << UInt8.random(in: 0..<8, using: &random)
        case 1: bytes[position] = UInt8.random(in: 0...255, using: &random)
        case 2:
            bytes.insert(
                contentsOf: (0..<length).map { _ in UInt8.random(in: 0...255, using: &random) }, at: position)
        case 3: bytes.removeSubrange(position..<position + length)
        case 4: bytes.insert(contentsOf: bytes[position..<position + length], at: position)
        case 5:
            let from = Int.random(in: 0...bytes.count - length, using: &random)
            bytes.replaceSubrange(position..<position + length, with: bytes[from..<from + length])
        case 6:
            let width = [1, 2, 4, 8].randomElement(using: &random) ?? 8
            let value = Self.extremes.randomElement(using: &random) ?? 0
            for index in 0..<min(width, bytes.count - position) {
                bytes[position + index] = UInt8(truncatingIfNeeded: value >> (8 * UInt64(index)))
            }
        default: bytes.removeLast(Int.random(in: 1...bytes.count, using: &random))
        }
    }
}
