import CVulkan
import RedrafterCore
import RedrafterPlatform

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

    /// One submission: the largest of sets of logits, of which the `count`-th largest is a bound from below, then all logits that
    /// reach it.
    private func leading(
        _ count: Int, of logits: Tensor, vocabulary: Int, hasSums: Bool
    ) throws(BackendError) -> [[TokenLogit]] {
        precondition(vocabulary > 0 && vocabulary <= logits.columns && count > 0)
        let inGroup = Self.reduceWidth * Self.reduceDepth
        let groups = (vocabulary + inGroup - 1) / inGroup
        let sets = groups * Self.reduceWidth
        var results: HostArena.Piece?
        var found: Found?
        record { () throws(BackendError) in
            let piece = try arena.allocate(logits.rows * sets * 16)
            results = piece
            try dispatch(
                .reduce, [UInt32(Self.reduceWidth), UInt32(Self.reduceDepth), hasSums ? 1 : 0],
                [storage(2, logits.onVulkan), host(3, piece)],
                push: [Int32(logits.columns), Int32(vocabulary), Int32(sets)],
                groups: (groups, logits.rows, 1))
            guard count > 1 else { return }
            let thresholds = try arena.allocate(logits.rows * 4)
            try dispatch(
                .select, [UInt32(Self.reduceWidth)], [host(2, piece), host(3, thresholds)],
                push: [Int32(sets), Int32(clamping: count)], groups: (logits.rows, 1, 1))
            found = try collect(
                from: thresholds, room: min(vocabulary, max(4 * count, 1024)), of: logits,
                vocabulary: vocabulary)
        }
        try submit()
        guard let words = results?.bytes.assumingMemoryBound(to: UInt32.self) else { return [] }
        let summaries = (0..<logits.rows).map { row in
            Summary(words + row * sets * 4, sets: sets, hasSum: hasSums)
        }
        var lists = summaries.map { summary in summary.best.map { [$0] } ?? [] }
        if let found {
            lists = try entries(
                found, atMost: count, of: logits, vocabulary: vocabulary,
                isNeeded: summaries.map { $0.best != nil })
        }
        guard hasSums else { return lists }
        for row in lists.indices {
            for index in lists[row].indices {
                let logit = Double(lists[row][index].logit)
                lists[row][index].logit = Float(logit - summaries[row].logSum)
            }
        }
        return lists
    }

    /// What the sets of a row say.
    private struct Summary {
        /// The largest logit, the first of equal ones; nil where the row is not usable.
        private(set) var best: TokenLogit?
        /// Logarithm of the sum of exponentials.
        private(set) var logSum = 0.0

        /// - Parameter words: what `reduce.comp` wrote, four words for each set.
        init(_ words: UnsafePointer<UInt32>, sets: Int, hasSum: Bool) {
            var largest: TokenLogit?
            for set in 0..<sets {
                if words[4 * set + 3] != 0 { return }
                let token = Int32(bitPattern: words[4 * set + 1])
                guard token >= 0 else { continue }
                let logit = Float(bitPattern: words[4 * set])
                if let held = largest, (held.logit, token) >= (logit, held.token) { continue }
                largest = TokenLogit(token: token, logit: logit)
            }
            best = largest
            guard hasSum, let largest else { return }
            var sum = 0.0
            for set in 0..<sets where Int32(bitPattern: words[4 * set + 1]) >= 0 {
                let logit = Double(Float(bitPattern: words[4 * set]))
                sum += Double(Float(bitPattern: words[4 * set + 2])) * exp(logit - Double(largest.logit))
            }
            logSum = Double(largest.logit) + log(sum)
        }
    }

    /// Where the device writes the logits that reach a bound.
    private struct Found {
        let counts: HostArena.Piece
        /// Pairs of a token and the bits of its logit.
        let pairs: HostArena.Piece
        /// Pairs of a row for which there is room.
        let room: Int
    }

    private func collect(
        from thresholds: HostArena.Piece, room: Int, of logits: Tensor, vocabulary: Int
    ) throws(BackendError) -> Found {
        let found = Found(
            counts: try arena.holding([UInt32](repeating: 0, count: logits.rows)),
            pairs: try arena.allocate(logits.rows * room * 8), room: room)
        try dispatch(
            .collect, [elementWidth],
            [
                storage(2, logits.onVulkan), host(3, thresholds), host(4, found.counts),
                host(5, found.pairs),
            ], push: [Int32(logits.columns), Int32(vocabulary), Int32(room)],
            groups: (elementGroups(vocabulary), logits.rows, 1))
        return found
    }

    /// The largest of the logits that were found. Where equal logits or a long list make more of them than there is room for, the
    /// whole row is read.
    private func entries(
        _ found: Found, atMost count: Int, of logits: Tensor, vocabulary: Int, isNeeded: [Bool]
    ) throws(BackendError) -> [[TokenLogit]] {
        let counters = found.counts.bytes.assumingMemoryBound(to: UInt32.self)
        let pairs = found.pairs.bytes.assumingMemoryBound(to: UInt32.self)
        var lists = [[TokenLogit]](repeating: [], count: logits.rows)
        var overfull = [Int]()
        for row in lists.indices where isNeeded[row] {
            let size = Int(counters[row])
            guard size <= found.room else {
                overfull.append(row)
                continue
            }
            lists[row] = Self.sorted(
                (0..<size).map { index in
                    let at = 2 * (row * found.room + index)
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
