import RedrafterCore

/// Byte strings and their token ids in one flat table.
struct Vocabulary: Sendable {
    private let storage: [UInt8]
    private let starts: [UInt32]  // [count + 1]
    private let slots: [Int32]  // open addressing, −1 is free
    private let mask: Int

    var count: Int { starts.count - 1 }

    /// Among equal strings the lowest id wins. Tokens for which `isIndexed` is false are not found by their bytes.
    init(_ tokens: [[UInt8]], isIndexed: (Int) -> Bool) {
        var storage = [UInt8]()
        var starts: [UInt32] = [0]
        storage.reserveCapacity(tokens.reduce(0) { $0 + $1.count })
        starts.reserveCapacity(tokens.count + 1)
        for token in tokens {
            storage.append(contentsOf: token)
            starts.append(UInt32(truncatingIfNeeded: storage.count))
        }
        var capacity = 16
        while capacity < 2 * tokens.count { capacity *= 2 }
        var slots = [Int32](repeating: -1, count: capacity)
        for (id, token) in tokens.enumerated() where isIndexed(id) && !token.isEmpty {
            token.withUnsafeBufferPointer { bytes in
                var slot = Self.hash(bytes) & (capacity - 1)
                while slots[slot] >= 0 {
                    guard tokens[Int(slots[slot])] != token else { return }
                    slot = (slot + 1) & (capacity - 1)
                }
                slots[slot] = Int32(id)
            }
        }
        self.storage = storage
        self.starts = starts
        self.slots = slots
        mask = capacity - 1
    }

    /// The token of exactly these bytes.
    func id(of bytes: UnsafeBufferPointer<UInt8>) -> Int32? {
        var slot = Self.hash(bytes) & mask
        while slots[slot] >= 0 {
            let id = Int(slots[slot])
            let (start, end) = (Int(starts[id]), Int(starts[id + 1]))
            if end - start == bytes.count {
                let equal = storage.withUnsafeBufferPointer { storage in
                    for i in 0..<bytes.count where storage[start + i] != bytes[i] { return false }
                    return true
                }
                if equal { return slots[slot] }
            }
            slot = (slot + 1) & mask
        }
        return nil
    }

    func id(of bytes: [UInt8]) -> Int32? { bytes.withUnsafeBufferPointer { id(of: $0) } }

    func bytes(of id: Int) -> ArraySlice<UInt8> { storage[Int(starts[id])..<Int(starts[id + 1])] }

    private static func hash(_ bytes: UnsafeBufferPointer<UInt8>) -> Int {
        var value: UInt64 = 0xcbf2_9ce4_8422_2325
        for byte in bytes { value = (value ^ UInt64(byte)) &* 0x100_0000_01b3 }
        return Int(truncatingIfNeeded: value ^ value >> 29)
    }
}
