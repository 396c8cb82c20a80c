import RedrafterCore
import RedrafterModels
import RedrafterTesting
import Testing

/// A runner whose outputs are read as bits.
struct Pass {
    let runner: PassRunner

    /// - Parameter chunk: rows of a prefill pass.
    init(
        _ toy: ToyTransformer = ToyTransformer(), sequences: Int = 1, chunk: Int = TreeLimits.maximumRows
    ) throws {
        runner = try PassRunner(
            toy.transformer(on: ReferenceBackend()), sequences: sequences, prefillChunk: chunk)
    }

    /// Bits of the logits of the last token.
    func prefill(_ tokens: [Int32], sequence: Int = 0) throws -> [UInt32] {
        try bits(runner.prefill(tokens, sequence: sequence).logits)[0]
    }

    /// Bits of the logits of the rows asked for, all when nil. The pass stays open.
    func forward(_ rows: [Row], logitRows: [Int]? = nil) throws -> [[UInt32]] {
        try bits(runner.forward(rows, logitRows: logitRows ?? Array(rows.indices)).logits)
    }

    func bits(_ logits: Tensor) throws -> [[UInt32]] {
        try runner.stream.withValues(logits) { values in
            (0..<logits.rows).map { row in
                values[(row * logits.columns)..<((row + 1) * logits.columns)].map(\.bitPattern)
            }
        }
    }
}

private let prompt: [Int32] = [3, 17, 5, 9, 60, 2, 33]

/// Trees as parents of each row, in an order where a parent may come after its child.
private let trees: [[Int]] = [
    [-1], [-1, 0, 1, 2], [-1, 0, 0, 1, 1, 2], [-1, -1, 0, 1, 2, 3], [2, 0, -1, 2, 3], [3, 3, 1, -1, 2, 0, 0],
]

private func rows(of tree: [Int], from start: Int, sequence: Int = 0) -> [Row] {
    func depth(_ node: Int) -> Int { tree[node] < 0 ? 0 : depth(tree[node]) + 1 }
    return tree.indices.map {
        Row(sequence: sequence, token: Int32(7 + 5 * $0), position: start + depth($0), parent: tree[$0])
    }
}

private func path(to node: Int, in tree: [Int]) -> [Int] {
    var path = [node]
    while let first = path.first, tree[first] >= 0 { path.insert(tree[first], at: 0) }
    return path
}

@Suite struct TransformerTests {
    @Test("Rows of a tree have the logits of their branch computed as a chain", arguments: trees)
    func treeEqualsChain(tree: [Int]) throws {
        let pass = try Pass()
        _ = try pass.prefill(prompt)
        let rows = rows(of: tree, from: prompt.count)
        let logits = try pass.forward(rows)
        for node in tree.indices {
            let branch = path(to: node, in: tree).map { rows[$0].token }
            #expect(try logits[node] == Pass().prefill(prompt + branch), "node \(node)")
        }
    }

