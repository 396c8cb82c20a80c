/// The largest entries of a row of logits.
package enum TopList {
    /// The `count` largest, largest first; equal logits in order of token id. Values are finite or −infinity.
    /// - Complexity: O(n + k log k) where few of the n values replace one of the k kept, O(n log k) at worst.
    package static func largest(_ count: Int, of values: UnsafeBufferPointer<Float>) -> [TokenLogit] {
        let wanted = min(count, values.count)
        guard wanted > 0 else { return [] }
        // A heap with the worst kept entry at its root: most values fail one comparison.
        var heap = [TokenLogit](unsafeUninitializedCapacity: wanted) { heap, count in
            count = wanted
            for index in 0..<wanted {
                heap.initializeElement(at: index, to: TokenLogit(token: Int32(index), logit: values[index]))
            }
            for root in stride(from: wanted / 2 - 1, through: 0, by: -1) {
                sink(heap[root], into: root, of: heap)
            }
            var start = wanted
            while start < values.count {
                // Once the heap is good, hardly a block has a value that belongs into it.
                start = firstBlock(above: heap[0].logit, values, from: start)
                let end = min(start + blockSize, values.count)
                for index in start..<max(start, end) where values[index] > heap[0].logit {
                    sink(TokenLogit(token: Int32(index), logit: values[index]), into: 0, of: heap)
                }
                start += blockSize
            }
        }
        heap.sort(by: TokenLogit.leads)
        return heap
    }

    private static let blockSize = 32

    /// The first block from `start` on that holds a value above `least`, or the rest that is shorter than a block.
    private static func firstBlock(
        above least: Float, _ values: UnsafeBufferPointer<Float>, from start: Int
    ) -> Int {
        guard let base = values.baseAddress else { return values.count }
        var start = start
        while start + blockSize <= values.count {
            let block = UnsafeRawPointer(base + start)
            let low = block.loadUnaligned(as: SIMD16<Float>.self)
            let high = block.loadUnaligned(fromByteOffset: 64, as: SIMD16<Float>.self)
            if any((low .> least) .| (high .> least)) { return start }
            start += blockSize
        }
        return start
    }

    /// Puts an entry in the place of a node, below entries that are worse.
    private static func sink(
        _ entry: TokenLogit, into start: Int, of heap: UnsafeMutableBufferPointer<TokenLogit>
    ) {
        var node = start
        while true {
            var child = 2 * node + 1
            guard child < heap.count else { break }
            if child + 1 < heap.count, TokenLogit.leads(heap[child], heap[child + 1]) { child += 1 }
            guard TokenLogit.leads(entry, heap[child]) else { break }
            heap[node] = heap[child]
            node = child
        }
        heap[node] = entry
    }
}

extension TokenLogit {
    /// Order of every list of candidates: larger logits first, equal ones by id.
    static func leads(_ a: TokenLogit, _ b: TokenLogit) -> Bool {
        a.logit > b.logit || (a.logit == b.logit && a.token < b.token)
    }
}
