/// A regular expression as instructions of a machine that tries alternatives in order.
struct PatternProgram: Sendable {
    struct Instruction: Sendable {
        var operation: Operation
        /// A set, or where to go on.
        var first: Int32 = 0
        /// Where to go on else, or a number.
        var second: Int32 = 0
        var third: Int32 = 0
        var flag = false
        /// Of splits and runs.
        var number: Int32 = -1
    }

    enum Operation: UInt8, Sendable {
        case set  // first: set
        case run  // first: set, second: minimum, third: maximum or −1, flag: gives nothing back
        case split  // first, then second
        case jump  // first
        case assertion  // first
        case peek  // first: set, second: 1 for the character before, flag: negated
        case look  // first: behind the body, second: −1 or how many characters back, flag: negated
        case atomic  // first: behind the body
        case enter  // first: slot; notes where a round of a loop begins
        case progress  // first: slot, second: where to go if the round took nothing
        case end
    }

    /// One way to match, with the bytes it can begin with.
    struct Branch: Sendable {
        var start: Int
        var first: FirstBytes
    }

    private(set) var instructions: ContiguousArray<Instruction> = []
    private(set) var sets: ContiguousArray<ScalarSet> = []
    /// The alternatives of the whole, in order.
    private(set) var branches: ContiguousArray<Branch> = []
    /// How many splits and runs there are.
    private(set) var choices: Int32 = 0
    private(set) var slots: Int32 = 0

    private var indexOfSet: [ScalarSet: Int32] = [:]
    /// Nodes compiled, repeated ones as often as they are.
    private var visits = 0

    private static let longest = 20_000
    private static let mostVisits = 100_000

    init(_ node: PatternNode) throws(PatternError) {
        let nodes = if case .alternatives(let nodes) = node { nodes } else { [node] }
        for node in nodes {
            branches.append(Branch(start: instructions.count, first: FirstBytes(node)))
            try compile(node)
            try emit(Instruction(operation: .end))
        }
    }

    private mutating func emit(_ instruction: Instruction) throws(PatternError) {
        guard instructions.count < Self.longest else {
            throw PatternError(problem: "an expression of more than \(Self.longest) steps")
        }
        instructions.append(instruction)
    }

    private var here: Int32 { Int32(truncatingIfNeeded: instructions.count) }

    private mutating func index(of set: ScalarSet) -> Int32 {
        if let index = indexOfSet[set] { return index }
        let index = Int32(truncatingIfNeeded: sets.count)
        sets.append(set)
        indexOfSet[set] = index
        return index
    }

    /// Choices at most: what is noted of them takes a bit for each, and for each byte of the text.
    private static let mostChoices: Int32 = 512

    private mutating func nextNumber() throws(PatternError) -> Int32 {
        guard choices < Self.mostChoices else {
            throw PatternError(problem: "an expression of more than \(Self.mostChoices) choices")
        }
        choices += 1
        return choices - 1
    }

    private mutating func emitSplit() throws(PatternError) -> Int {
        try emit(Instruction(operation: .split, number: try nextNumber()))
        return instructions.count - 1
    }

    private mutating func compile(_ node: PatternNode) throws(PatternError) {
        visits += 1
        guard visits <= Self.mostVisits else {
            throw PatternError(problem: "an expression of more than \(Self.longest) steps")
        }
        switch node {
        case .empty: break
        case .set(let set): try emit(Instruction(operation: .set, first: index(of: set)))
        case .sequence(let nodes): for node in nodes { try compile(node) }
        case .alternatives(let nodes): try compile(alternatives: nodes)
        case .assertion(let assertion):
            try emit(Instruction(operation: .assertion, first: Int32(assertion.rawValue)))
        case .look(let node, let isBehind, let isNegated): try compile(look: node, isBehind, isNegated)
        case .atomic(let node):
            let atomic = instructions.count
            try emit(Instruction(operation: .atomic))
            try compile(node)
            try emit(Instruction(operation: .end))
            instructions[atomic].first = here
        case .repeated(let node, let minimum, let maximum, let greed):
            try compile(repeated: node, minimum, maximum, greed)
        }
    }

    private mutating func compile(alternatives nodes: [PatternNode]) throws(PatternError) {
        var jumps = [Int]()
        for (index, node) in nodes.enumerated() {
            guard index + 1 < nodes.count else {
                try compile(node)
                break
            }
            let split = try emitSplit()
            instructions[split].first = here
            try compile(node)
            jumps.append(instructions.count)
            try emit(Instruction(operation: .jump))
            instructions[split].second = here
        }
        for jump in jumps { instructions[jump].first = here }
    }

