import RedrafterCore
import RedrafterTesting
import Testing

/// A drafter that always proposes the same tree.
private struct FixedDrafter: Drafter {
    let name = "fixed"
    /// Nodes after the root: (token, parent).
    let shape: [(token: Int32, parent: Int)]

    func propose(
        _ context: DraftContext, budget: DraftBudget, state: inout Void, proposal: inout DraftProposal
    ) {
        for node in shape { proposal.insert(node.token, after: node.parent, logAcceptance: -0.5) }
    }
}

/// Parents of all ordered trees of up to `limit` nodes, in depth-first order.
private func treeShapes(upTo limit: Int) -> [[Int]] {
    var shapes: [[Int]] = [[]]
    var last = shapes
    for count in 1..<limit {
        // In depth-first order a node hangs on the node before it or on one of that node's ancestors.
        last = last.flatMap { shape -> [[Int]] in
            var ancestors = [count - 1]
            while let node = ancestors.last, node > 0 { ancestors.append(shape[node - 1]) }
            return ancestors.map { shape + [$0] }
        }
        shapes += last
    }
    return shapes
}

/// Labels that differ among siblings.
private func labelled(_ parents: [Int], vocabularySize: Int, using random: inout SeededRandom)
    -> [(token: Int32, parent: Int)]
{
    var free = [[Int32]](
        repeating: (0..<Int32(vocabularySize)).map { $0 }, count: parents.count + 1)
    return parents.map { parent in
        let place = Int.random(in: free[parent].indices, using: &random)
        return (free[parent].remove(at: place), parent)
    }
}

/// The answer of the loop, `count` tokens, the first one included.
private func answer(
    _ model: TableModel, prompt: [Int32], count: Int, drafter: any Drafter,
    sampling: SamplingParameters = .greedy
) throws -> [Int32] {
    let sampler = try Sampler(sampling, tokenCount: model.vocabularySize)
    let verifier = ExactVerifier(sampler)
    var speculator = try Speculator(
        target: try TableSequence(model), drafter: drafter, treeBuilder: DynamicTree())
    var decoder = try speculator.begin(prompt, verifier: verifier, sampling: sampling)
    var tokens = Array(decoder.tokens.suffix(1))
    while tokens.count < count {
        try decoder.step(room: count - tokens.count) { token, _ in
            tokens.append(token)
            return tokens.count < count
        }
    }
    return tokens
}

@Suite("Sampling through trees is lossless") struct LosslessTests {
    @Test("There are 65 ordered trees of up to 6 nodes")
    func shapes() { #expect(treeShapes(upTo: 6).count == 1 + 1 + 2 + 5 + 14 + 42) }

    /// At each text the model's token is a draw of its own, made before any guess is looked at. So the law of the answer is
    /// known once the loop is known to return every possible sequence of draws unchanged: each counts with its probability.
    @Test("For every tree of up to 6 nodes the law of three tokens is the model's")
    func enumeration() throws {
        var random = SeededRandom(seed: 11)
        let model = TableModel(seed: 5)
        let prompt: [Int32] = [3]
        var law = [[Int32]: Double]()
        for a in 0..<Int32(8) {
            for b in 0..<Int32(8) {
                for c in 0..<Int32(8) {
                    law[[a, b, c]] =
                        model.probabilities(after: prompt)[Int(a)]
                        * model.probabilities(after: prompt + [a])[Int(b)]
                        * model.probabilities(after: prompt + [a, b])[Int(c)]
                }
            }
        }
        for parents in treeShapes(upTo: 6) {
            let drafter = FixedDrafter(shape: labelled(parents, vocabularySize: 8, using: &random))
            var observed = [[Int32]: Double]()
            for (draws, probability) in law {
                let scripted = TableModel(seed: 5, script: prompt + draws)
                observed[try answer(scripted, prompt: prompt, count: 3, drafter: drafter), default: 0] +=
                    probability
            }
            let variation = law.reduce(0) { $0 + abs($1.value - (observed[$1.key] ?? 0)) } / 2
            #expect(variation < 1e-12, "tree \(parents)")
        }
    }

    @Test("The sampler's draws through trees follow the model's law (χ² over 64 pairs, 100 000 draws)")
    func chiSquared() throws {
        var random = SeededRandom(seed: 2)
        let model = TableModel(seed: 9)
        let prompt: [Int32] = [1, 2]
        let shapes = treeShapes(upTo: 6)
        var counts = [Double](repeating: 0, count: 64)
        let draws = 100_000
        for draw in 0..<draws {
            var sampling = SamplingParameters()
            sampling.temperature = 1
            sampling.topK = 0
            sampling.topP = 1
            sampling.minP = 0
            sampling.seed = UInt64(draw)
            let parents = shapes[draw % shapes.count]
            let drafter = FixedDrafter(shape: labelled(parents, vocabularySize: 8, using: &random))
            let tokens = try answer(model, prompt: prompt, count: 2, drafter: drafter, sampling: sampling)
            counts[Int(tokens[0]) * 8 + Int(tokens[1])] += 1
        }
        var statistic = 0.0
        for (cell, count) in counts.enumerated() {
            let first = Int32(cell / 8)
            let expected =
                Double(draws) * model.probabilities(after: prompt)[cell / 8]
                * model.probabilities(after: prompt + [first])[cell % 8]
            statistic += (count - expected) * (count - expected) / expected
        }
        // 63 degrees of freedom: 112.3 is exceeded with probability 1e-4.
        #expect(statistic < 112.3)
    }
}
