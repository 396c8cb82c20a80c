import BundledDrafters
import CPUBackend
import RedrafterCore
import RedrafterFormats
import RedrafterTesting
import Testing

@testable import RecurrentDrafter

/// What a drafter proposes after one token, where its guesses are verified as they are.
private func proposal(
    _ drafter: RecurrentDrafter, hidden: [Float], root: Int32, embedding: any WeightHandle,
    budget: DraftBudget, sampling: SamplingParameters = .greedy, on backend: any ComputeBackend
) throws -> DraftProposal {
    var state = try drafter.makeState()
    var proposal = DraftProposal(root: root)
    let context = DraftContext(
        tokens: [3, root],
        hidden: try backend.makeTensor(rows: 1, columns: hidden.count, values: hidden), embedding: embedding,
        sampling: sampling, stream: backend.makeStream())
    try drafter.propose(context, budget: budget, state: &state, proposal: &proposal)
    return proposal
}

@Suite struct RecurrentDrafterTests {
    @Test(
        "Beams equal the reference implementation's, and log-probabilities within 1e-4",
        arguments: ["tiny_noproj", "tiny_proj", "tiny_norm_rnn_off"])
    func reference(name: String) throws {
        let reference = try ReferenceCase(name)
        for backend in try backends() {
            let embedding = try reference.embedding(on: backend)
            for (index, beams) in reference.beams.enumerated() {
                let length = beams[0].count - 1
                let drafter = try RecurrentDrafter(
                    reference.weights, for: reference.target(on: backend),
                    options: DrafterOptions(beamWidth: beams.count, beamLength: length, topK: 50))
                let tree = try proposal(
                    drafter, hidden: reference.states[index], root: reference.roots[index],
                    embedding: embedding, budget: DraftBudget(nodes: 63, depth: length), on: backend
                ).tree
                // Packed beam by beam, shared prefixes once: the tree that the reference's beams make.
                var expected = TokenTree(root: reference.roots[index])
                for beam in beams {
                    var node = 0
                    for token in beam.dropFirst() {
                        node = expected.insert(token, after: node, logAcceptance: 0)
                    }
                }
                #expect(tree.nodes.map(\.token) == expected.nodes.map(\.token))
                #expect(tree.nodes.map(\.parent) == expected.nodes.map(\.parent))
                for (beam, logs) in zip(beams, reference.logProbabilities[index]) {
                    var node = 0
                    for (depth, token) in beam.dropFirst().enumerated() {
                        guard let child = tree.child(of: node, token: token) else { break }
                        node = child
                        #expect(abs(tree.nodes[node].logAcceptance - logs[depth][Int(token)]) < 1e-4)
                    }
                }
            }
        }
    }

