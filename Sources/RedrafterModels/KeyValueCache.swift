import RedrafterCore

/// Which tokens of each sequence the cache holds, over a backend's storage.
///
/// A pass writes its rows behind the committed entries of their sequences; `commit` keeps the accepted ones and
/// forgets the rest. One pass is open at a time:
///
///     slots of a sequence:  [ committed … | rows of the open pass, in batch order | free ]
///                             0            length                                  capacity
struct KeyValueCache {
    let storage: any CacheStorage
    /// Tokens a sequence can hold.
    let contextLength: Int
    /// Committed tokens of each sequence. `[sequences]`
    private(set) var lengths: [Int]
    private var openPass: RowPlan?

    /// - Throws: `TransformerError.backend` with `.outOfMemory`.
    init(
        configuration: ModelConfiguration, contextLength: Int, sequences: Int,
        on backend: any ComputeBackend
    ) throws(TransformerError) {
        precondition(contextLength > 0 && sequences > 0, "a cache holds at least one token")
        let shape = Self.shape(
            configuration: configuration, contextLength: contextLength, sequences: sequences)
        do {
            storage = try backend.makeCache(shape)
        } catch {
            throw .backend(error)
        }
        self.contextLength = contextLength
        lengths = [Int](repeating: 0, count: sequences)
    }

    /// The storage that a context of this length takes, with room for the rows of a tree behind a full one.
    static func shape(configuration: ModelConfiguration, contextLength: Int, sequences: Int)
        -> CacheShape
    {
        let (capacity, overflow) = contextLength.addingReportingOverflow(TreeLimits.maximumRows)
        return CacheShape(
            layers: configuration.layers, keyValueHeads: configuration.keyValueHeads,
            headDimension: configuration.headDimension, sequences: sequences,
            capacity: overflow ? .max : capacity)
    }

    /// Validates the rows of the next pass and opens it. A pass that was open and not committed is forgotten.
    /// - Throws: `TransformerError.contextFull`, `.invalidRows`; the cache is unchanged then.
    mutating func plan(_ rows: [Row]) throws(TransformerError) -> RowPlan {
        for row in rows where row.position >= contextLength {
            throw .contextFull(sequence: row.sequence, needed: row.position + 1, contextLength: contextLength)
        }
        do {
            let plan = try RowPlan(rows: rows, lengths: lengths, capacity: storage.shape.capacity)
            openPass = plan
            return plan
        } catch {
            throw .invalidRows(error)
        }
    }

    /// Keeps the rows of `path` (indices into the open pass, each after its parent, of one sequence or of several) and
    /// forgets the others. Entries are moved only where they do not lie in place already.
    /// - Throws: `TransformerError.invalidPath`; the cache and the open pass are unchanged then.
    mutating func commit(_ path: [Int], on stream: any ComputeStream) throws(TransformerError) {
        guard let plan = openPass else {
            throw .invalidPath(row: path.first ?? -1, reason: "there is no open pass")
        }
        var last = [Int](repeating: -1, count: lengths.count)
        var kept = lengths
        var moves = [(from: [Int], to: [Int])](repeating: ([], []), count: lengths.count)
        for row in path {
            guard plan.rows.indices.contains(row) else {
                throw .invalidPath(row: row, reason: "the pass has \(plan.count) rows")
            }
            let sequence = plan.rows[row].sequence
            guard plan.rows[row].parent == last[sequence] else {
                throw .invalidPath(
                    row: row,
                    reason: "it follows row \(plan.rows[row].parent), the path row \(last[sequence])")
            }
            if plan.slots[row] != kept[sequence] {
                moves[sequence].from.append(plan.slots[row])
                moves[sequence].to.append(kept[sequence])
            }
            last[sequence] = row
            kept[sequence] += 1
        }
        for (sequence, move) in moves.enumerated() where !move.from.isEmpty {
            stream.copyCache(
                storage, from: CacheSlots(sequence: sequence, slots: move.from),
                to: CacheSlots(sequence: sequence, slots: move.to))
        }
        lengths = kept
        openPass = nil
    }

    /// Gives one sequence the first `count` entries of another, and forgets what it held beyond. The entries that both have are
    /// `shared` in number: they are not copied. The open pass is forgotten.
    mutating func copy(
        from source: Int, to target: Int, shared: Int, count: Int, on stream: any ComputeStream
    ) {
        precondition(
            source != target && shared <= lengths[target] && shared <= count && count <= lengths[source],
            "\(count) of \(lengths[source]) entries, \(shared) of \(lengths[target]) shared")
        openPass = nil
        for start in stride(from: shared, to: count, by: Self.copiedAtOnce) {
            let slots = Array(start..<min(start + Self.copiedAtOnce, count))
            stream.copyCache(
                storage, from: CacheSlots(sequence: source, slots: slots),
                to: CacheSlots(sequence: target, slots: slots))
        }
        lengths[target] = count
    }

    /// Bounds the memory that a copy needs.
    private static let copiedAtOnce = 128

    /// Keeps the first `length` tokens of a sequence, as many as it has at most. The open pass is forgotten.
    mutating func truncate(sequence: Int, to length: Int) {
        precondition(
            lengths.indices.contains(sequence) && length >= 0, "no sequence \(sequence) or length \(length)")
        openPass = nil
        lengths[sequence] = min(lengths[sequence], length)
    }

    /// Forgets everything.
    mutating func reset() {
        openPass = nil
        lengths = [Int](repeating: 0, count: lengths.count)
    }
}
