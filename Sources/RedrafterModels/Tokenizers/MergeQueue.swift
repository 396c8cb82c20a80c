/// Places where a merge may be possible, given out by rank, then from left to right.
///
/// Each rank has a bucket. Places mostly come in ascending order and are then a plain list; the few that come out of
/// order wait in a heap beside it. So n places cost O(n log n) at worst and O(n) mostly, in memory that is read in order.
struct MergeQueue {
    private struct Bucket {
        var ordered: [Int32] = []
        var first = 0  // of `ordered`
        var late = MinHeap<Int32>()

        var isEmpty: Bool { first == ordered.count && late.isEmpty }

        mutating func push(_ place: Int32) {
            if let last = ordered.last, last > place { late.push(place) } else { ordered.append(place) }
        }

        mutating func pop() -> Int32? {
            guard first < ordered.count else { return late.pop() }
            if let early = late.first, early < ordered[first] { return late.pop() }
            first += 1
            return ordered[first - 1]
        }
    }

    private var buckets: [Bucket] = []
    private var bucketOfRank: [UInt32: Int] = [:]
    private var waiting = MinHeap<UInt32>()  // ranks of buckets that are not empty
    private var latest: (rank: UInt32, bucket: Int)?

    mutating func push(rank: UInt32, place: Int32) {
        let index = bucket(rank)
        if buckets[index].isEmpty { waiting.push(rank) }
        buckets[index].push(place)
    }

    mutating func pop() -> (rank: UInt32, place: Int32)? {
        guard let rank = waiting.first else { return nil }
        let index = bucket(rank)
        guard let place = buckets[index].pop() else { return nil }
        if buckets[index].isEmpty {
            _ = waiting.pop()
            buckets[index].ordered.removeAll(keepingCapacity: true)
            buckets[index].first = 0
        }
        return (rank, place)
    }

    private mutating func bucket(_ rank: UInt32) -> Int {
        if let latest, latest.rank == rank { return latest.bucket }
        let index: Int
        if let known = bucketOfRank[rank] {
            index = known
        } else {
            index = buckets.count
            buckets.append(Bucket())
            bucketOfRank[rank] = index
        }
        latest = (rank, index)
        return index
    }
}

/// A binary heap, the smallest first.
struct MinHeap<Element: Comparable> {
    private var items: [Element] = []

    var isEmpty: Bool { items.isEmpty }
    var first: Element? { items.first }

    mutating func push(_ item: Element) {
        items.append(item)
        var child = items.count - 1
        while child > 0, items[(child - 1) / 2] > items[child] {
            items.swapAt(child, (child - 1) / 2)
            child = (child - 1) / 2
        }
    }

    mutating func pop() -> Element? {
        guard let first = items.first, let last = items.popLast() else { return nil }
        guard !items.isEmpty else { return first }
        var parent = 0
        while true {
            var child = 2 * parent + 1
            guard child < items.count else { break }
            if child + 1 < items.count, items[child + 1] < items[child] { child += 1 }
            guard items[child] < last else { break }
            items[parent] = items[child]
            parent = child
        }
        items[parent] = last
        return first
    }
}
