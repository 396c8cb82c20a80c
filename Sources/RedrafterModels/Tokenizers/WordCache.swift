/// The tokens of words that came before in the same text: most words of a long text come again.
struct WordCache {
    private struct Entry {
        var hash: Int
        var word: Range<Int>  // of `bytes`
        var tokens: Range<Int>  // of `tokens`
    }

    private var slots: [Int32] = []  // −1: free
    private var entries: [Entry] = []
    private var bytes: [UInt8] = []
    private var tokens: [Int32] = []

    private static let slotCount = 1 << 14
    private static let mostEntries = 1 << 13
    private static let longestWord = 48

    /// A cache for a text of so many bytes; for short ones it holds nothing.
    init(textBytes: Int) {
        guard textBytes >= 2048 else { return }
        slots = [Int32](repeating: -1, count: Self.slotCount)
    }

    /// Appends the tokens of a word: those it had before, or what `encode` appends. It says whether that is all of the
    /// word; else the word is not kept.
    mutating func append(
        _ word: UnsafeBufferPointer<UInt8>, hash: Int, to result: inout [Int32],
        encode: (inout [Int32]) -> Bool
    ) {
        guard !slots.isEmpty, word.count <= Self.longestWord else {
            _ = encode(&result)
            return
        }
        var slot = hash & (Self.slotCount - 1)
        while slots[slot] >= 0 {
            let entry = entries[Int(slots[slot])]
            if entry.hash == hash, entry.word.count == word.count, isEqual(entry.word, word) {
                for index in entry.tokens { result.append(tokens[index]) }
                return
            }
            slot = (slot + 1) & (Self.slotCount - 1)
        }
        let start = result.count
        guard encode(&result), entries.count < Self.mostEntries else { return }
        slots[slot] = Int32(truncatingIfNeeded: entries.count)
        let (firstByte, firstToken) = (bytes.count, tokens.count)
        bytes.append(contentsOf: word)
        tokens.append(contentsOf: result[start...])
        entries.append(Entry(hash: hash, word: firstByte..<bytes.count, tokens: firstToken..<tokens.count))
    }

    private func isEqual(_ range: Range<Int>, _ word: UnsafeBufferPointer<UInt8>) -> Bool {
        for offset in 0..<word.count where bytes[range.lowerBound + offset] != word[offset] { return false }
        return true
    }
}
