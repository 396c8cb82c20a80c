import CKernels
import RedrafterCore

extension CPUStream {
    func rotaryAppend(
        queries: Tensor, keys: Tensor, values: Tensor, table: RotaryTable, cache: any CacheStorage,
        layer: Int,
        plan: RowPlan
    ) {
        let cache = cache.onCPU
        let (d, heads) = (cache.shape.headDimension, cache.shape.keyValueHeads)
        let rotated = table.rotatedDimension
        let halves: Int32 = table.pairing == .halves ? 1 : 0
        precondition(queries.rows == plan.count && keys.rows == plan.count && values.rows == plan.count)
        precondition(keys.columns == heads * d && values.columns == heads * d && queries.columns % d == 0)
        precondition(rotated <= d && table.values.columns == rotated)
        let (rotate, store) = (kernels.rotate, kernels.store_f16)
        let angles = table.values.floats
        forEachRow(plan.count, cost: queries.columns + 4 * keys.columns) { index in
            let row = plan.rows[index]
            precondition(row.position < table.values.rows, "position \(row.position) has no rotary angle")
            let cosines = angles + row.position * rotated
            let query = queries.floats + index * queries.columns
            for head in 0..<queries.columns / d {
                rotate(query + head * d, cosines, cosines + rotated / 2, rotated, halves)
            }
            let slot = plan.slots[index]
            withUnsafeTemporaryAllocation(of: UInt16.self, capacity: d) { buffer in
                let rounded = buffer.baseAddress.unsafelyUnwrapped
                for head in 0..<heads {
                    let key = keys.floats + index * keys.columns + head * d
                    rotate(key, cosines, cosines + rotated / 2, rotated, halves)
                    store(key, d, rounded)
                    let stored = cache.keys(layer: layer, sequence: row.sequence, head: head)
                    for c in 0..<d { stored[keyIndex(slot, c, d)] = rounded[c] }
                    store(
                        values.floats + index * values.columns + head * d, d,
                        cache.values(layer: layer, sequence: row.sequence, head: head) + slot * d)
                }
            }
        }
    }

    func attention(queries: Tensor, cache: any CacheStorage, layer: Int, plan: RowPlan, into output: Tensor) {
        let cache = cache.onCPU
        let d = cache.shape.headDimension
        precondition(queries.rows == plan.count && output.rows == plan.count)
        precondition(
            output.columns == queries.columns && queries.columns % (d * cache.shape.keyValueHeads) == 0)
        let groups = attentionGroups(
            plan, headsPerKey: queries.columns / d / cache.shape.keyValueHeads,
            keyHeads: cache.shape.keyValueHeads)
        let record = rd_partial_floats(d)
        let scratchFloats = rd_attention_scratch(groups.largestBranch, d)
        let scratch = branchScores.floats(pool.threads * scratchFloats)
        let kernels = self.kernels

        // Few groups over a long cache: hand out single splits, then merge. Many groups: all splits of a group in one unit.
        let splitUnits = groups.count < 3 * pool.threads ? groups.mostSplits : 1
        let perUnit = splitUnits > 1 ? Int(RD_QUERIES) * record : 2 * Int(RD_QUERIES) * record
        let unitsOfPartials = splitUnits > 1 ? groups.count * splitUnits : pool.threads
        let partials = self.partials.floats(unitsOfPartials * perUnit)

        groups.branches.withUnsafeBufferPointer { branches in
            func job(_ index: Int) -> rd_attention {
                groups.job(
                    index, queries: queries, cache: cache, layer: layer, branches: branches.baseAddress)
            }
            func finish(_ index: Int, _ state: UnsafePointer<Float>, _ query: Int) {
                let (row, head) = groups.query(index, query)
                kernels.attention_finish(state, d, output.floats + row * output.columns + head * d)
            }
            pool.run(units: groups.count * splitUnits) { unit, thread in
                let (index, split) = unit.quotientAndRemainder(dividingBy: splitUnits)
                var work = job(index)
                let branchScratch = scratch + thread * scratchFloats
                if splitUnits > 1 {
                    guard split < groups.splits(index) else { return }
                    kernels.attention_split(&work, split, branchScratch, partials + unit * perUnit)
                    return
                }
                let states = partials + thread * perUnit
                let fresh = states + Int(RD_QUERIES) * record
                for split in 0..<groups.splits(index) {
                    kernels.attention_split(&work, split, branchScratch, split == 0 ? states : fresh)
                    guard split > 0 else { continue }
                    for query in 0..<Int(work.queries) {
                        kernels.attention_merge(states + query * record, fresh + query * record, d)
                    }
                }
                for query in 0..<Int(work.queries) { finish(index, states + query * record, query) }
            }
            guard splitUnits > 1 else { return }
            for index in 0..<groups.count {
                let states = partials + index * splitUnits * perUnit
                for query in 0..<groups.queryCount(index) {
                    let state = states + query * record
                    for split in 1..<max(groups.splits(index), 1) {
                        kernels.attention_merge(state, states + split * perUnit + query * record, d)
                    }
                    finish(index, state, query)
                }
            }
        }
    }
}

