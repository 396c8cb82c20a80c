import CKernels
import RedrafterCore

/// The queries of a pass in groups that share keys: rows of one sequence, one key/value head.
struct AttentionGroups {
    private struct Group {
        var firstRow: Int  // into rowOrder
        var rows: Int
        var keyHead: Int
        var firstHead: Int  // query heads of each row
        var heads: Int
        /// Keys from this one on, up to `visible`, are seen by some query of the group.
        var firstKey: Int
        var visible: Int
    }

    private let plan: RowPlan
    private let rowOrder: [Int]
    private let groups: [Group]
    private let branchStart: [Int]  // [rows], −1 for a contiguous row
    /// Slots of the branches of all rows that are not contiguous.
    let branches: [Int32]
    /// At least the rows of this pass in the sequence that has most of them, where any row has a branch; else 0.
    let largestBranch: Int
    /// Splits of the row that sees most keys.
    let mostSplits: Int
    private let usedSlots: [Int: Int]
    private let headsPerKey: Int
    private let keyHeads: Int
    private let scores: AttentionScores

    /// What threads take from the pass, one unit after the other.
    enum Units {
        /// Neighbouring groups that share keys, at most `together`, with all their splits.
        case groups([Range<Int>], together: Int)
        /// Every split of every group, merged afterwards; groups that share keys take the same split one after the other.
        case splits([(group: Int, split: Int)])
    }
    let units: Units

    /// Groups that one unit works on together at most.
    private static let mostTogether = 4
    /// Bytes of partial results up to which single splits are handed out although there are groups enough for all threads.
    private static let mostSplitBytes = 32 << 20

    var count: Int { groups.count }

    /// Whether these are the groups of that plan. Comparing arrays that share storage takes no time.
    func matches(_ other: RowPlan) -> Bool {
        plan.rows == other.rows && plan.committed == other.committed
    }

    /// Whether they were made for heads and scores like these.
    func matches(headsPerKey: Int, keyHeads: Int, scores: AttentionScores) -> Bool {
        self.headsPerKey == headsPerKey && self.keyHeads == keyHeads && self.scores == scores
    }

    /// `splitBytes`: of the partial result of one group and split.
    init(
        plan: RowPlan, headsPerKey: Int, keyHeads: Int, scores: AttentionScores, threads: Int, splitBytes: Int
    ) {
        self.plan = plan
        var branches = [Int32]()
        var starts = [Int]()
        var used = [Int: Int]()
        for row in 0..<plan.count {
            let sequence = plan.rows[row].sequence
            used[sequence] = max(used[sequence] ?? 0, plan.slots[row] + 1)
            if let slots = plan.gathered(row) {
                starts.append(branches.count)
                branches.append(contentsOf: slots.lazy.map { Int32($0) })
            } else {
                starts.append(-1)
            }
        }
        // Rows of one sequence side by side; batches of a single sequence keep their order.
        let order =
            used.count == 1
            ? Array(0..<plan.count)
            : (0..<plan.count).sorted { (plan.rows[$0].sequence, $0) < (plan.rows[$1].sequence, $1) }
        let heads = min(headsPerKey, Int(RD_QUERIES))
        let rowsPerGroup = max(1, Int(RD_QUERIES) / headsPerKey)
        var groups = [Group]()
        var at = 0
        while at < order.count {
            let sequence = plan.rows[order[at]].sequence
            var end = at
            var (firstKey, visible) = (Int.max, 0)
            while end < order.count, end < at + rowsPerGroup, plan.rows[order[end]].sequence == sequence {
                firstKey = min(firstKey, scores.firstKey(at: plan.rows[order[end]].position))
                visible = max(visible, plan.visibleKeys(order[end]))
                end += 1
            }
            for keyHead in 0..<keyHeads {
                for firstHead in stride(from: 0, to: headsPerKey, by: heads) {
                    groups.append(
                        Group(
                            firstRow: at, rows: end - at, keyHead: keyHead,
                            firstHead: keyHead * headsPerKey + firstHead,
                            heads: min(heads, headsPerKey - firstHead), firstKey: firstKey, visible: visible))
                }
            }
            at = end
        }
        // Neighbours share keys and values: a thread, which takes neighbouring groups, reads those of as few heads as it can.
        groups.sort {
            let (a, b) = (plan.rows[order[$0.firstRow]].sequence, plan.rows[order[$1.firstRow]].sequence)
            return (a, $0.keyHead, $0.firstRow, $0.firstHead) < (b, $1.keyHead, $1.firstRow, $1.firstHead)
        }
        self.rowOrder = order
        self.groups = groups
        self.branches = branches
        self.branchStart = starts
        self.usedSlots = used
        self.headsPerKey = headsPerKey
        self.keyHeads = keyHeads
        self.scores = scores
        largestBranch = branches.isEmpty ? 0 : plan.count
        mostSplits = groups.reduce(1) { max($0, Self.splits($1)) }
        // Few groups, most of all over a long cache: single splits. Many: some with all their splits.
        let isShared =
            groups.count < 12 * threads && mostSplits > 4
            && groups.count * mostSplits * splitBytes <= Self.mostSplitBytes
        let runs = Self.runs(of: groups) { plan.rows[order[$0.firstRow]].sequence }
        if groups.count < 3 * threads || isShared {
            units = .splits(
                runs.flatMap { run in
                    (0..<run.reduce(0) { max($0, Self.splits(groups[$1])) }).flatMap { split in
                        run.filter { Self.splitRange(groups[$0]).contains(split) }
                            .map { (group: $0, split: split) }
                    }
                })
        } else {
            let together = min(groups.count / (3 * threads), Self.mostTogether)
            units = .groups(
                runs.flatMap { run in
                    stride(from: run.lowerBound, to: run.upperBound, by: together).map {
                        $0..<min($0 + together, run.upperBound)
                    }
                }, together: together)
        }
    }

