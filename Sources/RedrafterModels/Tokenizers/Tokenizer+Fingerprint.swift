extension Tokenizer {
    /// A digest of the bytes of all tokens in order of their ids: equal for two files that spell the same vocabulary, whatever
    /// their format. 16 hexadecimal digits.
    public var fingerprint: String {
        // FNV-1a, 64 bits. It tells vocabularies apart and protects against mistakes, not against malice.
        var digest: UInt64 = 0xCBF2_9CE4_8422_2325
        func add(_ byte: UInt8) { digest = (digest ^ UInt64(byte)) &* 0x0000_0100_0000_01B3 }
        for token in definition.tokens {
            for shift in stride(from: 0, to: 32, by: 8) {
                add(UInt8(truncatingIfNeeded: token.count >> shift))
            }
            for byte in token { add(byte) }
        }
        let digits = String(digest, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }
}