    private mutating func compile(
        look node: PatternNode, _ isBehind: Bool, _ isNegated: Bool
    ) throws(PatternError) {
        if case .set(let set) = node {
            return try emit(
                Instruction(
                    operation: .peek, first: index(of: set), second: isBehind ? 1 : 0, flag: isNegated))
        }
        if isBehind, case .alternatives(let nodes) = node {
            // Each may have a length of its own. None of them: one after the other.
            let parts = nodes.map { PatternNode.look($0, isBehind: true, isNegated: isNegated) }
            return try compile(isNegated ? .sequence(parts) : .alternatives(parts))
        }
        var back: Int32 = -1
        if isBehind {
            guard let length = node.fixedLength else {
                throw PatternError(problem: "a look behind of no fixed length")
            }
            back = Int32(truncatingIfNeeded: length)
        }
        let look = instructions.count
        try emit(Instruction(operation: .look, second: back, flag: isNegated))
        try compile(node)
        try emit(Instruction(operation: .end))
        instructions[look].first = here
    }

    private mutating func compile(
        repeated node: PatternNode, _ minimum: Int, _ maximum: Int?, _ greed: PatternNode.Greed
    ) throws(PatternError) {
        if case .set(let set) = node, greed != .lazy {
            return try emit(
                Instruction(
                    operation: .run, first: index(of: set), second: Int32(truncatingIfNeeded: minimum),
                    third: Int32(truncatingIfNeeded: maximum ?? -1), flag: greed == .possessive,
                    number: try nextNumber()))
        }
        if greed == .possessive {
            return try compile(
                .atomic(.repeated(node, minimum: minimum, maximum: maximum, .greedy)))
        }
        for _ in 0..<minimum { try compile(node) }
        if let maximum {
            var splits = [Int]()
            for _ in minimum..<max(minimum, maximum) {
                let split = try emitSplit()
                splits.append(split)
                setFirst(split, greed)
                try compile(node)
            }
            for split in splits { setSecond(split, greed) }
            return
        }
        let split = try emitSplit()
        setFirst(split, greed)
        let slot = slots
        if node.isNullable {
            slots += 1
            try emit(Instruction(operation: .enter, first: slot))
        }
        try compile(node)
        var progress: Int?
        if node.isNullable {
            progress = instructions.count
            try emit(Instruction(operation: .progress, first: slot))
        }
        try emit(Instruction(operation: .jump, first: Int32(truncatingIfNeeded: split)))
        setSecond(split, greed)
        if let progress { instructions[progress].second = here }
    }

    /// The way into a loop begins here, the way out of it.
    private mutating func setFirst(_ split: Int, _ greed: PatternNode.Greed) {
        if greed == .lazy { instructions[split].second = here } else { instructions[split].first = here }
    }

    private mutating func setSecond(_ split: Int, _ greed: PatternNode.Greed) {
        if greed == .lazy { instructions[split].first = here } else { instructions[split].second = here }
    }
}

/// The bytes that a match can begin with.
struct FirstBytes: Sendable {
    private var ascii = SIMD2<UInt64>(0, 0)
    private var hasOthers = false
    /// A match may be empty: it can begin anywhere, also at the end.
    private(set) var isAnywhere = false

    init(_ node: PatternNode) { add(node) }

    func contains(_ byte: UInt8) -> Bool {
        isAnywhere || (byte < 128 ? ascii[Int(byte >> 6)] >> UInt64(byte & 63) & 1 != 0 : hasOthers)
    }

    private mutating func add(_ node: PatternNode) {
        switch node {
        case .empty, .look, .assertion: isAnywhere = true
        case .set(let set):
            for byte in UInt8(0)..<128 where set.containsASCII(byte) {
                ascii[Int(byte >> 6)] |= 1 << UInt64(byte & 63)
            }
            hasOthers = hasOthers || set.reachesBeyondASCII || set.holdsInvalid
        case .sequence(let nodes):
            for node in nodes {
                let isNullable = node.isNullable
                if isNullable {
                    let before = isAnywhere
                    add(node)
                    isAnywhere = before
                } else {
                    return add(node)
                }
            }
            isAnywhere = true
        case .alternatives(let nodes): for node in nodes { add(node) }
        case .repeated(let node, let minimum, let maximum, _):
            if maximum != 0 { add(node) }
            if minimum == 0 { isAnywhere = true }
        case .atomic(let node): add(node)
        }
    }
}
