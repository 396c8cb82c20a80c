import RedrafterCore
import RedrafterPlatform

/// A language model given as tables: each text has its own distribution of the next token. Small enough to enumerate.
public struct TableModel: Sendable {
    public let vocabularySize: Int
    public let seed: UInt64
    /// Overrides the distribution: this text's continuation is certain.
    public let script: [Int32]?

    public init(vocabularySize: Int = 8, seed: UInt64, script: [Int32]? = nil) {
        self.vocabularySize = vocabularySize
        self.seed = seed
        self.script = script
    }

    /// Logits of the token after a text. `[vocabulary]`
    public func logits(after text: [Int32]) -> [Float] {
        if let script, script.count > text.count, script.starts(with: text) {
            return (0..<vocabularySize).map { Int32($0) == script[text.count] ? 10 : 0 }
        }
        var state = SeededRandom(seed: text.reduce(seed) { ($0 &+ UInt64($1) &+ 1) &* 0x2545_F491_4F6C_DD1D })
        return (0..<vocabularySize).map { _ in Float.random(in: -1.5...1.5, using: &state) }
    }

    /// Probabilities of the token after a text at temperature 1. `[vocabulary]`
    public func probabilities(after text: [Int32]) -> [Double] {
        let weights = logits(after: text).map { exp(Double($0)) }
        let total = weights.reduce(0, +)
        return weights.map { $0 / total }
    }
}

/// A text over a table model, for the loop.
public struct TableSequence: TargetSequence {
    public let model: TableModel
    public private(set) var tokens: [Int32] = []
    public let contextLength: Int
    public let backend: any ComputeBackend = ReferenceBackend()
    public let stream: any ComputeStream
    public let embedding: any WeightHandle
    private var lastTree: TokenTree?

    /// - Throws: `BackendError.outOfMemory`.
    public init(_ model: TableModel, contextLength: Int = 64) throws(BackendError) {
        self.model = model
        self.contextLength = contextLength
        stream = backend.makeStream()
        embedding = try placeholderEmbedding(on: backend)
    }

    public var committedCount: Int { tokens.count }
    public var vocabularySize: Int { model.vocabularySize }
    public var hiddenSize: Int { 1 }

    public mutating func truncate(to length: Int) {
        tokens = Array(tokens.prefix(length))
        lastTree = nil
    }

    public mutating func tap(_ layers: Set<Int>) {}

    public mutating func prefill(
        _ tokens: ArraySlice<Int32>
    ) throws(BackendError) -> (count: Int, output: PassOutput) {
        self.tokens += tokens
        return (tokens.count, try output(of: [self.tokens]))
    }

    public mutating func forward(_ tree: TokenTree) throws(BackendError) -> PassOutput {
        precondition(
            tokens.count + tree.depth < contextLength, "a node lies beyond the context of \(contextLength)")
        lastTree = tree
        return try output(
            of: tree.nodes.indices.map { node in tokens + tree.path(to: node).map { tree.nodes[$0].token } })
    }

    public mutating func commit(_ path: [Int]) throws(BackendError) {
        guard let tree = lastTree else { preconditionFailure("there is no open pass") }
        precondition(path.first == 0, "a path begins at the root")
        for (parent, node) in zip(path, path.dropFirst()) {
            precondition(tree.nodes[node].parent == parent, "\(path) is no path")
        }
        tokens += path.map { tree.nodes[$0].token }
        lastTree = nil
    }

    private func output(of texts: [[Int32]]) throws(BackendError) -> PassOutput {
        PassOutput(
            logits: try backend.makeTensor(
                rows: texts.count, columns: model.vocabularySize,
                values: texts.flatMap { model.logits(after: $0) }),
            hidden: try backend.makeTensor(
                rows: texts.count, columns: 1, values: texts.map { Float($0.count) }))
    }
}
