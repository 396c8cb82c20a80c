/// Finds tokens by their bytes: open addressing over the token list, nothing is copied.
struct Vocabulary: Sendable {
    let tokens: ByteStrings
    private let slots: [Int32]  // −1 is free
    private let mask: Int
    /// Differs from process to process, so that no file can be made whose tokens all fall into one slot.
    private let seed: UInt64

    var count: Int { tokens.count }

    /// The first token, if any, whose bytes an earlier one of the same standing has, and that one.
    let repetition: (token: Int, earlier: Int)?

    /// How a token is indexed by its bytes. Of equal tokens `yes` wins over `unlessTaken`, then the lower id.
    enum Indexing { case no, yes, unlessTaken }

    init(_ tokens: ByteStrings, indexing: (Int) -> Indexing) {
        var capacity = 16
        while capacity < 2 * tokens.count { capacity *= 2 }
        var slots = [Int32](repeating: -1, count: capacity)
        let seed = UInt64.random(in: .min ... .max)
        var repetition: (Int, Int)?
        tokens.storage.withUnsafeBufferPointer { storage in
            for pass in [Indexing.yes, .unlessTaken] {
                for id in 0..<tokens.count where indexing(id) == pass && tokens.length(id) > 0 {
                    let bytes = UnsafeBufferPointer(rebasing: storage[tokens.range(id)])
                    var slot = Self.hash(bytes, seed) & (capacity - 1)
                    while slots[slot] >= 0, !Self.equal(storage, tokens.range(Int(slots[slot])), bytes) {
                        slot = (slot + 1) & (capacity - 1)
                    }
                    if slots[slot] < 0 {
                        slots[slot] = Int32(truncatingIfNeeded: id)
                    } else if pass == .yes, repetition == nil {
                        repetition = (id, Int(slots[slot]))
                    }
                }
            }
        }
        self.tokens = tokens
        self.slots = slots
        self.seed = seed
        self.repetition = repetition
        mask = capacity - 1
    }

    /// The token of exactly these bytes.
    func id(of bytes: UnsafeBufferPointer<UInt8>) -> Int32? {
        var slot = Self.hash(bytes, seed) & mask
        while slots[slot] >= 0 {
            let id = Int(slots[slot])
            let isEqual = tokens.storage.withUnsafeBufferPointer { Self.equal($0, tokens.range(id), bytes) }
            if isEqual { return slots[slot] }
            slot = (slot + 1) & mask
        }
        return nil
    }

    func id(of bytes: [UInt8]) -> Int32? { bytes.withUnsafeBufferPointer { id(of: $0) } }

    func hash(of bytes: UnsafeBufferPointer<UInt8>) -> Int { Self.hash(bytes, seed) }

    private static func equal(
        _ storage: UnsafeBufferPointer<UInt8>, _ range: Range<Int>, _ bytes: UnsafeBufferPointer<UInt8>
    ) -> Bool {
        guard range.count == bytes.count else { return false }
        for offset in 0..<bytes.count where storage[range.lowerBound + offset] != bytes[offset] {
            return false
        }
        return true
    }

    private static func hash(_ bytes: UnsafeBufferPointer<UInt8>, _ seed: UInt64) -> Int {
        hash(UnsafeRawBufferPointer(bytes), seed)
    }

    /// Eight bytes at a time, multiplied and folded.
    static func hash(_ bytes: UnsafeRawBufferPointer, _ seed: UInt64) -> Int {
        let raw = bytes
        var state = seed ^ UInt64(truncatingIfNeeded: bytes.count)
        var at = 0
        while at + 8 <= raw.count {
            state = fold(state ^ raw.loadUnaligned(fromByteOffset: at, as: UInt64.self))
            at += 8
        }
        var tail: UInt64 = 0
        while at < raw.count {
            tail = tail << 8 | UInt64(raw[at])
            at += 1
        }
        return Int(truncatingIfNeeded: fold(state ^ tail))
    }

    private static func fold(_ value: UInt64) -> UInt64 {
        let product = value.multipliedFullWidth(by: 0x9E37_79B9_7F4A_7C15)
        return product.high ^ product.low
    }
}
