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

    func attention(
        queries: Tensor, cache: any CacheStorage, layer: Int, plan: RowPlan, scores: AttentionScores,
        into output: Tensor
    ) {
        let cache = cache.onCPU
        let d = cache.shape.headDimension
        precondition(queries.rows == plan.count && output.rows == plan.count)
        precondition(
            output.columns == queries.columns && queries.columns % (d * cache.shape.keyValueHeads) == 0)
        let groups = attentionGroups(
            plan, headsPerKey: queries.columns / d / cache.shape.keyValueHeads,
            keyHeads: cache.shape.keyValueHeads, scores: scores, dimension: d)
        let work = AttentionWork(
            groups: groups, kernels: kernels, dimension: d, output: output,
            scratch: branchScores.floats(pool.threads * rd_attention_scratch(groups.largestBranch, d)))
        groups.branches.withUnsafeBufferPointer { branches in
            let job = { (index: Int) in
                groups.job(
                    index, queries: queries, cache: cache, layer: layer, branches: branches.baseAddress)
            }
            switch groups.units {
            case .groups(let units, let together):
                let threadFloats = (together + 1) * work.groupFloats
                let partials = self.partials.floats(pool.threads * threadFloats)
                pool.run(units: units.count) { unit, thread in
                    work.attendAll(
                        units[unit], job: job, thread: thread, partials: partials + thread * threadFloats)
                }
            case .splits(let units):
                let partials = self.partials.floats(groups.count * groups.mostSplits * work.groupFloats)
                pool.run(units: units.count) { unit, thread in
                    work.attend(units[unit], job: job, thread: thread, partials: partials)
                }
                forEachRow(groups.count, cost: groups.mostSplits * work.groupFloats) { group in
                    work.merge(group, partials: partials)
                }
            }
        }
    }
}

extension CPUStream {
    /// The groups of a plan: the same for every layer of a pass that attends alike, so they are kept from call to call.
    private func attentionGroups(
        _ plan: RowPlan, headsPerKey: Int, keyHeads: Int, scores: AttentionScores, dimension: Int
    ) -> AttentionGroups {
        if lastGroups.first?.matches(plan) != true { lastGroups.removeAll(keepingCapacity: true) }
        if let last = lastGroups.first(where: {
            $0.matches(headsPerKey: headsPerKey, keyHeads: keyHeads, scores: scores)
        }) {
            return last
        }
        let groups = AttentionGroups(
            plan: plan, headsPerKey: headsPerKey, keyHeads: keyHeads, scores: scores, threads: pool.threads,
            splitBytes: Int(RD_QUERIES) * rd_partial_floats(dimension) * 4)
        lastGroups.append(groups)
        return groups
    }
}

/// Attention of one layer: what the threads do with groups and splits.
private struct AttentionWork {
    let groups: AttentionGroups
    let kernels: rd_kernels
    let dimension: Int
    let output: Tensor
    let scratch: UnsafeMutablePointer<Float>

    var record: Int { rd_partial_floats(dimension) }
    /// Partial results of one group and split: `[queries, record]`.
    var groupFloats: Int { Int(RD_QUERIES) * record }

    typealias Job = (Int) -> rd_attention

    private func branchScratch(_ thread: Int) -> UnsafeMutablePointer<Float> {
        scratch + thread * rd_attention_scratch(groups.largestBranch, dimension)
    }

    /// All splits of groups that share keys: a split's keys and values are read once, by all groups in turn.
    func attendAll(
        _ range: Range<Int>, job: Job, thread: Int, partials: UnsafeMutablePointer<Float>
    ) {
        let fresh = partials + range.count * groupFloats
        let splits = range.reduce(0) { max($0, groups.splitRange($1).upperBound) }
        for split in 0..<splits {
            for (place, group) in range.enumerated() where groups.splitRange(group).contains(split) {
                let states = partials + place * groupFloats
                let isFirst = split == groups.splitRange(group).lowerBound
                var work = job(group)
                kernels.attention_split(&work, split, branchScratch(thread), isFirst ? states : fresh)
                guard !isFirst else { continue }
                for query in 0..<groups.queryCount(group) {
                    kernels.attention_merge(states + query * record, fresh + query * record, dimension)
                }
            }
        }
        for (place, group) in range.enumerated() {
            for query in 0..<groups.queryCount(group) {
                finish(group, query, partials + place * groupFloats + query * record)
            }
        }
    }

    /// One split of one group. `partials [groups, splits, queries, record]`
    func attend(
        _ unit: (group: Int, split: Int), job: Job, thread: Int, partials: UnsafeMutablePointer<Float>
    ) {
        var work = job(unit.group)
        kernels.attention_split(
            &work, unit.split, branchScratch(thread),
            partials + (unit.group * groups.mostSplits + unit.split) * groupFloats)
    }

    /// Merges the splits of a group, in order.
    func merge(_ group: Int, partials: UnsafeMutablePointer<Float>) {
        let splits = groups.splitRange(group)
        let states = partials + (group * groups.mostSplits + splits.lowerBound) * groupFloats
        for query in 0..<groups.queryCount(group) {
            let state = states + query * record
            for split in splits.indices.dropFirst() {
                kernels.attention_merge(
                    state, state + (split - splits.lowerBound) * groupFloats, dimension)
            }
            finish(group, query, state)
        }
    }

    private func finish(_ group: Int, _ query: Int, _ state: UnsafePointer<Float>) {
        let (row, head) = groups.query(group, query)
        kernels.attention_finish(state, dimension, output.floats + row * output.columns + head * dimension)
    }
}
