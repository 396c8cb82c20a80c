import RedrafterCore

extension Tokenizer {
    /// A digest of what token ids mean: the bytes of all tokens in order of their ids, the id that ends a text, and the
    /// one that begins it where texts get one. 16 hexadecimal digits, equal for GGUF and Hugging Face files of a model.
    ///
    /// It tells models apart that were not made to be confused; it is no defence against a forger. Linear in the
    /// vocabulary, a millisecond for 50,000 tokens.
    ///
    /// Unused tokens behind the last one in use do not count: GGUF files pad the vocabulary to the rows of the
    /// embedding, `tokenizer.json` does not.
    public var fingerprint: String {
        var digest = FowlerNollVo()
        let count = usedTokens
        digest.add(UInt64(count))
        definition.tokens.storage.withUnsafeBufferPointer { storage in
            for id in 0..<count {
                if definition.kinds[id] == .unused {
                    // Formats spell the holes of a vocabulary as they like.
                    digest.add(.max)
                } else {
                    digest.add(UnsafeBufferPointer(rebasing: storage[definition.tokens.range(id)]))
                }
            }
        }
        for id in [promptPrefix, eos] { digest.add(UInt64(bitPattern: Int64(id ?? -1))) }
        for id in definition.prefix.dropFirst() { digest.add(UInt64(bitPattern: Int64(id))) }
        let hex = String(digest.state, radix: 16)
        return String(repeating: "0", count: 16 - hex.count) + hex
    }

    /// Tokens up to the last one that is in use.
    private var usedTokens: Int {
        (definition.kinds.lastIndex { $0 != .unused }).map { $0 + 1 } ?? 0
    }
}

/// FNV-1a over words of 64 bits, each folded so that its high bits reach the low ones.
///
/// FNV-1a takes single bytes; eight at a time need an eighth of the multiplications. The length of each piece is a word
/// of its own, so that two divisions of the same bytes differ.
private struct FowlerNollVo {
    var state: UInt64 = 0xCBF2_9CE4_8422_2325

    mutating func add(_ word: UInt64) {
        state = (state ^ word) &* 0x0000_0100_0000_01B3
        state ^= state >> 32
    }

    mutating func add(_ bytes: UnsafeBufferPointer<UInt8>) {
        add(UInt64(bytes.count))
        let raw = UnsafeRawBufferPointer(bytes)
        var at = 0
        while at + 8 <= raw.count {
            add(UInt64(littleEndian: raw.loadUnaligned(fromByteOffset: at, as: UInt64.self)))
            at += 8
        }
        var tail: UInt64 = 0
        while at < raw.count {
            tail = tail << 8 | UInt64(raw[at])
            at += 1
        }
        if raw.count % 8 != 0 { add(tail) }
    }
}