    @Test("Packed tokens, masks and position offsets equal the reference's dynamic tree attention")
    func treePack() throws {
        let cases = try #require(
            try JSONValue(path: "\(ReferenceCase.directory)/tree_pack.json").array)
        for batch in cases {
            let promptLength = try #require(batch["prompt_length"]?.integer)
            for (item, beams) in (batch["beams"]?.array ?? []).enumerated() {
                let beams = (beams.array ?? []).map {
                    ($0.array ?? []).compactMap { $0.integer.map(Int32.init) }
                }
                var tree = TokenTree(root: beams[0][0])
                for beam in beams {
                    var node = 0
                    for token in beam.dropFirst() { node = tree.insert(token, after: node, logAcceptance: 0) }
                }
                let packed = (batch["packed"]?.array?[item].array ?? []).compactMap(\.integer)
                let offsets = (batch["position_offsets"]?.array?[item].array ?? []).compactMap(\.integer)
                let mask = (batch["attention_mask"]?.array?[item].array ?? []).map { row in
                    (row.array ?? []).compactMap(\.integer)
                }
                // Shorter items of a batch are padded behind their own nodes.
                #expect(tree.count <= packed.count)
                #expect(tree.nodes.map { Int($0.token) } == Array(packed.prefix(tree.count)))
                #expect(tree.nodes.map(\.depth) == Array(offsets.prefix(tree.count)))
                let plan = try RowPlan(
                    rows: tree.rows(from: promptLength), lengths: [promptLength], capacity: 128)
                for node in 0..<tree.count {
                    let seen =
                        Array(0..<promptLength)
                        + (plan.gathered(node).map(Array.init) ?? Array(promptLength...plan.slots[node]))
                    let visible = mask[node].indices.filter { mask[node][$0] == 1 }
                    #expect(seen.sorted() == visible)
                }
            }
        }
    }

    @Test("Guesses do not depend on threads, and a wider proposal holds the beams")
    func stable() throws {
        let reference = try ReferenceCase("tiny_proj")
        var trees = [TokenTree]()
        for threads in [1, 2] {
            let backend = try CPUBackend(options: CPUBackend.Options(threads: threads))
            let embedding = try reference.embedding(on: backend)
            let drafter = try RecurrentDrafter(
                reference.weights, for: reference.target(on: backend),
                options: DrafterOptions(beamWidth: 4, beamLength: 3))
            for selection in [DraftBudget.Selection.branches, .nodes()] {
                trees.append(
                    try proposal(
                        drafter, hidden: reference.states[0], root: reference.roots[0], embedding: embedding,
                        budget: DraftBudget(nodes: 31, depth: 3, selection: selection),
                        on: backend
                    ).tree)
            }
        }
        #expect(trees[0] == trees[2] && trees[1] == trees[3])
        #expect(trees[1].count > trees[0].count)
        for node in trees[0].nodes.indices {
            var place: Int? = 0
            for step in trees[0].path(to: node).dropFirst() {
                place = place.flatMap { trees[1].child(of: $0, token: trees[0].nodes[step].token) }
            }
            #expect(place != nil || trees[0].nodes[node].depth > trees[1].depth)
        }
    }

    @Test("Hidden states of NaN give no guess and are counted")
    func nonFinite() throws {
        let reference = try ReferenceCase("tiny_noproj")
        for backend in try backends() {
            let drafter = try RecurrentDrafter(reference.weights, for: reference.target(on: backend))
            let result = try proposal(
                drafter, hidden: [Float](repeating: .nan, count: reference.hiddenSize), root: 5,
                embedding: try reference.embedding(on: backend), budget: DraftBudget(nodes: 15, depth: 4),
                on: backend)
            #expect(result.tree.count == 1)
            #expect(result.nonFiniteRows == 1)
        }
    }

    @Test("It keeps the contract of a drafter", arguments: ["tiny_noproj", "tiny_proj", "tiny_norm_rnn_off"])
    func contract(name: String) throws {
        let reference = try ReferenceCase(name)
        let backend = try CPUBackend(options: CPUBackend.Options(threads: 1))
        let drafter = try RecurrentDrafter(reference.weights, for: reference.target(on: backend))
        let failures = try checkDrafter(
            drafter, vocabularySize: reference.vocabularySize, backend: backend, hidden: reference.states[0],
            embedding: try reference.embedding(on: backend))
        #expect(failures == [])
    }

    @Test(
        "With a context block, too",
        arguments: [
            ToyDrafter.context(), ToyDrafter.context(taps: [1], normalizesTaps: false),
            ToyDrafter.context(attends: false), ToyDrafter.context(adds: true),
            ToyDrafter.context(normalizesTaps: false, attends: false, adds: true),
        ])
    func contextContract(context: ContextBlockSizes) throws {
        for backend in try allBackends() {
            let (drafter, embedding) = try contextDrafter(context, on: backend)
            let failures = try checkDrafter(
                drafter, vocabularySize: 40, backend: backend,
                hidden: [Float](repeating: .nan, count: 32), embedding: embedding)
            #expect(failures == [])
        }
    }

    @Test(
        "What a context block gives does not depend on how the text was cut, bit for bit",
        arguments: [false, true])
    func cuts(adds: Bool) throws {
        var random = SeededRandom(seed: 5)
        let text = (0..<150).map { _ in Int32.random(in: 0..<40, using: &random) }
        for backend in try allBackends() {
            let stream = backend.makeStream()
            let (drafter, embedding) = try contextDrafter(ToyDrafter.context(adds: adds), on: backend)
            let outputs = (0..<2).map { _ in
                (0..<149 * 32).map { _ in Float.random(in: -1...1, using: &random) }
            }
            func estimates(_ cuts: [Int]) throws -> [UInt32] {
                var state = try drafter.makeState()
                for (start, end) in zip([0] + cuts, cuts + [149]) where start < end {
                    var taps = [Int: Tensor]()
                    for (layer, values) in outputs.enumerated() {
                        taps[layer] = try backend.makeTensor(
                            rows: end - start, columns: 32, values: Array(values[start * 32..<end * 32]))
                    }
                    drafter.follow(
                        ConfirmedRows(
                            start: start, following: text[(start + 1)...end],
                            passRows: Array(0..<end - start)[...], taps: taps, embedding: embedding,
                            stream: stream), state: &state)
                }
                var proposal = DraftProposal(root: text[149])
                let context = DraftContext(
                    tokens: text, hidden: try backend.makeTensor(rows: 1, columns: 32), embedding: embedding,
                    stream: stream)
                try drafter.propose(
                    context, budget: DraftBudget(nodes: 20, depth: 3), state: &state, proposal: &proposal)
                return proposal.tree.nodes.map(\.logAcceptance.bitPattern)
            }
            let whole = try estimates([])
            #expect(whole.count > 3)
            #expect(try estimates(Array(1..<149)) == whole)
            #expect(try estimates([1, 2, 70, 71, 140]) == whole)
            #expect(try estimates([64, 128]) == whole)
        }
    }

    @Test("A tap that is no layer of the model is refused")
    func tapBeyond() throws {
        let error = #expect(throws: DrafterError.self) {
            _ = try contextDrafter(ToyDrafter.context(taps: [0, 2]), on: ReferenceBackend())
        }
        #expect(error?.description.contains("3 layers") == true, "\(String(describing: error))")
    }

    @Test("A draft vocabulary maps rows of the head to tokens")
    func draftVocabulary() throws {
        let reference = try ReferenceCase("tiny_proj")
        // A permutation of all tokens: the head's rows in another order.
        let permutation = (0..<reference.vocabularySize).map {
            Int32(($0 * 5 + 3) % reference.vocabularySize)
        }
        let columns = try #require(reference.weights.recurrent).exitDimension
        let tensors = reference.weights.tensors.map { tensor -> DrafterTensor in
            guard tensor.rows == reference.vocabularySize else { return tensor }
            let values = tensor.values
            return DrafterTensor(
                name: tensor.name, shape: tensor.shape,
                values: permutation.flatMap { values[(Int($0) * columns)..<((Int($0) + 1) * columns)] })
        }
        let permuted = try DrafterWeights(
            path: "permuted", configuration: reference.weights.configuration, tensors: tensors,
            draftVocabulary: permutation)
        let backend = ReferenceBackend()
        let embedding = try reference.embedding(on: backend)
        let trees = try [reference.weights, permuted].map { weights in
            try proposal(
                RecurrentDrafter(weights, for: reference.target(on: backend)), hidden: reference.states[1],
                root: reference.roots[1], embedding: embedding, budget: DraftBudget(nodes: 15, depth: 4),
                on: backend
            ).tree
        }
        #expect(trees[0] == trees[1])
    }

    @Test("Ranked with the sampler's noise, a head that knows the model's distribution is always confirmed")
    func noise() throws {
        let reference = try ReferenceCase("tiny_proj")
        let backend = ReferenceBackend()
        let embedding = try reference.embedding(on: backend)
        let drafter = try RecurrentDrafter(
            reference.weights, for: reference.target(on: backend),
            options: DrafterOptions(beamWidth: 1, beamLength: 1))
        for seed in UInt64(0)..<50 {
            var sampling = SamplingParameters()
            (sampling.temperature, sampling.topK, sampling.topP, sampling.minP) = (0.7, 64, 1, 0)
            sampling.seed = seed
            let result = try proposal(
                drafter, hidden: reference.states[0], root: reference.roots[0], embedding: embedding,
                budget: DraftBudget(nodes: 1, depth: 1), sampling: sampling, on: backend)
            // The head's own logits, sampled as a model's would be.
            let state = try drafter.makeState()
            let stream = backend.makeStream()
            var step = RecurrentStep()
            step.append([Beam(token: reference.roots[0])], text: 0, depth: 1)
            let logits = drafter.run(
                step,
                ContextBlock.Condition(
                    hidden: try backend.makeTensor(
                        rows: 1, columns: reference.hiddenSize, values: reference.states[0]), addition: nil),
                embedding: embedding, in: state.workspace, on: stream)
            let sampler = try Sampler(sampling, tokenCount: reference.vocabularySize)
            let values = try stream.withValues(logits) { Array($0) }
            let sampled = try values.withUnsafeBufferPointer { try sampler.sample($0, position: 2) }
            #expect(result.tree.nodes.dropFirst().map(\.token) == [sampled])
        }
    }

    @Test("A drafter for another hidden size or vocabulary is refused with the difference")
    func mismatch() throws {
        let reference = try ReferenceCase("tiny_proj")
        var target = reference.target(on: ReferenceBackend())
        for change in [\ModelFingerprint.hiddenSize, \.vocabularySize] {
            var fingerprint = target.fingerprint
            fingerprint[keyPath: change] = 300
            target = DraftTarget(
                fingerprint: fingerprint, tokenCount: 300, contextLength: 64, backend: target.backend)
            let error = #expect(throws: DrafterError.self) {
                try RecurrentDrafter(reference.weights, for: target)
            }
            #expect(caseName(of: error) == "mismatch")
            #expect(error?.description.contains("300") == true)
            target = reference.target(on: ReferenceBackend())
        }
    }
}
