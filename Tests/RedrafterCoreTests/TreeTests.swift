import RedrafterCore
import RedrafterTesting
import Testing

@Suite struct TreeTests {
    @Test("Inserting a guess twice keeps one node with the larger estimate")
    func insertion() {
        var tree = TokenTree(root: 9)
        let a = tree.insert(1, after: 0, logAcceptance: -2, source: DraftSource(index: 0))
        let b = tree.insert(2, after: a, logAcceptance: -1)
        #expect(tree.insert(1, after: 0, logAcceptance: -1, source: DraftSource(index: 3)) == a)
        #expect(tree.insert(1, after: 0, logAcceptance: -5) == a)
        #expect(tree.nodes[a].logAcceptance == -1 && tree.nodes[a].source.index == 3)
        #expect(tree.insert(3, after: 0, logAcceptance: .nan) == 3)
        #expect(tree.nodes[3].logAcceptance == -.infinity)
        #expect(tree.insert(4, after: b, logAcceptance: 7) == 4)
        #expect(tree.nodes[4].logAcceptance == 0)
        #expect(tree.count == 5 && tree.depth == 3)
        #expect(Array(tree.children(of: 0)) == [a, 3] && tree.path(to: 4) == [0, a, b, 4])
        #expect(tree.rows(from: 10).map(\.position) == [10, 11, 12, 11, 13])
        #expect(tree.rows(from: 10).map(\.parent) == [-1, 0, 1, 0, 2])
        #expect(tree.selecting([true, false, true, true, true]).nodes.map(\.token) == [9, 3])
    }

    @Test("Builders keep their contract")
    func builders() throws {
        for rows in [1, 2, 8, 64] {
            #expect(checkTreeBuilder(CostAwareTree(maximumRows: rows), maximumRows: rows) == [])
            #expect(checkTreeBuilder(DynamicTree(maximumRows: rows), maximumRows: rows) == [])
            #expect(checkTreeBuilder(MostProbableTree(maximumRows: rows), maximumRows: rows) == [])
        }
        for name in StaticTree.knownNames {
            let paths = try #require(StaticTree.paths(named: name))
            let tree = try StaticTree(paths: paths)
            #expect(tree.paths.count == paths.count, "\(name) lists every beginning of its paths")
            #expect(checkTreeBuilder(tree, maximumRows: paths.count + 1) == [])
        }
        #expect(StaticTree.paths(named: "medusa-63")?.count == 63)
        #expect(StaticTree.paths(named: "eagle-25")?.count == 25)
    }

    @Test("Verifiers keep their contract, and one that does not is found")
    func verifiers() throws {
        #expect(try checkVerifier { ExactVerifier($0) } == [])
        #expect(try checkVerifier { TypicalVerifier($0) } == [])
        #expect(try checkVerifier { CredulousVerifier(exact: ExactVerifier($0)) }.isEmpty == false)
    }

