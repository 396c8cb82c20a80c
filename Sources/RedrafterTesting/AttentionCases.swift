import RedrafterCore

/// Rotary embedding, cache append and attention of a tree of rows behind committed tokens.
struct AttentionCase: Sendable {
    var heads = 6
    var keyValueHeads = 2
    var headDimension = 64
    var rotatedDimension = 64
    var pairing = RotaryPairing.neighbours
    /// 1/√d over all keys where nil.
    var scores: AttentionScores?
    /// Committed tokens of each sequence.
    var committed: [Int]
    /// Parent and sequence of each row.
    var parents: [Int]
    var sequences: [Int]

    static let all: [AttentionCase] = {
        func alone(_ committed: Int, _ parents: [Int]) -> AttentionCase {
            AttentionCase(committed: [committed], parents: parents, sequences: parents.map { _ in 0 })
        }
        let chain = { (count: Int) in (0..<count).map { $0 - 1 } }
        var cases = [0, 1, 15, 16, 17, 63, 64, 65, 200].map { alone($0, chain(8)) }
        cases += [alone(0, chain(64)), alone(70, chain(64)), alone(300, [-1])]
        cases += [0, 5, 31, 130].map { alone($0, [-1, 0, 0, 1, 1, 2, 2, 3, -1, 8]) }
        // A parent after its child, and a star.
        cases += [alone(40, [2, 0, -1, 2, 3, 1]), alone(33, [Int](repeating: -1, count: 32))]
        cases.append(
            AttentionCase(
                committed: [3, 90, 0], parents: [-1, -1, 0, -1, 1, 1, 3, 4],
                sequences: [0, 1, 0, 2, 1, 1, 2, 1]))
        // Many splits: few rows, whose splits go to threads one by one, and many; sequences of different lengths.
        let lengths = [700, 90, 0]
        for count in [4, 26] {
            cases.append(
                AttentionCase(
                    committed: lengths, parents: [Int](repeating: -1, count: count),
                    sequences: (0..<count).map { $0 % 3 }))
        }
        cases += [alone(700, chain(40)), alone(650, [-1, 0, 0, 1, 2])]
        var many = alone(140, [-1, 0, 0])
        (many.heads, many.keyValueHeads, many.headDimension, many.rotatedDimension) = (13, 1, 16, 16)
        cases.append(many)
        var halves = alone(50, [-1, 0, 0, 1, 2])
        halves.pairing = .halves
        var wide = alone(20, chain(5))
        (wide.heads, wide.keyValueHeads, wide.headDimension, wide.rotatedDimension) = (4, 4, 128, 128)
        var partial = alone(37, [-1, 0, 0, 1, 2])
        (partial.heads, partial.keyValueHeads, partial.headDimension, partial.rotatedDimension) = (
            8, 1, 96, 48
        )
        var narrow = alone(25, [-1, 0, 0, 1, 2])
        (narrow.heads, narrow.keyValueHeads, narrow.headDimension, narrow.rotatedDimension) = (4, 2, 16, 16)
        var large = alone(150, [-1, 0, 0, 1, 2])
        (large.heads, large.keyValueHeads, large.headDimension, large.rotatedDimension) = (2, 1, 256, 256)
        return cases + [halves, wide, partial, narrow, large] + windowed
    }()

    /// Windows that end within a tile, a split and a branch, with other scores than the usual ones.
    private static let windowed: [AttentionCase] = {
        let tree = [-1, 0, 0, 1, 1, 2, 2, 3, -1, 8]
        let chain = (0..<40).map { $0 - 1 }
        let shapes: [(window: Int, committed: Int, parents: [Int])] = [
            (1, 40, tree), (2, 0, tree), (7, 126, tree), (7, 126, chain), (16, 300, tree), (30, 115, chain),
            (100, 40, chain), (128, 300, tree), (128, 255, chain), (200, 300, chain),
        ]
        return shapes.map { shape in
            var windowed = AttentionCase(
                committed: [shape.committed], parents: shape.parents,
                sequences: shape.parents.map { _ in 0 })
            windowed.scores = AttentionScores(
                scale: 0.2, softcap: shape.window % 2 == 0 ? 3 : nil, window: shape.window)
            return windowed
        }
    }()

