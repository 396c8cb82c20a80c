/// The largest entries of a row of logits.
package enum TopList {
    /// The `count` largest, largest first; equal logits in order of token id. Values are finite or −infinity.
    /// - Complexity: O(n + k log k) where few of the n values replace one of the k kept, O(n log k) at worst.
    package static func largest(_ count: Int, of values: UnsafeBufferPointer<Float>) -> [TokenLogit] {
        let wanted = min(count, values.count)
        // A heap with the worst kept entry at its root: most values fail one comparison.
        var heap = [TokenLogit]()
        heap.reserveCapacity(wanted)
        for index in 0..<wanted {
            heap.append(TokenLogit(token: Int32(index), logit: values[index]))
        }
        for root in stride(from: wanted / 2 - 1, through: 0, by: -1) { sink(&heap, root) }
        for index in wanted..<values.count where values[index] > heap[0].logit {
            heap[0] = TokenLogit(token: Int32(index), logit: values[index])
            sink(&heap, 0)
        }
        return heap.sorted(by: TokenLogit.leads)
    }

    private static func sink(_ heap: inout [TokenLogit], _ start: Int) {
        var node = start
        while true {
            var worst = node
            for child in [2 * node + 1, 2 * node + 2]
            where child < heap.count && TokenLogit.leads(heap[worst], heap[child]) {
                worst = child
            }
            guard worst != node else { return }
            heap.swapAt(node, worst)
            node = worst
        }
    }
}

extension TokenLogit {
    /// Order of every list of candidates: larger logits first, equal ones by id.
    static func leads(_ a: TokenLogit, _ b: TokenLogit) -> Bool {
        a.logit > b.logit || (a.logit == b.logit && a.token < b.token)
    }
}
