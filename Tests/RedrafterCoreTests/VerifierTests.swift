import RedrafterCore
import RedrafterTesting
import Testing

@Suite struct VerifierTests {
    /// root 1 ── 2 ── 4
    ///        └─ 3
    private let tree: TokenTree = {
        var tree = TokenTree(root: 1)
        let first = tree.insert(2, after: 0, logAcceptance: -0.1)
        tree.insert(3, after: 0, logAcceptance: -0.2)
        tree.insert(4, after: first, logAcceptance: -0.3)
        return tree
    }()

    /// The model says 2, then 4, then 5; its word after the rejected 3 is 6.
    private func logits(damaging node: Int?, with damage: [Float]) -> [Float] {
        let says = tree.nodes.map { node -> Int in
            switch node.token {
            case 1: 2
            case 2: 4
            case 3: 6
            default: 5
            }
        }
        return tree.nodes.indices.flatMap { row in
            row == node ? damage : (0..<8).map { $0 == says[row] ? 80 : 0 }
        }
    }

    @Test(
        "A damaged row of a rejected guess changes nothing; one that decides is an error",
        arguments: [
            [Float](repeating: .nan, count: 8), [Float](repeating: -.infinity, count: 8),
            [.nan, 0, 0, 0, 0, 0, 0, 0], [0, 0, 0, 0, .infinity, 0, 0, 0], [0, 0, 0, 0, 0, 0, 0, .nan],
        ])
    func damagedRows(damage: [Float]) throws {
        let backend = ReferenceBackend()
        // Greedy and top-k ask the device for the leading logits, the whole vocabulary is read row by row.
        for (temperature, topK) in [(Float(0), 40), (1, 3), (1, 0)] {
            var sampling = SamplingParameters()
            sampling.temperature = temperature
            sampling.topK = topK
            let verifier = ExactVerifier(try Sampler(sampling, tokenCount: 8))
            func verdict(damaging node: Int?) throws -> Verdict {
                try verifier.verify(
                    tree,
                    logits: backend.makeTensor(
                        rows: tree.count, columns: 8, values: logits(damaging: node, with: damage)),
                    tokens: [1], on: backend.makeStream())
            }
            for node in tree.nodes.indices {
                if tree.nodes[node].token == 3 {
                    let (damaged, whole) = (try verdict(damaging: node), try verdict(damaging: nil))
                    #expect(damaged.path == whole.path && damaged.next == whole.next)
                    // What is most likely there is not known.
                    #expect(damaged.mostLikely.isEmpty)
                } else {
                    #expect(throws: BackendError.nonFinite(what: "the logits")) {
                        try verdict(damaging: node)
                    }
                }
            }
            #expect(try verdict(damaging: nil).next == 5)
            // Of all rows where the device was asked, the rejected one among them.
            #expect(try verdict(damaging: nil).mostLikely == (topK == 0 ? [] : [2, 4, 6, 5]))
        }
    }
}
