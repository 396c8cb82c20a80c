/// The name that git gives a content: SHA-1 (FIPS 180-4) of `blob`, its length, a zero and its bytes, which come in pieces.
///
/// It tells damage, as Hugging Face names small files by it; it is no protection against content made to collide.
package struct GitBlobHash {
    private var state: [UInt32] = [0x6745_2301, 0xefcd_ab89, 0x98ba_dcfe, 0x1032_5476, 0xc3d2_e1f0]
    private var blocks = HashBlocks()

    /// - Parameter byteCount: of the whole content.
    package init(byteCount: Int) {
        Array("blob \(byteCount)\u{0}".utf8).withUnsafeBytes { add($0) }
    }

    package mutating func add(_ bytes: UnsafeRawBufferPointer) {
        blocks.add(bytes, to: &state, by: Self.compress)
    }

    /// The hash of all bytes added, as 40 hexadecimal digits.
    package mutating func finish() -> String { blocks.finish(&state, by: Self.compress) }

    /// Takes in whole blocks of 64 bytes.
    private static func compress(_ state: inout [UInt32], _ bytes: UnsafeRawBufferPointer) {
        for block in stride(from: 0, to: bytes.count, by: 64) {
            var words = (0..<16).map { HashBlocks.word($0, of: bytes, at: block) }
            for index in 16..<80 {
                words.append(
                    turn(words[index - 3] ^ words[index - 8] ^ words[index - 14] ^ words[index - 16], 1))
            }
            var (a, b, c, d, e) = (state[0], state[1], state[2], state[3], state[4])
            for (index, word) in words.enumerated() {
                let (mixed, constant): (UInt32, UInt32) =
                    switch index / 20 {
                    case 0: (b & c | ~b & d, 0x5a82_7999)
                    case 1: (b ^ c ^ d, 0x6ed9_eba1)
                    case 2: (b & c | b & d | c & d, 0x8f1b_bcdc)
                    default: (b ^ c ^ d, 0xca62_c1d6)
                    }
                let next = turn(a, 5) &+ mixed &+ e &+ constant &+ word
                (e, d, c, b, a) = (d, c, turn(b, 30), a, next)
            }
            for (index, value) in [a, b, c, d, e].enumerated() { state[index] &+= value }
        }
    }

    private static func turn(_ word: UInt32, _ bits: UInt32) -> UInt32 {
        word &<< bits | word &>> (32 &- bits)
    }
}