    var opCase: OpCase {
        OpCase(
            description:
                "attention, \(heads)/\(keyValueHeads) heads of \(headDimension), \(pairing), behind \(committed), tree \(parents)"
                + (scores.map { ", window \($0.window ?? 0), cap \($0.softcap ?? 0)" } ?? ""),
            requirement: nil, rows: parents.count, tolerance: 1e-6, prepare: prepare)
    }

    private func position(_ row: Int) -> Int {
        parents[row] < 0 ? committed[sequences[row]] : position(parents[row]) + 1
    }

    /// Rows that the chosen ones see, in the order of the batch.
    private func closure(of chosen: [Int]) -> [Int] {
        var kept = Set<Int>()
        for row in chosen {
            var current = row
            while current >= 0 {
                kept.insert(current)
                current = parents[current]
            }
        }
        return kept.sorted()
    }

    private func rows(_ order: [Int]) -> [Row] {
        order.map { row in
            Row(
                sequence: sequences[row], token: 0, position: position(row),
                parent: order.firstIndex(of: parents[row]) ?? -1)
        }
    }

    private var history: [Row] {
        committed.enumerated().flatMap { sequence, count in
            let first = committed[..<sequence].reduce(0, +)
            return (0..<count).map {
                Row(sequence: sequence, token: 0, position: $0, parent: $0 == 0 ? -1 : first + $0 - 1)
            }
        }
    }

    /// Fills the cache with the committed tokens; then each evaluation writes its rows behind them.
    @Sendable private func prepare(on backend: any ComputeBackend) throws(BackendError) -> OpCase.Evaluation {
        let run = try AttentionRun(self, on: backend)
        var inputs = Inputs(seed: 7)
        let history = history
        let total = history.count + parents.count
        let queries = inputs.matrix(total, heads * headDimension)
        let keys = inputs.matrix(total, keyValueHeads * headDimension)
        let values = inputs.matrix(total, keyValueHeads * headDimension)
        func pass(_ rows: [Row], _ indices: [Int], _ lengths: [Int]) throws(BackendError) -> [[Float]] {
            try run.pass(
                rows, lengths: lengths, queries: queries.tensor(indices, on: backend),
                keys: keys.tensor(indices, on: backend), values: values.tensor(indices, on: backend))
        }
        if !history.isEmpty { _ = try pass(history, Array(history.indices), committed.map { _ in 0 }) }
        return { chosen throws(BackendError) in
            let order = closure(of: chosen)
            let outputs = try pass(rows(order), order.map { history.count + $0 }, committed)
            return chosen.map { row in outputs[order.firstIndex(of: row) ?? 0] }
        }
    }
}

/// A cache of two layers and the rotary table of a case.
private struct AttentionRun {
    let backend: any ComputeBackend
    let stream: any ComputeStream
    let cache: any CacheStorage
    let table: RotaryTable
    let scores: AttentionScores
    let capacity: Int

    init(_ attention: AttentionCase, on backend: any ComputeBackend) throws(BackendError) {
        self.backend = backend
        stream = backend.makeStream()
        scores = attention.scores ?? .scaled(headDimension: attention.headDimension)
        capacity = (attention.committed.max() ?? 0) + attention.parents.count
        cache = try backend.makeCache(
            CacheShape(
                layers: 2, keyValueHeads: attention.keyValueHeads, headDimension: attention.headDimension,
                sequences: attention.committed.count, capacity: capacity))
        // Any rotation will do; angles as the usual table has them would need a configuration.
        var inputs = Inputs(seed: 8)
        table = RotaryTable(
            values: try inputs.matrix(capacity, attention.rotatedDimension, magnitude: 1).tensor(on: backend),
            pairing: attention.pairing, rotatedDimension: attention.rotatedDimension)
    }

    func pass(
        _ rows: [Row], lengths: [Int], queries: Tensor, keys: Tensor, values: Tensor
    ) throws(BackendError) -> [[Float]] {
        guard let plan = try? RowPlan(rows: rows, lengths: lengths, capacity: capacity) else {
            preconditionFailure("an attention case with invalid rows")
        }
        let output = try backend.makeTensor(rows: queries.rows, columns: queries.columns)
        stream.rotaryAppend(
            queries: queries, keys: keys, values: values, table: table, cache: cache, layer: 1, plan: plan)
        stream.attention(
            queries: queries, cache: cache, layer: 1, plan: plan, scores: scores, into: output)
        return zip(try stream.rows(of: output), try stream.rows(of: queries)).map { $0 + $1 }
    }
}
