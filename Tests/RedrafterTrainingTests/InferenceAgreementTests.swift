import CPUBackend
import MedusaDrafter
import RecurrentDrafter
import RedrafterCore
import RedrafterFormats
import RedrafterTraining
import Testing

/// What was trained must be what drafts: log-probabilities of the inference drafters, which compute on a backend, against the
/// loss of training, which multiplies matrices on its own.
@Suite struct InferenceAgreementTests {
    private static let draftVocabulary: [Int32] = [1, 3, 4, 8, 12]
    private static let depth = 3
    private let backend: CPUBackend

    init() throws { backend = try CPUBackend(options: CPUBackend.Options(threads: 2)) }

    private static func configurations() -> [(String, any DrafterConfiguration)] {
        let rows = draftVocabulary.count
        func recurrent(
            _ exit: Int, _ layers: Int, _ isRecurrent: Bool, _ context: ContextBlockSizes? = nil,
            copyLengths: Int = 0
        ) -> RecurrentConfiguration {
            ToyProblem.recurrent(
                hidden: 32, exit: exit, layers: layers, vocabulary: rows, isRecurrent: isRecurrent,
                context: context, copyLengths: copyLengths)
        }
        return [
            ("recurrent", recurrent(32, 2, true)), ("recurrent, narrow", recurrent(16, 1, true)),
            ("recurrent, no projection", recurrent(64, 2, true)), ("sum", recurrent(48, 1, false)),
            ("sum, no projection", recurrent(64, 0, false)),
            ("copies", recurrent(32, 1, true, copyLengths: 3)),
            ("context block", recurrent(32, 1, true, ToyProblem.context(taps: [0], headDimension: 16))),
            ("taps, not normed", recurrent(48, 1, true, ToyProblem.context(isNormed: false, attends: false))),
            (
                "context block that adds",
                recurrent(32, 1, true, ToyProblem.context(taps: [0], adds: true, headDimension: 16))
            ),
            (
                "taps that add, no projection",
                recurrent(64, 1, true, ToyProblem.context(attends: false, adds: true))
            ),
            (
                "medusa",
                MedusaConfiguration(hiddenSize: 32, layers: 2, heads: depth, vocabularySize: rows)
            ),
        ]
    }

    @Test func draftersGiveTheProbabilitiesThatWereTrained() throws {
        for (name, configuration) in Self.configurations() {
            var problem = try ToyProblem(name, configuration, positions: 1, draftLength: Self.depth)
            problem.batch.weights = [1, 1, 1]
            if problem.trainer.copyLengths > 0 { problem.batch.tokens[0] = 8 }
            let tree = try proposal(problem)
            // Keys and values are kept in half precision while drafting.
            let tolerance = name.hasPrefix("context block") ? 1e-2 : 1e-4
            var compared = 0
            for node in 1..<tree.count where tree.nodes[node].depth == Self.depth {
                let path = tree.path(to: node).filter { $0 != 0 }
                let losses = try losses(&problem, path.map { tree.nodes[$0].token })
                for (node, loss) in zip(path, losses) {
                    let estimate = Double(tree.nodes[node].logAcceptance)
                    #expect(abs(estimate + loss) < tolerance, "\(name): \(estimate) against \(-loss)")
                }
                compared += 1
            }
            #expect(compared == 125, "\(name): every path of three tokens is proposed")
        }
    }

    /// The cross entropy of each token after the root.
    private func losses(_ problem: inout ToyProblem, _ path: [Int32]) throws -> [Double] {
        for (step, token) in path.enumerated() {
            let row = try #require(Self.draftVocabulary.firstIndex(of: token))
            problem.batch.labelRows.replaceSubrange(step * 3..<step * 3 + 3, with: [Int32(row), -1, -1])
            problem.batch.labelProbabilities[step * 3] = 1
            if step + 1 < Self.depth { problem.batch.tokens[step + 1] = token }
        }
        var index = TextIndex()
        index.follow(Self.text(problem))
        var matches = BatchMatches()
        for step in path.indices {
            var own = [(row: Int32, length: Int32)]()
            index.forEachMatch(after: path.prefix(step), lengths: problem.trainer.copyLengths) {
                (token, length) in
                guard let row = Self.draftVocabulary.firstIndex(of: token) else { return }
                own.append((Int32(row), Int32(length)))
            }
            matches.append(own)
        }
        problem.batch.matches = matches
        return try problem.evaluate(gradient: false).result.stepLossSum
    }

