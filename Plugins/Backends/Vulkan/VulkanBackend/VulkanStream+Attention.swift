import CVulkan
import RedrafterCore

/// What the device was told of a plan: the same for every layer of a pass.
struct UploadedPlan {
    let plan: RowPlan
    /// `(sequence, position, slot, 0)` of each row.
    let places: HostArena.Piece
    /// `(sequence, position, committed, branch)` of each row; see `cache.glsl`.
    let entries: HostArena.Piece
    /// Slots of the branches of all rows that are not contiguous.
    let branches: HostArena.Piece
    /// Keys that the row sees which sees most.
    let mostKeys: Int
    /// Position of the row that comes first.
    let firstPosition: Int

    /// Whether this is that plan. Comparing arrays that share storage takes no time.
    func matches(_ other: RowPlan) -> Bool {
        plan.rows == other.rows && plan.committed == other.committed && plan.slots == other.slots
    }
}

extension VulkanStream {
    /// Query heads that are computed together, so that what the cache holds is read once for them.
    private static let maximumHeads = 4
    /// Bytes of partial results of attention that are held at a time.
    private static let maximumPartialBytes = 32 << 20

    func rotaryAppend(
        queries: Tensor, keys: Tensor, values: Tensor, table: RotaryTable, cache: any CacheStorage,
        layer: Int, plan: RowPlan
    ) {
        let cache = cache.onVulkan
        let d = cache.shape.headDimension
        let heads = queries.columns / d
        precondition(
            queries.rows == plan.count && keys.rows == plan.count && values.rows == plan.count,
            "rotaryAppend: rows")
        precondition(
            keys.columns == cache.shape.keyValueHeads * d && values.columns == keys.columns
                && queries.columns == heads * d, "rotaryAppend: columns")
        let half = table.rotatedDimension / 2
        record { () throws(BackendError) in
            let uploaded = try upload(plan)
            let threads = heads * half + cache.shape.keyValueHeads * d
            try dispatch(
                .rotary,
                [
                    elementWidth, UInt32(d), UInt32(table.rotatedDimension),
                    table.pairing == .neighbours ? 0 : 1,
                ],
                [
                    try texels(0, table.values.onVulkan, isFloat: true), storage(2, queries.onVulkan),
                    storage(3, keys.onVulkan), storage(4, values.onVulkan),
                    storage(5, cache.pieces[layer / cache.layersInPiece]), host(6, uploaded.places),
                ],
                push: [
                    Int32(heads), Int32(cache.shape.keyValueHeads), Int32(cache.shape.capacity),
                    Int32(layer % cache.layersInPiece * cache.layerWords),
                ], groups: (elementGroups(threads), plan.count, 1))
        }
    }

