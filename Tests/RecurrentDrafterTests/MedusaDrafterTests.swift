import MedusaDrafter
import RedrafterCore
import RedrafterFormats
import RedrafterTesting
import Testing

private let hiddenSize = 32
private let vocabularySize = 40
private let headCount = 3

/// Seeded heads of one block each, and what they compute written out.
private struct Heads {
    let weights: DrafterWeights
    private let blocks: [[Float]]
    private let biases: [[Float]]
    private let outputs: [[Float]]

    init() throws {
        var random = SeededRandom(seed: 4)
        func values(_ count: Int) -> [Float] {
            (0..<count).map { _ in Float.random(in: -0.5...0.5, using: &random) }
        }
        blocks = (0..<headCount).map { _ in values(hiddenSize * hiddenSize) }
        biases = (0..<headCount).map { _ in values(hiddenSize) }
        outputs = (0..<headCount).map { _ in values(vocabularySize * hiddenSize) }
        var tensors = [DrafterTensor]()
        for head in 0..<headCount {
            tensors += [
                DrafterTensor(
                    name: "\(head).0.linear.weight", shape: [hiddenSize, hiddenSize], values: blocks[head]),
                DrafterTensor(name: "\(head).0.linear.bias", shape: [hiddenSize], values: biases[head]),
                DrafterTensor(
                    name: "\(head).1.weight", shape: [vocabularySize, hiddenSize], values: outputs[head]),
            ]
        }
        weights = try DrafterWeights(
            path: "heads",
            configuration: MedusaConfiguration(
                hiddenSize: hiddenSize, layers: 1, heads: headCount, vocabularySize: vocabularySize),
            tensors: tensors)
    }

    /// Tokens of a head, most likely first.
    func ranked(_ head: Int, _ h: [Float]) -> [Int32] {
        func product(_ matrix: [Float], _ x: [Float]) -> [Double] {
            stride(from: 0, to: matrix.count, by: x.count).map { start in
                x.indices.reduce(0.0) { $0 + Double(matrix[start + $1]) * Double(x[$1]) }
            }
        }
        let inner = zip(product(blocks[head], h), biases[head]).map { $0 + Double($1) }
        let x = zip(h, inner).map { Float(Double($0) + $1 / (1 + exponential(-$1))) }
        let logits = product(outputs[head], x)
        return logits.indices.sorted { logits[$0] > logits[$1] }.map(Int32.init)
    }

    private func exponential(_ x: Double) -> Double {
        // e^x by its series after halving: no library needed for a few digits.
        var (term, sum) = (1.0, 1.0)
        for n in 1..<30 {
            term *= x / 16 / Double(n)
            sum += term
        }
        return (0..<4).reduce(sum) { power, _ in power * power }
    }
}

@Suite struct MedusaDrafterTests {
    private let backend = ReferenceBackend()
    private let hidden: [Float] = (0..<hiddenSize).map { Float(($0 * 7) % 11) / 11 - 0.4 }

    private func drafter(_ heads: Heads) throws -> MedusaDrafter {
        let target = DraftTarget(
            fingerprint: ModelFingerprint(
                tokenizer: "0", vocabularySize: vocabularySize, hiddenSize: hiddenSize, layers: 1, heads: 1,
                keyValueHeads: 1, feedForwardSize: 1),
            tokenCount: vocabularySize, contextLength: 64, backend: backend)
        return try MedusaDrafter(heads.weights, for: target)
    }

    @Test("They keep the contract of a drafter")
    func contract() throws {
        let failures = try checkDrafter(
            try drafter(try Heads()), vocabularySize: vocabularySize, backend: backend, hidden: hidden)
        #expect(failures == [])
    }

    private func proposal(_ heads: Heads, _ budget: DraftBudget) throws -> TokenTree {
        let drafter = try drafter(heads)
        var state = try drafter.makeState()
        var proposal = DraftProposal(root: 1)
        let context = DraftContext(
            tokens: [1], hidden: try backend.makeTensor(rows: 1, columns: hiddenSize, values: hidden),
            embedding: try DraftContext(tokens: [1]).embedding, stream: backend.makeStream())
        try drafter.propose(context, budget: budget, state: &state, proposal: &proposal)
        return proposal.tree
    }

    @Test("A static tree holds the tokens of its ranks")
    func ranks() throws {
        let heads = try Heads()
        let shape = try StaticTree(paths: [[0, 0, 0], [0, 2], [1, 1], [3]])
        let tree = try proposal(heads, DraftBudget(nodes: 9, depth: 3, selection: .ranks(shape.paths)))
        let ranked = (0..<headCount).map { heads.ranked($0, hidden) }
        #expect(tree.count == shape.paths.count + 1)
        for path in shape.paths {
            var node: Int? = 0
            for (depth, rank) in path.enumerated() {
                node = node.flatMap { tree.child(of: $0, token: ranked[depth][rank]) }
            }
            #expect(node != nil, "\(path)")
        }
    }

    @Test("Without a shape the most probable combinations are proposed")
    func mostProbable() throws {
        let heads = try Heads()
        let all = try proposal(heads, DraftBudget(nodes: 40 + 40 * 40, depth: 2))
        let few = try proposal(heads, DraftBudget(nodes: 12, depth: 2))
        func scores(_ tree: TokenTree) -> [Float] {
            tree.nodes.indices.dropFirst().map { node in
                tree.path(to: node).reduce(0) { $0 + tree.nodes[$1].logAcceptance }
            }.sorted(by: >)
        }
        #expect(few.count == 13)
        for (got, expected) in zip(scores(few), scores(all)) { #expect(abs(got - expected) < 1e-5) }
    }
}
