import RedrafterPlatform

/// Which drafter of a combination a node comes from: its place in the combination.
public struct DraftSource: Sendable, Hashable {
    public let index: UInt8

    public init(index: UInt8 = 0) { self.index = index }
}

/// Guesses for the next tokens as a trie: beams that begin alike share their nodes, so that each shared token is checked once
/// (dynamic tree attention, ReDrafter section 3.2).
///
///     node:    0 ─┬─ 1 ── 2        0: the root, a token that is certain but not in the cache yet
///                 └─ 3             1…: guesses; parents come before their children
///
/// A node's index is also its row in the verification pass.
public struct TokenTree: Sendable, Hashable {
    /// A guess.
    public struct Node: Sendable, Hashable {
        /// What is guessed; the root's is certain.
        public let token: Int32
        /// Index of the node before it; −1 for the root.
        public let parent: Int
        /// Tokens after the root.
        public let depth: Int
        /// Natural logarithm of the estimated probability that the model confirms this node, given that it confirms its
        /// parent; 0 for the root.
        public internal(set) var logAcceptance: Float
        /// Which drafter of a combination guessed it.
        public internal(set) var source: DraftSource
    }

    /// All nodes, the root first, parents before their children.
    public private(set) var nodes: [Node]
    private var firstChild: [Int]  // [nodes], −1: none
    private var nextSibling: [Int]  // [nodes], −1: none

    /// A tree of one node: plain decoding.
    public init(root token: Int32) {
        nodes = [Node(token: token, parent: -1, depth: 0, logAcceptance: 0, source: DraftSource())]
        firstChild = [-1]
        nextSibling = [-1]
    }

    /// Nodes, the root included: rows of the verification pass.
    public var count: Int { nodes.count }

    public var root: Int32 { nodes[0].token }

    /// Tokens of the longest branch after the root.
    public var depth: Int { nodes.reduce(0) { max($0, $1.depth) } }

    /// Adds a guess, or finds it: where `parent` has a child with this token already, the larger estimate stays.
    /// - Parameters:
    ///   - token: what is guessed.
    ///   - parent: index of the node that it follows.
    ///   - logAcceptance: natural logarithm of a probability; values above 0 count as 0, NaN as −infinity.
    ///   - source: which drafter of a combination guesses.
    /// - Returns: the index of the node.
    @discardableResult
    public mutating func insert(
        _ token: Int32, after parent: Int, logAcceptance: Float, source: DraftSource = DraftSource()
    ) -> Int {
        precondition(nodes.indices.contains(parent), "node \(parent) of a tree of \(count)")
        let estimate = logAcceptance.isNaN ? -Float.infinity : min(logAcceptance, 0)
        var last = -1
        var child = firstChild[parent]
        while child >= 0 {
            if nodes[child].token == token {
                if estimate > nodes[child].logAcceptance {
                    nodes[child].logAcceptance = estimate
                    nodes[child].source = source
                }
                return child
            }
            last = child
            child = nextSibling[child]
        }
        let index = count
        nodes.append(
            Node(
                token: token, parent: parent, depth: nodes[parent].depth + 1, logAcceptance: estimate,
                source: source))
        firstChild.append(-1)
        nextSibling.append(-1)
        if last < 0 { firstChild[parent] = index } else { nextSibling[last] = index }
        return index
    }

    /// Adds a guess with the probability that the model confirms it, given that it confirms `parent`; see the form with a
    /// logarithm.
    @discardableResult
    public mutating func insert(
        _ token: Int32, after parent: Int, probability: Double, source: DraftSource = DraftSource()
    ) -> Int {
        insert(token, after: parent, logAcceptance: Float(log(probability)), source: source)
    }

    /// The child of a node that carries a token.
    public func child(of node: Int, token: Int32) -> Int? {
        children(of: node).first { nodes[$0].token == token }
    }

    /// The children of a node in the order they were added.
    public func children(of node: Int) -> some Sequence<Int> {
        sequence(first: firstChild[node]) { nextSibling[$0] }.prefix { $0 >= 0 }
    }

    public func hasChildren(_ node: Int) -> Bool { firstChild[node] >= 0 }

    /// Nodes from the root to a node, both included.
    public func path(to node: Int) -> [Int] {
        var path = [Int]()
        var current = node
        while current >= 0 {
            path.append(current)
            current = nodes[current].parent
        }
        return path.reversed()
    }

    /// The tree of some of its nodes and the root, in the same order.
    /// - Parameter isKept: by node; a node whose parent is not kept is not kept either.
    public func selecting(_ isKept: [Bool]) -> TokenTree {
        precondition(isKept.count == count, "one answer for each node")
        var tree = TokenTree(root: root)
        var place = [Int](repeating: -1, count: count)
        place[0] = 0
        for (index, node) in nodes.enumerated().dropFirst() where isKept[index] && place[node.parent] >= 0 {
            place[index] = tree.insert(
                node.token, after: place[node.parent], logAcceptance: node.logAcceptance, source: node.source)
        }
        return tree
    }

    /// The rows of the pass that verifies the tree, in the order of its nodes.
    /// - Parameters:
    ///   - start: position of the root, the number of committed tokens.
    ///   - sequence: the sequence of the cache that the tree continues.
    public func rows(from start: Int, sequence: Int = 0) -> [Row] {
        nodes.map {
            Row(sequence: sequence, token: $0.token, position: start + $0.depth, parent: $0.parent)
        }
    }
}
