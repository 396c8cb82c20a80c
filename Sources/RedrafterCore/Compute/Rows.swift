/// One row of a forward pass: a token at a position of a sequence.
///
/// A prompt, a single token, a tree of guesses and several sequences at once are all lists of rows;
/// there is one path through the model for them.
public struct Row: Sendable, Hashable {
    /// Which sequence of the cache the row belongs to.
    public var sequence: Int
    /// The token whose embedding enters the model.
    public var token: Int32
    /// Absolute position: the number of tokens before this one.
    public var position: Int
    /// Index of the row this one follows in the same batch; −1 when it follows the committed cache.
    public var parent: Int

    public init(sequence: Int = 0, token: Int32, position: Int, parent: Int) {
        self.sequence = sequence
        self.token = token
        self.position = position
        self.parent = parent
    }

    /// A chain of rows that continues a committed cache of `start` tokens: a prompt, or a single token.
    public static func chain(_ tokens: some Sequence<Int32>, from start: Int, sequence: Int = 0) -> [Row] {
        tokens.enumerated().map { index, token in
            Row(sequence: sequence, token: token, position: start + index, parent: index - 1)
        }
    }
}

/// Why a list of rows is no valid batch.
public enum RowError: Error, Sendable, Equatable {
    case emptyBatch
    case sequenceOutOfRange(row: Int, sequence: Int, count: Int)
    case parentOutOfRange(row: Int, parent: Int)
    case parentInOtherSequence(row: Int, parent: Int)
    case cycle(row: Int)
    case wrongPosition(row: Int, got: Int, expected: Int)
    case cacheFull(sequence: Int, needed: Int, capacity: Int)
}

/// A validated batch, with all that attention needs to know of its shape.
///
/// Row `i` is stored in the cache at `slots[i]`: behind the committed entries of its sequence, in batch order.
/// It sees the committed entries, then its ancestors by depth, then itself. Where those ancestors lie in
/// consecutive slots (a prompt, a plain step, the first branch of a tree) the row is *contiguous* and reads the
/// cache in place; else `gathered(i)` lists the slots of its own branch in order of position.
public struct RowPlan: Sendable {
    public let rows: [Row]
    /// Cache slot of each row. `[rows]`
    public let slots: [Int]
    /// Committed length of the row's sequence at the time of the pass. `[rows]`
    public let committed: [Int]
    private let branchStart: [Int]  // [rows + 1] into branchSlots; empty span = contiguous
    private let branchSlots: [Int]

    public var count: Int { rows.count }

    /// Validates `rows` against a cache whose sequences hold `lengths` tokens and have room for `capacity` slots.
    public init(rows: [Row], lengths: [Int], capacity: Int) throws(RowError) {
        guard !rows.isEmpty else { throw .emptyBatch }
        var used = lengths
        var slots = [Int]()
        slots.reserveCapacity(rows.count)
        for (index, row) in rows.enumerated() {
            guard lengths.indices.contains(row.sequence) else {
                throw .sequenceOutOfRange(row: index, sequence: row.sequence, count: lengths.count)
            }
            slots.append(used[row.sequence])
            used[row.sequence] += 1
        }
        for (sequence, length) in used.enumerated() where length > capacity {
            throw .cacheFull(sequence: sequence, needed: length, capacity: capacity)
        }
        for (index, row) in rows.enumerated() {
            guard row.parent >= -1, row.parent < rows.count, row.parent != index else {
                throw .parentOutOfRange(row: index, parent: row.parent)
            }
            let isRoot = row.parent == -1
            guard isRoot || rows[row.parent].sequence == row.sequence else {
                throw .parentInOtherSequence(row: index, parent: row.parent)
            }
            // A position that grows by one along every edge also rules out cycles.
            let parentPosition = isRoot ? lengths[row.sequence] - 1 : rows[row.parent].position
            let (expected, overflow) = parentPosition.addingReportingOverflow(1)
            guard !overflow, row.position == expected else {
                throw .wrongPosition(row: index, got: row.position, expected: expected)
            }
        }
        let committed = rows.map { lengths[$0.sequence] }

        var isContiguous = [Bool?](repeating: nil, count: rows.count)
        func contiguous(_ index: Int) -> Bool {
            // Slot equals position for the row and for every ancestor.
            var path = [Int]()
            var current = index
            var result = true
            while current >= 0 {
                if let known = isContiguous[current] {
                    result = known
                    break
                }
                path.append(current)
                current = rows[current].parent
            }
            for node in path.reversed() {
                result = result && slots[node] == rows[node].position
                isContiguous[node] = result
            }
            return result
        }
        var start = [0]
        var gathered = [Int]()
        for index in rows.indices {
            if !contiguous(index) {
                var branch = [Int]()
                var current = index
                while current >= 0 {
                    branch.append(slots[current])
                    current = rows[current].parent
                }
                gathered.append(contentsOf: branch.reversed())
            }
            start.append(gathered.count)
        }
        self.rows = rows
        self.slots = slots
        self.committed = committed
        self.branchStart = start
        self.branchSlots = gathered
    }

    /// Slots of the row's branch (ancestors by depth, then the row itself); nil when the row is contiguous,
    /// that is, when its visible keys are simply slots `0...position`.
    public func gathered(_ row: Int) -> ArraySlice<Int>? {
        let range = branchStart[row]..<branchStart[row + 1]
        return range.isEmpty ? nil : branchSlots[range]
    }

    /// Number of keys the row sees, itself included.
    public func visibleKeys(_ row: Int) -> Int { rows[row].position + 1 }
}
