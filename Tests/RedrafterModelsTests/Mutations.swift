/// A small seeded generator and the damage it does to bytes.
struct Mutations: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var value = state
        value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
        return value ^ (value >> 31)
    }

    mutating func below(_ limit: Int) -> Int { Int.random(in: 0..<max(1, limit), using: &self) }

    /// The bytes with up to four places flipped, cut out, doubled or overwritten with a telling piece.
    mutating func damage(_ bytes: [UInt8], pieces: [String]) -> [UInt8] {
        var result = bytes
        for _ in 0...below(4) where !result.isEmpty {
            let at = below(result.count)
            let end = min(result.count, at + 1 + below(16))
            switch below(6) {
            case 0: result[at] ^= 1 << UInt8(below(8))
            case 1: result[at] = UInt8(truncatingIfNeeded: next())
            case 2: result.removeSubrange(at..<end)
            case 3: result.insert(contentsOf: result[at..<end], at: at)
            case 4: result.replaceSubrange(at..<end, with: pieces[below(pieces.count)].utf8)
            default: result.insert(contentsOf: pieces[below(pieces.count)].utf8, at: at)
            }
        }
        return result
    }
}