    /// Neighbouring groups that share keys and values.
    private static func runs(of groups: [Group], sequence: (Group) -> Int) -> [Range<Int>] {
        var runs = [Range<Int>]()
        for (index, group) in groups.enumerated() {
            if let run = runs.last, groups[run.lowerBound].keyHead == group.keyHead,
                sequence(groups[run.lowerBound]) == sequence(group)
            {
                runs[runs.count - 1] = run.lowerBound..<index + 1
            } else {
                runs.append(index..<index + 1)
            }
        }
        return runs
    }

    private static func splits(_ group: Group) -> Int { (group.visible + Int(RD_SPLIT) - 1) / Int(RD_SPLIT) }

    /// Splits in which a query of the group sees keys.
    private static func splitRange(_ group: Group) -> Range<Int> {
        group.firstKey / Int(RD_SPLIT)..<splits(group)
    }

    func splitRange(_ index: Int) -> Range<Int> { Self.splitRange(groups[index]) }

    func queryCount(_ index: Int) -> Int { groups[index].rows * groups[index].heads }

    /// Row and query head of a query of a group.
    func query(_ index: Int, _ query: Int) -> (row: Int, head: Int) {
        let group = groups[index]
        return (rowOrder[group.firstRow + query / group.heads], group.firstHead + query % group.heads)
    }

    func job(
        _ index: Int, queries: Tensor, cache: CPUCache, layer: Int, branches: UnsafePointer<Int32>?
    ) -> rd_attention {
        let group = groups[index]
        let sequence = plan.rows[rowOrder[group.firstRow]].sequence
        let d = cache.shape.headDimension
        var job = rd_attention_over(
            cache.keys(layer: layer, sequence: sequence, head: group.keyHead),
            cache.values(layer: layer, sequence: sequence, head: group.keyHead))
        job.head_dimension = UInt32(d)
        job.queries = UInt32(queryCount(index))
        job.committed = UInt32(plan.committed[rowOrder[group.firstRow]])
        job.used_slots = UInt32(usedSlots[sequence] ?? 0)
        job.scale = scores.scale
        job.softcap = scores.softcap ?? 0
        for i in 0..<queryCount(index) {
            let (row, head) = self.query(index, i)
            rd_attention_set_query(
                &job, i, queries.floats + row * queries.columns + head * d,
                UInt32(scores.firstKey(at: plan.rows[row].position)), UInt32(plan.visibleKeys(row)),
                branchStart[row] < 0 ? nil : branches.map { $0 + branchStart[row] })
        }
        return job
    }
}