    @Test("After commit the cache is the one a fresh prefill makes", arguments: trees)
    func commitEqualsPrefill(tree: [Int]) throws {
        for node in tree.indices {
            let pass = try Pass()
            _ = try pass.prefill(prompt)
            let rows = rows(of: tree, from: prompt.count)
            _ = try pass.forward(rows, logitRows: [])
            let kept = path(to: node, in: tree)
            try pass.runner.commit(kept)
            #expect(pass.runner.lengths == [prompt.count + kept.count])
            #expect(
                try pass.prefill([1, 2]) == Pass().prefill(prompt + kept.map { rows[$0].token } + [1, 2]),
                "node \(node)")
        }
    }

    @Test("Chunks of 1, 2, 7 and 64 rows give the same bits", arguments: [1, 2, 7])
    func chunks(chunk: Int) throws {
        let tokens = (0..<40).map { Int32($0 * 13 % 64) }
        let whole = try Pass()
        let chunked = try Pass(chunk: chunk)
        #expect(try whole.prefill(tokens) == chunked.prefill(tokens))
        #expect(try whole.prefill([4, 5]) == chunked.prefill([4, 5]))
    }

    @Test("Sequences do not see each other, in whatever order their rows are mixed")
    func sequences() throws {
        let pass = try Pass(sequences: 3)
        let starts: [[Int32]] = [[1, 2, 3], [9], [8, 8, 8, 8, 8]]
        for (sequence, tokens) in starts.enumerated() { _ = try pass.prefill(tokens, sequence: sequence) }
        let mixed = [
            Row(sequence: 2, token: 4, position: 5, parent: -1),
            Row(sequence: 0, token: 5, position: 3, parent: -1),
            Row(sequence: 2, token: 6, position: 6, parent: 0),
            Row(sequence: 1, token: 7, position: 1, parent: -1),
            Row(sequence: 0, token: 8, position: 3, parent: -1),
        ]
        let logits = try pass.forward(mixed)
        #expect(try logits[2] == Pass().prefill([8, 8, 8, 8, 8, 4, 6]))
        #expect(try logits[3] == Pass().prefill([9, 7]))
        #expect(try logits[4] == Pass().prefill([1, 2, 3, 8]))
        try pass.runner.commit([0, 4, 2])
        #expect(pass.runner.lengths == [4, 1, 7])
        #expect(try pass.prefill([2], sequence: 0) == Pass().prefill([1, 2, 3, 8, 2]))
        #expect(try pass.prefill([2], sequence: 2) == Pass().prefill([8, 8, 8, 8, 8, 4, 6, 2]))
    }

    @Test("Logits of some rows are those of all rows, in the order asked for")
    func someRows() throws {
        let pass = try Pass()
        let rows = Row.chain(prompt, from: 0)
        let all = try pass.forward(rows)
        #expect(all.allSatisfy { $0.allSatisfy { Float(bitPattern: $0).isFinite } })
        #expect(Set(all).count == prompt.count)
        #expect(try pass.forward(rows, logitRows: [5, 0, 5]) == [all[5], all[0], all[5]])
        #expect(try pass.forward(rows, logitRows: []) == [])
    }

    @Test("Truncating forgets the end only")
    func truncate() throws {
        let pass = try Pass()
        _ = try pass.prefill(prompt)
        pass.runner.truncate(to: 3)
        #expect(try pass.prefill([4]) == Pass().prefill(prompt.prefix(3) + [4]))
        pass.runner.reset()
        #expect(pass.runner.lengths == [0])
    }

    @Test("qwen2 biases, an untied head and rotary halves take part")
    func variants() throws {
        let plain = try Pass(ToyTransformer(seed: 4)).prefill(prompt)
        for toy in [
            ToyTransformer(architecture: .qwen2, seed: 4), ToyTransformer(tiedEmbeddings: false, seed: 4),
        ] {
            let pass = try Pass(toy)
            let logits = try pass.prefill(prompt)
            #expect(logits != plain)
            #expect(try Pass(toy, chunk: 1).prefill(prompt) == logits)
        }
    }

    @Test("A full context is said before any work")
    func contextFull() throws {
        let pass = try Pass()
        let tokens = [Int32](repeating: 1, count: 96)
        _ = try pass.prefill(tokens)
        #expect(throws: TransformerError.contextFull(sequence: 0, needed: 97, contextLength: 96)) {
            try pass.prefill([1])
        }
        #expect(throws: TransformerError.contextFull(sequence: 0, needed: 97, contextLength: 96)) {
            try pass.forward([Row(token: 1, position: 96, parent: -1)])
        }
        #expect(pass.runner.lengths == [96])
    }

    @Test("Rows that make no path and tokens out of range are refused, and the cache stays as it was")
    func refused() throws {
        let pass = try Pass()
        _ = try pass.prefill(prompt)
        #expect(throws: TransformerError.unknownToken(64, vocabulary: 64)) { try pass.prefill([1, 64]) }
        #expect(throws: TransformerError.unknownToken(-1, vocabulary: 64)) { try pass.prefill([-1]) }
        #expect(throws: TransformerError.invalidRows(.emptyBatch)) { try pass.forward([]) }
        _ = try pass.forward(rows(of: [-1, 0, 0], from: prompt.count))
        for path in [[1], [0, 0], [0, 1, 2], [3], [-1]] {
            #expect(throws: TransformerError.self, "\(path)") { try pass.runner.commit(path) }
        }
        #expect(pass.runner.lengths == [prompt.count])
        try pass.runner.commit([0, 2])
        #expect(throws: TransformerError.self) { try pass.runner.commit([0]) }
    }

    @Test("A prefill that is told to stop has committed whole passes")
    func cancelled() throws {
        let pass = try Pass(chunk: 2)
        #expect(throws: TransformerError.cancelled) {
            try pass.runner.prefill(prompt, proceed: { $0 < 4 })
        }
        #expect(pass.runner.lengths == [4])
        #expect(try pass.prefill(Array(prompt[4...])) == Pass().prefill(prompt))
    }
}
