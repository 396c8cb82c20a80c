import RedrafterCore

/// The largest entries of a row of logits.
enum TopList {
    /// The `count` largest, largest first; equal logits in order of token id. Values are finite or −infinity.
    static func largest(_ count: Int, of values: UnsafeBufferPointer<Float>) -> [TokenLogit] {
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
        return heap.sorted { precedes($0, $1) }
    }

    private static func precedes(_ a: TokenLogit, _ b: TokenLogit) -> Bool {
        a.logit != b.logit ? a.logit > b.logit : a.token < b.token
    }

    private static func sink(_ heap: inout [TokenLogit], _ start: Int) {
        var node = start
        while true {
            var worst = node
            for child in [2 * node + 1, 2 * node + 2]
            where child < heap.count && precedes(heap[worst], heap[child]) {
                worst = child
            }
            guard worst != node else { return }
            heap.swapAt(node, worst)
            node = worst
        }
    }
}
