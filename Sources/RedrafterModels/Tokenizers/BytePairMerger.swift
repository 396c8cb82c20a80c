/// Merges neighbouring symbols of one word, the best rank first and the leftmost among equals.
///
/// Time is O(n log n) in the length of the word: candidates wait in a heap, symbols in a linked list.
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

    /// Merges the symbols of a word in place. Negative symbols take part in no merge.
    func merge(_ symbols: inout [Int32]) {
        if symbols.count < 2 { return }
        if symbols.count <= 24 { mergeShort(&symbols) } else { mergeLong(&symbols) }
    }

    private func mergeShort(_ symbols: inout [Int32]) {
        while symbols.count > 1 {
            var best: (rank: UInt32, result: Int32)?
            var place = 0
            for index in 0..<symbols.count - 1 {
                guard let found = merge(symbols[index], symbols[index + 1]) else { continue }
                if best.map({ found.rank < $0.rank }) ?? true {
                    best = found
                    place = index
                }
            }
            guard let best else { return }
            symbols[place] = best.result
            symbols.remove(at: place + 1)
        }
    }

    /// A merge that was possible when it was found; stale once a side has changed.
    private struct Candidate {
        var order: UInt64  // rank, then place: what comes first is smallest
        var left: Int32
        var right: Int32
        var result: Int32

        var place: Int { Int(truncatingIfNeeded: order & 0xFFFF_FFFF) }
    }

    private func mergeLong(_ symbols: inout [Int32]) {
        let count = symbols.count
        var next = (0..<Int32(count)).map { $0 + 1 == Int32(count) ? -1 : $0 + 1 }
        var previous = (0..<Int32(count)).map { $0 - 1 }
        var heap = Heap()
        func propose(_ left: Int, _ right: Int, _ symbols: [Int32]) -> Candidate? {
            merge(symbols[left], symbols[right]).map {
                Candidate(
                    order: UInt64($0.rank) << 32 | UInt64(left), left: symbols[left], right: symbols[right],
                    result: $0.result)
            }
        }
        for index in 0..<count - 1 {
            if let candidate = propose(index, index + 1, symbols) { heap.push(candidate) }
        }
        while let candidate = heap.pop() {
            let place = candidate.place
            let right = Int(next[place])
            guard right >= 0, symbols[place] == candidate.left, symbols[right] == candidate.right else {
                continue
            }
            symbols[place] = candidate.result
            symbols[right] = Self.removed
            next[place] = next[right]
            if next[right] >= 0 { previous[Int(next[right])] = Int32(place) }
            if previous[place] >= 0, let fresh = propose(Int(previous[place]), place, symbols) {
                heap.push(fresh)
            }
            if next[place] >= 0, let fresh = propose(place, Int(next[place]), symbols) { heap.push(fresh) }
        }
        symbols.removeAll { $0 == Self.removed }
    }

    private static let removed = Int32.min

    private struct Heap {
        private var items: [Candidate] = []

        mutating func push(_ item: Candidate) {
            items.append(item)
            var child = items.count - 1
            while child > 0, items[(child - 1) / 2].order > items[child].order {
                items.swapAt(child, (child - 1) / 2)
                child = (child - 1) / 2
            }
        }

        mutating func pop() -> Candidate? {
            guard let first = items.first, let last = items.popLast() else { return nil }
            guard !items.isEmpty else { return first }
            var parent = 0
            while true {
                var child = 2 * parent + 1
                guard child < items.count else { break }
                if child + 1 < items.count, items[child + 1].order < items[child].order { child += 1 }
                guard items[child].order < last.order else { break }
                items[parent] = items[child]
                parent = child
            }
            items[parent] = last
            return first
        }
    }

    private static func key(_ left: Int32, _ right: Int32) -> UInt64 {
        UInt64(UInt32(bitPattern: left)) << 32 | UInt64(UInt32(bitPattern: right))
    }

    private static func slot(_ key: UInt64, _ seed: UInt64) -> Int {
        let product = (key ^ seed).multipliedFullWidth(by: 0x9E37_79B9_7F4A_7C15)
        return Int(truncatingIfNeeded: product.high ^ product.low)
    }
}