    @Test("Drafters keep their contract")
    func drafters() throws {
        #expect(try checkDrafter(NoDrafter(), vocabularySize: 8) == [])
        #expect(try checkDrafter(ConstantDrafter(3), vocabularySize: 8) == [])
        #expect(
            try checkDrafter(ConstantDrafter(9), vocabularySize: 8).contains {
                $0.message.contains("vocabulary")
            })
    }

    @Test("A static tree of wrong ranks or too many nodes is refused")
    func wrongShapes() {
        for paths in [[[]], [[-1]], [[0, 5000]], (0..<64).map { [$0] }] {
            #expect(throws: ParameterError.self) { try StaticTree(paths: paths) }
        }
    }

    @Test("A tree beyond the limit is refused before work is done on it, whatever its shape")
    func largeShapes() {
        for paths in [
            [[Int](repeating: 0, count: 100_000)], [[Int](repeating: -1, count: 100_000)],
            (0..<100_000).map { [0, $0 % 1000] },
        ] {
            let (error, time) = withProcessorTime {
                #expect(throws: ParameterError.self) { try StaticTree(paths: paths) }
            }
            #expect((error?.description.utf8.count ?? .max) < 200)
            #expect(time < .milliseconds(600))
        }
        #expect(throws: Never.self) { try StaticTree(paths: [[Int](repeating: 0, count: 63)]) }
    }

    @Test("The tree that promises most tokens a millisecond is found among all sizes")
    func costAware() {
        var builder = CostAwareTree(maximumRows: 16)
        for slope in [0.0, 0.1, 0.5, 1] {
            var evidence = DraftingEvidence()
            evidence.room = 20
            for rows in 1...16 {
                for _ in 0..<5 {
                    evidence.prices.observePass(
                        rows: rows, contextLength: 0,
                        duration: .milliseconds(5 * (1 + slope * Double(rows - 1))))
                }
            }
            var proposal = TokenTree(root: 0)
            var node = 0
            for depth in 0..<15 { node = proposal.insert(Int32(depth), after: node, logAcceptance: -0.4) }
            let tree = builder.build(proposal, evidence)
            let probabilities = evidence.calibration.pathProbabilities(proposal)
            let rates = (1...16).map { rows in
                probabilities.prefix(rows).reduce(0, +) / (1 + slope * Double(rows - 1))
            }
            let best = rates.indices.max { rates[$0] < rates[$1] } ?? 0
            #expect(tree.count == best + 1, "slope \(slope)")
        }
    }

    @Test("A drafter that only loses rests, ever longer, and is tried again")
    func resting() throws {
        var builder = CostAwareTree(maximumRows: 8)
        var evidence = DraftingEvidence()
        evidence.room = 50
        for rows in (1...8).reversed() {
            for _ in 0..<5 {
                evidence.prices.observePass(rows: rows, contextLength: 0, duration: .milliseconds(5))
            }
        }
        evidence.prices.observeDraft(.milliseconds(3))
        var drafted = [Int]()
        let outcome = try losingStep()
        for step in 0..<400 where builder.budget(evidence) != nil {
            drafted.append(step)
            _ = builder.build(outcome.tree, evidence)
            builder.observe(outcome, evidence)
        }
        let gaps = zip(drafted, drafted.dropFirst()).map { $1 - $0 }
        #expect(drafted.count < 20)
        #expect(gaps.contains { $0 > 8 } && gaps.contains { $0 > 64 })
    }

    @Test("Estimates become what is observed, each source for itself")
    func calibration() {
        var calibration = AcceptanceCalibration()
        let (sure, other) = (DraftSource(index: 0), DraftSource(index: 1))
        let estimate: Float = -0.1054  // 0.9
        #expect(abs(calibration.probability(estimate, source: sure) - 0.9) < 1e-3)
        var tree = TokenTree(root: 0)
        tree.insert(1, after: 0, logAcceptance: estimate, source: sure)
        for turn in 0..<300 { calibration.observe(tree, path: turn % 5 == 0 ? [0, 1] : [0]) }
        #expect(abs(calibration.probability(estimate, source: sure) - 0.2) < 0.06)
        #expect(abs(calibration.probability(estimate, source: other) - 0.9) < 1e-3)
    }
}

/// Confirms the first guess whatever the model says, and calls that exact.
private struct CredulousVerifier: Verifier {
    let name = "credulous"
    let isExact = true
    let exact: ExactVerifier

    func verify(
        _ tree: TokenTree, logits: Tensor, tokens: [Int32], on stream: any ComputeStream
    ) throws(BackendError) -> Verdict {
        var verdict = try exact.verify(tree, logits: logits, tokens: tokens, on: stream)
        if tree.count > 1, verdict.path.count == 1 { verdict.path.append(1) }
        return verdict
    }
}

/// A drafted step that gains nothing, made by a real decoder.
private func losingStep() throws -> StepOutcome {
    let verifier = ExactVerifier(try Sampler(.greedy, tokenCount: 8))
    let target = try TableSequence(TableModel(seed: 3))
    var speculator = try Speculator(target: target, drafter: NoDrafter(), treeBuilder: DynamicTree())
    var decoder = try speculator.begin([1], verifier: verifier)
    return try decoder.step { _, _ in true }
}
