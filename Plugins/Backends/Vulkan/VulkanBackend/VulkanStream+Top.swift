import CVulkan
import RedrafterCore

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

extension VulkanStream {
    /// Threads of a group of `reduce.comp`, and logits that each looks at.
    private static let (reduceWidth, reduceDepth) = (64, 64)

    func top(_ count: Int, of logits: Tensor, vocabulary: Int) throws(BackendError) -> [[TokenLogit]] {
        try leading(count, of: logits, vocabulary: vocabulary, hasSums: false)
    }

    func topLogProbabilities(
        _ count: Int, of logits: Tensor, vocabulary: Int
    ) throws(BackendError) -> [[TokenLogit]] {
        try leading(count, of: logits, vocabulary: vocabulary, hasSums: true)
    }

    /// Two steps on the device for more than one entry: the largest of sets of logits, of which the `count`-th largest is a
    /// bound from below, then all logits that reach it.
    private func leading(
        _ count: Int, of logits: Tensor, vocabulary: Int, hasSums: Bool
    ) throws(BackendError) -> [[TokenLogit]] {
        precondition(vocabulary > 0 && vocabulary <= logits.columns && count > 0)
        let summaries = try summaries(of: logits, vocabulary: vocabulary, hasSums: hasSums)
        var lists: [[TokenLogit]]
        if count == 1 {
            lists = summaries.map { $0.best.map { [$0] } ?? [] }
        } else {
            let thresholds = summaries.map { $0.threshold(count) }
            lists = try entries(
                from: thresholds, atMost: count, of: logits, vocabulary: vocabulary,
                isNeeded: summaries.map { $0.best != nil })
        }
        if hasSums {
            for row in lists.indices {
                let logSum = summaries[row].logSum
                for index in lists[row].indices {
                    lists[row][index].logit = Float(Double(lists[row][index].logit) - logSum)
                }
            }
        }
        return lists
    }

    /// What the sets of a row say.
    private struct Summary {
        /// The largest logit, the first of equal ones; nil where the row is not usable.
        var best: TokenLogit?
        /// The largest logits of sets, largest first.
        var largest: [Float]
        /// Logarithm of the sum of exponentials.
        var logSum: Double

        /// A bound that at least `count` logits reach.
        func threshold(_ count: Int) -> Float {
            count <= largest.count ? largest[count - 1] : -.infinity
        }
    }

    private func summaries(
        of logits: Tensor, vocabulary: Int, hasSums: Bool
    ) throws(BackendError) -> [Summary] {
        let inGroup = Self.reduceWidth * Self.reduceDepth
        let groups = (vocabulary + inGroup - 1) / inGroup
        let sets = groups * Self.reduceWidth
        var results: HostArena.Piece?
        record { () throws(BackendError) in
            let piece = try arena.allocate(logits.rows * sets * 16)
            results = piece
            try dispatch(
                .reduce, [UInt32(Self.reduceWidth), UInt32(Self.reduceDepth), hasSums ? 1 : 0],
                [storage(2, logits.onVulkan), host(3, piece)],
                push: [Int32(logits.columns), Int32(vocabulary), Int32(sets)],
                groups: (groups, logits.rows, 1))
        }
        try submit()
        guard let words = results?.bytes.assumingMemoryBound(to: UInt32.self) else { return [] }
        return (0..<logits.rows).map { row in
            let start = words + row * sets * 4
            var summary = Summary(best: nil, largest: [], logSum: 0)
            var best: TokenLogit?
            for set in 0..<sets {
                if start[4 * set + 3] != 0 { return summary }
                let token = Int32(bitPattern: start[4 * set + 1])
                guard token >= 0 else { continue }
                let logit = Float(bitPattern: start[4 * set])
                summary.largest.append(logit)
                if let held = best, (held.logit, token) >= (logit, held.token) { continue }
                best = TokenLogit(token: token, logit: logit)
            }
            summary.best = best
            summary.largest.sort(by: >)
            if hasSums, let best {
                var sum = 0.0
                for set in 0..<sets where Int32(bitPattern: start[4 * set + 1]) >= 0 {
                    let largest = Double(Float(bitPattern: start[4 * set]))
                    sum += Double(Float(bitPattern: start[4 * set + 2])) * exp(largest - Double(best.logit))
                }
                summary.logSum = Double(best.logit) + log(sum)
            }
            return summary
        }
    }

    /// The largest of the logits that reach their row's threshold.
    private func entries(
        from thresholds: [Float], atMost count: Int, of logits: Tensor, vocabulary: Int, isNeeded: [Bool]
    ) throws(BackendError) -> [[TokenLogit]] {
        let rows = logits.rows
        // Where equal logits or a long list make more of them, the whole row is read.
        let room = min(vocabulary, max(4 * count, 1024))
        var counts: HostArena.Piece?
        var found: HostArena.Piece?
        record { () throws(BackendError) in
            let counters = try arena.holding([UInt32](repeating: 0, count: rows))
            let piece = try arena.allocate(rows * room * 8)
            (counts, found) = (counters, piece)
            try dispatch(
                .collect, [elementWidth],
                [
                    storage(2, logits.onVulkan), host(3, try arena.holding(thresholds)), host(4, counters),
                    host(5, piece),
                ], push: [Int32(logits.columns), Int32(vocabulary), Int32(room)],
                groups: (elementGroups(vocabulary), rows, 1))
        }
        try submit()
        guard let counters = counts?.bytes.assumingMemoryBound(to: UInt32.self),
            let pairs = found?.bytes.assumingMemoryBound(to: UInt32.self)
        else { return [] }
        var lists = [[TokenLogit]](repeating: [], count: rows)
        var overfull = [Int]()
        for row in 0..<rows where isNeeded[row] {
            let size = Int(counters[row])
            guard size <= room else {
                overfull.append(row)
                continue
            }
            lists[row] = Self.sorted(
                (0..<size).map { index in
                    let at = 2 * (row * room + index)
                    return TokenLogit(
                        token: Int32(bitPattern: pairs[at]), logit: Float(bitPattern: pairs[at + 1]))
                }, atMost: count)
        }
        guard !overfull.isEmpty else { return lists }
        return try withValues(logits) { values in
            for row in overfull {
                lists[row] = Self.sorted(
                    (0..<vocabulary).map {
                        TokenLogit(token: Int32($0), logit: values[row * logits.columns + $0])
                    }, atMost: count)
            }
            return lists
        }
    }

    /// Largest first; equal logits in order of token id.
    private static func sorted(_ list: [TokenLogit], atMost count: Int) -> [TokenLogit] {
        Array(list.sorted { ($1.logit, $0.token) < ($0.logit, $1.token) }.prefix(count))
    }
}