    func attention(
        queries: Tensor, cache: any CacheStorage, layer: Int, plan: RowPlan, scores: AttentionScores,
        into output: Tensor
    ) {
        let cache = cache.onVulkan
        let d = cache.shape.headDimension
        let heads = queries.columns / d
        precondition(queries.rows == plan.count && output.rows == plan.count, "attention: rows")
        precondition(output.columns == queries.columns, "attention: columns")
        record { () throws(BackendError) in
            let uploaded = try upload(plan)
            let tuning = device.tuning
            let ratio = heads / cache.shape.keyValueHeads
            let tiles = (ratio + Self.maximumHeads - 1) / Self.maximumHeads
            let firstSplit = scores.firstKey(at: uploaded.firstPosition) / tuning.splitKeys
            let splits = (uploaded.mostKeys + tuning.splitKeys - 1) / tuning.splitKeys - firstSplit
            let rowBytes = splits > 1 ? heads * splits * (8 + d) * 4 : 4
            let rowsAtOnce = min(plan.count, max(1, Self.maximumPartialBytes / rowBytes))
            let partials = try scratch(.partials, rowsAtOnce * rowBytes)
            for first in stride(from: 0, to: plan.count, by: rowsAtOnce) {
                let rows = min(rowsAtOnce, plan.count - first)
                let together = min(rows, tuning.attentionRows)
                let items = ((rows + together - 1) / together) * cache.shape.keyValueHeads * tiles
                try dispatch(
                    tuning.sharesInputs ? .attentionShared : .attention,
                    [
                        UInt32(tuning.teams), UInt32(d), UInt32((ratio + tiles - 1) / tiles),
                        splits > 1 ? 1 : 0, UInt32(together),
                    ],
                    [
                        try texels(0, cache.pieces[layer / cache.layersInPiece]),
                        try texels(1, queries.onVulkan, isFloat: true), storage(2, partials),
                        host(3, uploaded.entries), host(4, uploaded.branches), storage(5, output.onVulkan),
                    ],
                    push: [
                        Int32(heads), Int32(cache.shape.keyValueHeads), Int32(cache.shape.capacity),
                        Int32(layer % cache.layersInPiece * cache.layerWords / 4), Int32(splits),
                        Int32(first), Int32(rows), Int32(tuning.splitKeys),
                        Int32(min(uploaded.mostKeys, tuning.splitKeys)),
                        Int32(bitPattern: scores.scale.bitPattern),
                        Int32(bitPattern: (scores.softcap ?? 0).bitPattern), Int32(scores.window ?? 0),
                        Int32(firstSplit),
                    ], groups: ((items + tuning.teams - 1) / tuning.teams, splits, 1))
                guard splits > 1 else { continue }
                try dispatch(
                    .attentionMerge, [elementWidth, UInt32(d), UInt32(tuning.splitKeys)],
                    [storage(2, partials), host(3, uploaded.entries), storage(4, output.onVulkan)],
                    push: [
                        Int32(heads), Int32(splits), Int32(first), Int32(scores.window ?? 0),
                        Int32(firstSplit),
                    ],
                    groups: (elementGroups(heads * d), rows, 1))
            }
        }
    }

    func copyCache(_ cache: any CacheStorage, from source: CacheSlots, to target: CacheSlots) {
        let (cache, count) = (cache.onVulkan, source.slots.count)
        precondition(count == target.slots.count)
        guard count > 0 else { return }
        let shape = cache.shape
        let (words, planes) = (shape.headDimension / 2, shape.keyValueHeads * 2)
        record { () throws(BackendError) in
            let sources = try arena.holding(source.slots.map { Int32($0) })
            let targets = try arena.holding(target.slots.map { Int32($0) })
            let bytes = cache.layersInPiece * planes * count * words * 4
            let held = try scratch(.moves, bytes)
            for (index, piece) in cache.pieces.enumerated() {
                let layers = min(cache.layersInPiece, shape.layers - index * cache.layersInPiece)
                for isWriting in [false, true] {
                    try dispatch(
                        .move, [elementWidth, isWriting ? 1 : 0],
                        [storage(2, piece), storage(3, held), host(4, isWriting ? targets : sources)],
                        push: [
                            Int32(words), Int32(count), Int32(shape.capacity), Int32(planes),
                            Int32(cache.layerWords), Int32(isWriting ? target.sequence : source.sequence),
                        ], groups: (elementGroups(count * words), planes, layers))
                }
            }
        }
    }

    private func upload(_ plan: RowPlan) throws(BackendError) -> UploadedPlan {
        if let lastPlan, lastPlan.matches(plan) { return lastPlan }
        var places = [Int32]()
        var entries = [Int32]()
        var branches = [Int32]()
        var visible = 1
        for row in 0..<plan.count {
            let (sequence, position) = (Int32(plan.rows[row].sequence), Int32(plan.rows[row].position))
            places += [sequence, position, Int32(plan.slots[row]), 0]
            visible = max(visible, plan.visibleKeys(row))
            var branch: Int32 = -1
            if let slots = plan.gathered(row) {
                branch = Int32(branches.count)
                branches.append(contentsOf: slots.lazy.map { Int32($0) })
            }
            entries += [sequence, position, Int32(plan.committed[row]), branch]
        }
        let uploaded = UploadedPlan(
            plan: plan, places: try arena.holding(places), entries: try arena.holding(entries),
            branches: try arena.holding(branches), mostKeys: visible,
            firstPosition: plan.rows.reduce(Int.max) { min($0, $1.position) })
        lastPlan = uploaded
        return uploaded
    }
}
