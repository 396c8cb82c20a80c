import CPUBackend
import MedusaDrafter
import RecurrentDrafter
import RedrafterCore
import RedrafterFormats
import RedrafterTraining
import Testing

/// What was trained must be what drafts: log-probabilities of the inference drafters, which compute on a backend, against the loss
/// of training, which multiplies matrices on its own.
@Suite struct InferenceAgreementTests {
    /// The drafter's estimate of each token that follows `root`, with as many guesses as there are rows.
    private func proposal(
        _ problem: ToyProblem, root: Int32, hidden: [Float], depth: Int
    ) throws -> DraftProposal {
        let backend = try CPUBackend(threads: 2)
        let layout = problem.trainer.layout
        let weights = try DrafterWeights(
            path: "toy", configuration: layout.configuration,
            tensors: ParameterStore(layout, values: problem.parameters).tensors)
        let target = DraftTarget(
            fingerprint: ModelFingerprint(
                tokenizer: "0", vocabularySize: ToyProblem.modelVocabulary,
                hiddenSize: layout.configuration.hiddenSize, layers: 1, heads: 1, keyValueHeads: 1,
                feedForwardSize: 1),
            vocabularySize: ToyProblem.modelVocabulary, backend: backend)
        let options = DrafterOptions(beamWidth: 64, beamLength: depth)
        let drafter: any Drafter =
            layout.configuration.kind == .recurrent
            ? try RecurrentDrafter(weights, for: target, options: options)
            : try MedusaDrafter(weights, for: target, options: options)
        return try propose(drafter, problem, root: root, hidden: hidden, depth: depth, on: backend)
    }

    private func propose(
        _ drafter: some Drafter, _ problem: ToyProblem, root: Int32, hidden: [Float], depth: Int,
        on backend: CPUBackend
    ) throws -> DraftProposal {
        let stream = try backend.makeStream()
        let embedding = try problem.embedding.withUnsafeBytes {
            try backend.makeWeight(
                type: .f32, rows: ToyProblem.modelVocabulary, columns: hidden.count, bytes: $0)
        }
        let context = DraftContext(
            root: root, hidden: try backend.makeTensor(rows: 1, columns: hidden.count, values: hidden),
            embedding: embedding, stream: stream)
        var state = try drafter.makeState()
        var proposal = DraftProposal(root: root)
        try drafter.propose(
            context, budget: DraftBudget(nodes: 4096, depth: depth), state: &state, proposal: &proposal)
        return proposal
    }
}