    /// A text that ends with the root. Tokens that stand behind others are in the draft vocabulary: training has no others.
    private static func text(_ problem: ToyProblem) -> [Int32] {
        let root = problem.batch.tokens[0]
        return [2, 3, root, 1, 4, root, 12, 8, 3, root, 12, 3, 1, 1, 3, root]
    }

    /// All guesses of the inference drafter with these parameters.
    private func proposal(_ problem: ToyProblem) throws -> TokenTree {
        let layout = problem.trainer.layout
        let weights = try DrafterWeights(
            path: "toy", configuration: layout.configuration,
            tensors: ParameterStore(layout, values: problem.parameters).tensors,
            draftVocabulary: Self.draftVocabulary)
        let target = DraftTarget(
            fingerprint: ModelFingerprint(
                tokenizer: "0", vocabularySize: ToyProblem.modelVocabulary,
                hiddenSize: layout.configuration.hiddenSize, layers: 4, heads: 1, keyValueHeads: 1,
                feedForwardSize: 1),
            tokenCount: ToyProblem.modelVocabulary, contextLength: 64, backend: backend)
        let options = DrafterOptions(beamWidth: 125, beamLength: Self.depth)
        if layout.configuration.kind == .recurrent {
            return try propose(RecurrentDrafter(weights, for: target, options: options), problem)
        }
        return try propose(MedusaDrafter(weights, for: target, options: options), problem)
    }

    private func propose(_ drafter: some Drafter, _ problem: ToyProblem) throws -> TokenTree {
        let size = problem.batch.hiddenSize
        let embedding = try problem.embedding.withUnsafeBytes {
            try backend.makeWeight(type: .f32, rows: ToyProblem.modelVocabulary, columns: size, bytes: $0)
        }
        let root = problem.batch.tokens[0]
        let hidden = problem.batch.hidden
        let context = DraftContext(
            tokens: Self.text(problem),
            hidden: try backend.makeTensor(
                rows: 1, columns: size,
                values: hidden.isEmpty ? [Float](repeating: .nan, count: size) : hidden),
            embedding: embedding, stream: backend.makeStream())
        var state = try drafter.makeState()
        if let texts = problem.batch.texts {
            try follow(texts, drafter, &state, size, embedding, context.stream)
        }
        var proposal = DraftProposal(root: root)
        try drafter.propose(
            context, budget: DraftBudget(nodes: 1000, depth: Self.depth), state: &state, proposal: &proposal)
        #expect(proposal.nonFiniteRows == 0)
        return proposal.tree
    }

    /// Tells the drafter of the rows up to the only position.
    private func follow<D: Drafter>(
        _ texts: BatchTexts, _ drafter: D, _ state: inout D.State, _ size: Int,
        _ embedding: any WeightHandle, _ stream: any ComputeStream
    ) throws {
        let rows = Int(texts.positionRows[0]) + 1
        var taps = [Int: Tensor]()
        for (index, layer) in drafter.requirements.taps.sorted().enumerated() {
            let values = (0..<rows).flatMap { row in
                let start = (row * texts.taps + index) * size
                return texts.outputs[start..<start + size]
            }
            taps[layer] = try backend.makeTensor(rows: rows, columns: size, values: values)
        }
        try drafter.follow(
            ConfirmedRows(
                start: 0, following: texts.following[..<rows], passRows: Array(0..<rows)[...], taps: taps,
                embedding: embedding, stream: stream), state: &state)
    }
}
