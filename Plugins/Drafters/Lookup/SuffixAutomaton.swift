/// All parts of a token sequence, in one automaton that grows by a token at a time in amortised constant time (Blumer et al.,
/// 1985): at most 2n states and 3n edges for n tokens.
///
/// A state stands for the parts that end at the same places. Following `link` from a state drops tokens from the front until
/// the rest occurs at more places, so the link of the newest state is the longest end of the text that occurred before.
struct SuffixAutomaton: Sendable {
    /// The state of the empty text.
    static let root = 0

    struct State: Sendable {
        /// Tokens of the longest part it stands for.
        var length: Int32
        var link: Int32
        var firstEdge: Int32 = -1
        /// Index of the last token of an occurrence that is followed by another token: the latest one noticed.
        var occurrence: Int32
        /// Continued occurrences noticed.
        var count: Int32 = 0
    }

    private struct Edge: Sendable {
        let token: Int32
        let next: Int32  // of the same state
        var target: Int32
    }

    private(set) var tokens: [Int32] = []
    private(set) var states = [State(length: 0, link: -1, occurrence: -1)]
    private var edges: [Edge] = []
    private var index = EdgeIndex()
    private var last = root

    /// The longest end of the text that occurs earlier in it, and is continued there; the root where there is none.
    var longestEarlierMatch: Int { last == Self.root ? Self.root : Int(states[last].link) }

    var edgeCount: Int { edges.count }

    mutating func append(_ token: Int32) {
        noticeContinuation()
        let new = states.count
        states.append(State(length: states[last].length + 1, link: 0, occurrence: Int32(tokens.count)))
        tokens.append(token)
        var state = last
        last = new
        while state >= 0 {
            if let edge = index.edge(from: state, token: token) {
                states[new].link = Int32(suffix(of: state, through: edge))
                return
            }
            addEdge(from: state, token: token, to: new)
            state = Int(states[state].link)
        }
    }

    /// The state after a token; nil where the text never goes on like that.
    func next(_ state: Int, _ token: Int32) -> Int? {
        index.edge(from: state, token: token).map { Int(edges[$0].target) }
    }

    /// Tokens that follow a state somewhere in the text, with the states they lead to; the newest edges first.
    func continuations(of state: Int) -> some Sequence<(token: Int32, state: Int)> {
        sequence(first: states[state].firstEdge) { edges[Int($0)].next }
            .lazy.prefix { $0 >= 0 }
            .map { (edges[Int($0)].token, Int(edges[Int($0)].target)) }
    }

    /// The token that is about to come continues what ends here: the longest ends of the text learn of it. Shorter ones are
    /// so common that one occurrence more changes nothing.
    private mutating func noticeContinuation() {
        guard !tokens.isEmpty else { return }
        var state = Int(states[last].link)
        for _ in 0..<Self.noticedEnds where state > Self.root {
            states[state].occurrence = Int32(tokens.count - 1)
            states[state].count += 1
            state = Int(states[state].link)
        }
    }

    /// The state of exactly the longest part of `state` and the edge's token, split off where its target stands for longer
    /// ones, too.
    private mutating func suffix(of state: Int, through edge: Int) -> Int {
        let target = Int(edges[edge].target)
        let token = edges[edge].token
        guard states[target].length != states[state].length + 1 else { return target }
        let clone = states.count
        states.append(states[target])
        states[clone].length = states[state].length + 1
        states[clone].firstEdge = -1
        var copied = states[target].firstEdge
        while copied >= 0 {
            addEdge(from: clone, token: edges[Int(copied)].token, to: Int(edges[Int(copied)].target))
            copied = edges[Int(copied)].next
        }
        states[target].link = Int32(clone)
        var current = state
        while current >= 0, let found = index.edge(from: current, token: token),
            edges[found].target == target
        {
            edges[found].target = Int32(clone)
            current = Int(states[current].link)
        }
        return clone
    }

    private mutating func addEdge(from state: Int, token: Int32, to target: Int) {
        edges.append(Edge(token: token, next: states[state].firstEdge, target: Int32(target)))
        states[state].firstEdge = Int32(edges.count - 1)
        index.insert(state: state, token: token, edge: edges.count - 1)
    }

    private static let noticedEnds = 8
}

/// Finds the edge of a state that carries a token: open addressing.
private struct EdgeIndex: Sendable {
    private struct Slot: Sendable {
        var state: Int32
        var edge: Int32  // −1: free
        var token: Int32
    }

    private var slots = [Slot](repeating: Slot(state: 0, edge: -1, token: 0), count: 64)
    private var used = 0

    func edge(from state: Int, token: Int32) -> Int? {
        var slot = Self.hash(Int32(truncatingIfNeeded: state), token) & (slots.count - 1)
        while slots[slot].edge >= 0 {
            if slots[slot].state == state, slots[slot].token == token { return Int(slots[slot].edge) }
            slot = (slot + 1) & (slots.count - 1)
        }
        return nil
    }

    mutating func insert(state: Int, token: Int32, edge: Int) {
        if 2 * (used + 1) > slots.count { grow() }
        place(Slot(state: Int32(truncatingIfNeeded: state), edge: Int32(edge), token: token))
        used += 1
    }

    private mutating func place(_ entry: Slot) {
        var slot = Self.hash(entry.state, entry.token) & (slots.count - 1)
        while slots[slot].edge >= 0 { slot = (slot + 1) & (slots.count - 1) }
        slots[slot] = entry
    }

    private mutating func grow() {
        let old = slots
        slots = [Slot](repeating: Slot(state: 0, edge: -1, token: 0), count: old.count * 2)
        for entry in old where entry.edge >= 0 { place(entry) }
    }

    private static func hash(_ state: Int32, _ token: Int32) -> Int {
        let key = UInt64(UInt32(bitPattern: state)) << 32 | UInt64(UInt32(bitPattern: token))
        let product = key.multipliedFullWidth(by: 0x9E37_79B9_7F4A_7C15)
        return Int(truncatingIfNeeded: product.high ^ product.low)
    }
}
