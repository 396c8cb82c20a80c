/// What a verifier decided.
public struct Verdict: Sendable, Hashable {
    /// Confirmed nodes from the root on.
    public var path: [Int]
    /// The model's token after the last of them: certain, and the root of the next tree.
    public var next: Int32
    /// The token with the model's largest logit after each node, rejected ones too, before penalties, biases and noise. Empty where the
    /// verifier has not asked the device for leading logits (a sampler without top-k, penalties or biases that raise tokens, the typical
    /// rule) and where a row has no numbers. `[nodes]`
    public var mostLikely: [Int32]

    public init(path: [Int], next: Int32, mostLikely: [Int32] = []) {
        self.path = path
        self.next = next
        self.mostLikely = mostLikely
    }

    /// What the text gains: the confirmed guesses in order, and the model's own token after them.
    package func tokens(in tree: TokenTree) -> [Int32] {
        path.dropFirst().map { tree.nodes[$0].token } + [next]
    }
}

/// Decides which guesses become part of the text.
public protocol Verifier: Sendable {
    /// Name in reports.
    var name: String { get }
    /// Whether the text equals plain decoding's, token for token. A lossy rule says so here, in its name and in every report.
    var isExact: Bool { get }

    /// - Parameters:
    ///   - tree: the verified tree; row r of `logits` belongs to node r.
    ///   - logits: `[nodes, ≥ vocabulary]`
    ///   - tokens: certain tokens of the text, the root last.
    ///   - stream: the one that computed `logits`.
    /// - Throws: `BackendError.nonFinite` where a row that decides holds NaN or +infinity.
    func verify(
        _ tree: TokenTree, logits: Tensor, tokens: [Int32], on stream: any ComputeStream
    ) throws(BackendError) -> Verdict
}

/// Takes the model's own token at each node and goes on where a guess says the same (sample-and-match).
///
/// With noise that is a function of (seed, position, token) the model's token at a node does not depend on the guesses, so that
/// the text is plain decoding's at every temperature. Greedy decoding is the case of temperature 0.
public struct ExactVerifier: Verifier {
    public let name = "exact"
    public let isExact = true
    public let sampler: Sampler

    public init(_ sampler: Sampler) { self.sampler = sampler }

    public func verify(
        _ tree: TokenTree, logits: Tensor, tokens: [Int32], on stream: any ComputeStream
    ) throws(BackendError) -> Verdict {
        let walk = ExactWalk(sampler, tree, tokens: tokens)
        return try walk.verdict(try SampledRows(logits, for: [walk], on: stream))
    }
}

/// The way of the exact verifier through one tree.
package struct ExactWalk {
    package let sampler: Sampler
    private let tree: TokenTree
    private let tokenCount: Int
    /// Tokens before the one to choose at each node, as far as penalties look back; empty where there are no penalties.
    private let histories: [ArraySlice<Int32>]
    /// How many of a row's largest logits are enough; nil where all are needed.
    let leadingNeeded: Int?

    /// - Parameters:
    ///   - sampler: chooses the model's token at each node.
    ///   - tree: what is verified.
    ///   - tokens: certain tokens of the text, the root last.
    package init(_ sampler: Sampler, _ tree: TokenTree, tokens: [Int32]) {
        self.sampler = sampler
        self.tree = tree
        tokenCount = tokens.count
        histories =
            sampler.parameters.hasPenalties
            ? tree.nodes.indices.map { node in
                sampler.recent(
                    ArraySlice(tokens + tree.path(to: node).dropFirst().map { tree.nodes[$0].token }))
            } : []
        leadingNeeded = sampler.leadingLogitsNeeded(histories: histories)
    }

    /// - Parameters:
    ///   - rows: logits of trees, this one among them.
    ///   - firstRow: the row of its root; the others follow in the order of nodes.
    /// - Throws: `BackendError.nonFinite` where a row that decides holds NaN or +infinity.
    package func verdict(_ rows: SampledRows, firstRow: Int = 0) throws(BackendError) -> Verdict {
        var path = [0]
        while true {
            let node = path[path.count - 1]
            let token = try rows.token(
                row: firstRow + node, sampler: sampler, isLeadingEnough: leadingNeeded != nil,
                position: tokenCount + tree.nodes[node].depth,
                history: histories.isEmpty ? [] : histories[node])
            guard let child = tree.child(of: node, token: token) else {
                let all = rows.mostLikely(firstRow..<firstRow + tree.count)
                return Verdict(path: path, next: token, mostLikely: all)
            }
            path.append(child)
        }
    }
}