extension CPUStream {
    /// The groups of a plan: the same for every layer of a pass, so they are kept from call to call.
    private func attentionGroups(_ plan: RowPlan, headsPerKey: Int, keyHeads: Int) -> AttentionGroups {
        if let last = lastGroups, last.matches(plan, headsPerKey: headsPerKey, keyHeads: keyHeads) {
            return last
        }
        let groups = AttentionGroups(plan: plan, headsPerKey: headsPerKey, keyHeads: keyHeads)
        lastGroups = groups
        return groups
    }
}

/// The queries of a pass in groups that share keys: rows of one sequence, one key/value head.
struct AttentionGroups {
    private struct Group {
        var firstRow: Int  // into rowOrder
        var rows: Int
        var keyHead: Int
        var firstHead: Int  // query heads of each row
        var heads: Int
        var visible: Int
    }

    private let plan: RowPlan
    private let rowOrder: [Int]
    private let groups: [Group]
    private let branchStart: [Int]  // [rows], −1 for a contiguous row
    /// Slots of the branches of all rows that are not contiguous.
    let branches: [Int32]
    /// Rows of this pass in the sequence that has most of them, where any row has a branch.
    let largestBranch: Int
    /// Splits of the row that sees most keys.
    let mostSplits: Int
    private let usedSlots: [Int: Int]
    private let headsPerKey: Int
    private let keyHeads: Int

    var count: Int { groups.count }

    /// Whether these are the groups of that plan. Comparing arrays that share storage takes no time.
    func matches(_ other: RowPlan, headsPerKey: Int, keyHeads: Int) -> Bool {
        self.headsPerKey == headsPerKey && self.keyHeads == keyHeads && plan.rows == other.rows
            && plan.committed == other.committed
    }

    init(plan: RowPlan, headsPerKey: Int, keyHeads: Int) {
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
            var visible = 0
            while end < order.count, end < at + rowsPerGroup, plan.rows[order[end]].sequence == sequence {
                visible = max(visible, plan.visibleKeys(order[end]))
                end += 1
            }
            for keyHead in 0..<keyHeads {
                for firstHead in stride(from: 0, to: headsPerKey, by: heads) {
                    groups.append(
                        Group(
                            firstRow: at, rows: end - at, keyHead: keyHead,
                            firstHead: keyHead * headsPerKey + firstHead,
                            heads: min(heads, headsPerKey - firstHead), visible: visible))
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
        largestBranch = branches.isEmpty ? 0 : plan.count
        mostSplits = groups.reduce(1) { max($0, ($1.visible + Int(RD_SPLIT) - 1) / Int(RD_SPLIT)) }
    }

    func splits(_ index: Int) -> Int { (groups[index].visible + Int(RD_SPLIT) - 1) / Int(RD_SPLIT) }

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
        job.scale = 1 / Float(d).squareRoot()
        withUnsafeMutableBytes(of: &job.query) { query in
            withUnsafeMutableBytes(of: &job.visible) { visible in
                withUnsafeMutableBytes(of: &job.branch) { branch in
                    let query = query.assumingMemoryBound(to: UnsafePointer<Float>?.self)
                    let visible = visible.assumingMemoryBound(to: UInt32.self)
                    let branch = branch.assumingMemoryBound(to: UnsafePointer<Int32>?.self)
                    for i in 0..<queryCount(index) {
                        let (row, head) = self.query(index, i)
                        query[i] = UnsafePointer(queries.floats + row * queries.columns + head * d)
                        visible[i] = UInt32(plan.visibleKeys(row))
                        branch[i] = branchStart[row] < 0 ? nil : branches.map { $0 + branchStart[row] }
                    }
                }
            }
        }
        return job
    }
}
