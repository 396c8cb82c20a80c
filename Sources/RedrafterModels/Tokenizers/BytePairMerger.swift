/// Merges neighbouring symbols of one word, the best rank first and the leftmost among equals.
///
/// Time is O(n log n) in the length of the word: candidates wait in a queue by rank and place, symbols in a
/// linked list.
struct BytePairMerger: Sendable {
    /// Ranks of pairs of tokens, in open addressing. A key is left id and right id.
    private let keys: [UInt64]
    private let ranks: [UInt32]
    private let results: [Int32]
    private let mask: Int
    /// Differs from process to process, so that no file can be made whose merges all fall into one slot.
    private let seed: UInt64

    private static let free = UInt64.max

    /// - Parameter ranksByResult: merges beside each other in the list that give the same token have the same rank,
    ///   so that the leftmost comes first; as scores say it.
    init(_ merges: [TokenizerDefinition.Merge], ranksByResult: Bool = false) {
        var capacity = 16
        while capacity < 2 * merges.count { capacity *= 2 }
        var keys = [UInt64](repeating: Self.free, count: capacity)
        var ranks = [UInt32](repeating: 0, count: capacity)
        var results = [Int32](repeating: 0, count: capacity)
        let seed = UInt64.random(in: .min ... .max)
        var rank: UInt32 = 0
        for (index, merge) in merges.enumerated() {
            if !ranksByResult || index == 0 || merges[index - 1].result != merge.result {
                rank = UInt32(truncatingIfNeeded: index)
            }
            let key = Self.key(merge.left, merge.right)
            var slot = Self.slot(key, seed) & (capacity - 1)
            while keys[slot] != Self.free, keys[slot] != key { slot = (slot + 1) & (capacity - 1) }
            guard keys[slot] == Self.free else { continue }  // the first of duplicates counts
            keys[slot] = key
            ranks[slot] = rank
            results[slot] = merge.result
        }
        self.keys = keys
        self.ranks = ranks
        self.results = results
        self.seed = seed
        mask = capacity - 1
    }

    func merge(_ left: Int32, _ right: Int32) -> (rank: UInt32, result: Int32)? {
        let key = Self.key(left, right)
        var slot = Self.slot(key, seed) & mask
        while keys[slot] != Self.free {
            if keys[slot] == key { return (ranks[slot], results[slot]) }
            slot = (slot + 1) & mask
        }
        return nil
    }

    /// Merges the symbols from `start` on, those of a word, in place. Negative symbols take part in no merge.
    func merge(_ symbols: inout [Int32], from start: Int) {
        let count = symbols.count - start
        if count < 2 { return }
        if count <= Self.shortWord { return mergeShort(&symbols, start) }
        var word = Array(symbols[start...])
        mergeLong(&word)
        symbols.replaceSubrange(start..., with: word)
    }

    private static let shortWord = 24

    /// Each pair is looked up once; a merge changes two of them.
    private func mergeShort(_ symbols: inout [Int32], _ start: Int) {
        var count = symbols.count - start
        withUnsafeTemporaryAllocation(of: Pair.self, capacity: Self.shortWord) { pairs in
            for index in 0..<count - 1 {
                pairs[index] = pair(symbols[start + index], symbols[start + index + 1])
            }
            while count > 1 {
                var place = 0
                for index in 1..<count where index < count - 1 && pairs[index].rank < pairs[place].rank {
                    place = index
                }
                guard pairs[place].rank < Pair.none.rank else { break }
                symbols[start + place] = pairs[place].result
                // What stands behind moves up.
                for index in place + 1..<count - 1 {
                    symbols[start + index] = symbols[start + index + 1]
                    if index < count - 2 { pairs[index] = pairs[index + 1] }
                }
                count -= 1
                if place > 0 { pairs[place - 1] = pair(symbols[start + place - 1], symbols[start + place]) }
                if place < count - 1 {
                    pairs[place] = pair(symbols[start + place], symbols[start + place + 1])
                }
            }
        }
        symbols.removeLast(symbols.count - start - count)
    }

    private struct Pair {
        var rank: UInt64
        var result: Int32
        static let none = Pair(rank: .max, result: 0)
    }

    private func pair(_ left: Int32, _ right: Int32) -> Pair {
        merge(left, right).map { Pair(rank: UInt64($0.rank), result: $0.result) } ?? .none
    }

    private func mergeLong(_ symbols: inout [Int32]) {
        let count = Int32(truncatingIfNeeded: symbols.count)
        var next = (0..<count).map { $0 + 1 == count ? -1 : $0 + 1 }
        var previous = (0..<count).map { $0 - 1 }
        var queue = MergeQueue()
        for index in 0..<symbols.count - 1 {
            if let found = merge(symbols[index], symbols[index + 1]) {
                queue.push(rank: found.rank, place: Int32(truncatingIfNeeded: index))
            }
        }
        while let (rank, place) = queue.pop() {
            let left = Int(place)
            let right = Int(next[left])
            // What stands here may have been merged with a neighbour since.
            guard symbols[left] != Self.removed, right >= 0,
                let found = merge(symbols[left], symbols[right]), found.rank == rank
            else { continue }
            symbols[left] = found.result
            symbols[right] = Self.removed
            let (before, after) = (previous[left], next[right])
            next[left] = after
            if before >= 0, let fresh = merge(symbols[Int(before)], symbols[left]) {
                queue.push(rank: fresh.rank, place: before)
            }
            if after >= 0 {
                previous[Int(after)] = place
                if let fresh = merge(symbols[left], symbols[Int(after)]) {
                    queue.push(rank: fresh.rank, place: place)
                }
            }
        }
        symbols.removeAll { $0 == Self.removed }
    }

    private static let removed = Int32.min

    private static func key(_ left: Int32, _ right: Int32) -> UInt64 {
        UInt64(UInt32(bitPattern: left)) << 32 | UInt64(UInt32(bitPattern: right))
    }

    private static func slot(_ key: UInt64, _ seed: UInt64) -> Int {
        let product = (key ^ seed).multipliedFullWidth(by: 0x9E37_79B9_7F4A_7C15)
        return Int(truncatingIfNeeded: product.high ^ product.low)
    }
}
