import RedrafterCore
import RedrafterTesting
import Testing

@Suite struct TypicalVerifierTests {
    private func verify(_ rows: [[Float]], temperature: Float) throws -> (verdict: Verdict, exact: Verdict) {
        var sampling = SamplingParameters()
        (sampling.temperature, sampling.topK, sampling.topP, sampling.minP) = (temperature, 0, 1, 0)
        let sampler = try Sampler(sampling, tokenCount: rows[0].count)
        let backend = ReferenceBackend()
        var tree = TokenTree(root: 0)
        let one = tree.insert(1, after: 0, logAcceptance: -1)
        tree.insert(2, after: 0, logAcceptance: -1)
        tree.insert(3, after: one, logAcceptance: -1)
        let logits = try backend.makeTensor(
            rows: rows.count, columns: rows[0].count, values: rows.flatMap { $0 })
        let stream = backend.makeStream()
        return (
            try TypicalVerifier(sampler).verify(tree, logits: logits, tokens: [5, 0], on: stream),
            try ExactVerifier(sampler).verify(tree, logits: logits, tokens: [5, 0], on: stream)
        )
    }

    /// Four tokens: probabilities 0.5, 0.3, 0.15, 0.05 in the order given, by their logarithms.
    private let row: [Float] = [-0.6931, -1.2040, -1.8971, -2.9957]

    @Test("A guess above the threshold is kept, the most probable one of several, an unlikely one is not")
    func threshold() throws {
        // H = 1.142, δ·exp(−H) = 0.096: ε = 0.09 decides. Token 1 (0.3) and token 2 (0.15) are typical at the root.
        let verdict = try verify([row, row, row, row], temperature: 1).verdict
        // Token 3 (0.05) after token 1 is not.
        #expect(verdict.path == [0, 1])
        #expect((0..<4).contains(verdict.next))
    }

    @Test("A certain model keeps nothing but its token")
    func certain() throws {
        let certain: [Float] = [20, 0, 0, 0]
        let verdict = try verify([certain, row, row, row], temperature: 1).verdict
        #expect(verdict == Verdict(path: [0], next: 0))
    }

    @Test("At temperature 0 it is the exact rule")
    func greedy() throws {
        let likesOne: [Float] = [0, 2, 1, 0]
        let (verdict, exact) = try verify([likesOne, row, row, row], temperature: 0)
        #expect(verdict == exact && verdict.path == [0, 1])
    }

    @Test("It says that it is lossy")
    func labelled() throws {
        let verifier = TypicalVerifier(try Sampler(.greedy, tokenCount: 4))
        #expect(!verifier.isExact && verifier.name.contains("lossy"))
    }
}
