import RedrafterCore
import RedrafterModels

/// `copyCache` within one sequence, sources and targets overlapping, and from one to another, against the reference.
public func checkMoves(_ backend: any ComputeBackend) throws -> [ConformanceFailure] {
    let got = try attentionAfterMoves(backend)
    let error = normalisedError(got, try attentionAfterMoves(ReferenceBackend()))
    guard !(error <= 1e-6) else { return [] }
    return [ConformanceFailure(subject: "copyCache", message: "error \(error) against the reference")]
}

private func attentionAfterMoves(_ backend: any ComputeBackend) throws -> [Float] {
    let shape = CacheShape(layers: 2, keyValueHeads: 2, headDimension: 32, sequences: 2, capacity: 40)
    let cache = try backend.makeCache(shape)
    let stream = backend.makeStream()
    var inputs = Inputs(seed: 10)
    // Cosines of 1 and sines of 0: nothing turns.
    let table = RotaryTable(
        values: try backend.makeTensor(
            rows: 40, columns: 32, values: (0..<40).flatMap { _ in (0..<32).map { $0 < 16 ? Float(1) : 0 } }),
        pairing: .halves, rotatedDimension: 32)
    let rows = (0..<2).flatMap { sequence in
        (0..<30).map {
            Row(sequence: sequence, token: 0, position: $0, parent: $0 == 0 ? -1 : sequence * 30 + $0 - 1)
        }
    }
    let plan = try RowPlan(rows: rows, lengths: [0, 0], capacity: 40)
    for layer in 0..<2 {
        stream.rotaryAppend(
            queries: try inputs.matrix(60, 128).tensor(on: backend),
            keys: try inputs.matrix(60, 64).tensor(on: backend),
            values: try inputs.matrix(60, 64).tensor(on: backend), table: table, cache: cache, layer: layer,
            plan: plan)
    }
    // A rotation of three slots, a shift over itself and a far move; then some of it to the other sequence.
    stream.copyCache(
        cache, from: CacheSlots(sequence: 1, slots: [5, 6, 7, 12, 11, 10, 29]),
        to: CacheSlots(sequence: 1, slots: [6, 7, 5, 11, 10, 9, 0]))
    stream.copyCache(
        cache, from: CacheSlots(sequence: 1, slots: Array(3..<19)),
        to: CacheSlots(sequence: 0, slots: Array(2..<18)))
    var results = [Float]()
    for layer in 0..<2 {
        for sequence in 0..<2 {
            let plan = try RowPlan(
                rows: [Row(sequence: sequence, token: 0, position: 20, parent: -1)], lengths: [20, 20],
                capacity: 40)
            let queries = try inputs.matrix(1, 128).tensor(on: backend)
            let output = try backend.makeTensor(rows: 1, columns: 128)
            stream.rotaryAppend(
                queries: queries, keys: try inputs.matrix(1, 64).tensor(on: backend),
                values: try inputs.matrix(1, 64).tensor(on: backend),
                table: table, cache: cache, layer: layer, plan: plan)
            stream.attention(queries: queries, cache: cache, layer: layer, plan: plan, into: output)
            results += try stream.rows(of: output).flatMap { $0 }
        }
    }
    return results
}

/// Toy models of each supported weight type, and of layers with all that architectures add to Llama's: against the reference, and
/// against themselves on every way through.
public func checkModels(
    _ backend: any ComputeBackend, types: [WeightType] = WeightType.allCases
) throws -> [ConformanceFailure] {
    var failures = [ConformanceFailure]()
    for model in ToyModels.all where types.contains(model.type) {
        let (type, toy, subject) = (model.type, model.toy, model.subject)
        guard backend.support(.linear, type) == .supported, backend.support(.embedding, type) == .supported
        else { continue }
        let transformer = try toy.transformer(on: backend)
        let run = try ModelRun(transformer)
        let prompt = (0..<45).map { Int32($0 * 29 % toy.configuration.vocabularySize) }
        let expected = try run.fresh(prompt)
        let reference = try model.reference.value {
            try ModelRun(toy.transformer(on: ReferenceBackend())).fresh(prompt)
        }
        let error = normalisedError(expected, reference)
        // Rounding errors grow through the layers of a random model.
        let allowed = type.isFloat ? 1e-5 : 2e-2
        if !(error <= allowed) {
            failures.append(
                ConformanceFailure(
                    subject: subject, message: "error \(error) against the reference, allowed \(allowed)"))
        }
        for chunk in [1, 2, 7, 16, 33]
        where try !same(ModelRun(transformer, chunk: chunk).fresh(prompt), expected) {
            failures.append(
                ConformanceFailure(subject: subject, message: "prefill in chunks of \(chunk) differs"))
        }
        failures += try checkTrees(run, prompt: prompt, subject: subject)
    }
    return failures
}

/// The toy models that every backend has to run.
private struct ToyModels {
    let subject: String
    let type: WeightType
    let toy: ToyTransformer
    /// Logits on the reference backend, once for all backends.
    let reference = Once<[Float]>()

    static let all: [ToyModels] =
        WeightType.allCases.filter { $0.blockLength <= 32 }.map { type in
            ToyModels(
                subject: "a model of \(type.name)", type: type,
                toy: ToyTransformer(architecture: type == .f16 ? .qwen2 : .llama, type: type, seed: 11))
        }
        + [WeightType.f32, .q8_0].flatMap { type in
            [
                ToyModels(
                    subject: "windows, caps and norms on both sides, \(type.name)", type: type,
                    toy: ToyTransformer(architecture: .gemma3, type: type, layers: 3, seed: 12) {
                        $0.embeddingScale = 3
                        $0.block.attentionSoftcap = 4
                        $0.logitSoftcap = 6
                        $0.localRotaryBase = 500
                        $0.layerKinds[0] = LayerKind(positions: .localRotary, window: 20)
                        $0.layerKinds[1] = LayerKind(positions: .none, window: 7)
                    }),
                ToyModels(
                    subject: "norms behind, scales and biases, \(type.name)", type: type,
                    toy: ToyTransformer(architecture: .olmo2, type: type, seed: 13) {
                        $0.block.hasQueryKeyValueBias = true
                        $0.block.hasOutputBias = true
                        $0.block.residualScale = 0.5
                        $0.block.attentionScale = 0.2
                        $0.logitScale = 0.25
                        $0.rotaryDimension = 8
                        $0.rotaryScaling = .yarn(
                            factor: 4, fastTurns: 32, slowTurns: 1, originalContext: 24, magnitude: 1.2,
                            roundsToPairs: true)
                    }),
            ]
        }
}

/// Trees of every order, each node against its branch as a chain, and each commit against a fresh prefill.
private func checkTrees(_ run: ModelRun, prompt: [Int32], subject: String) throws -> [ConformanceFailure] {
    var failures = [ConformanceFailure]()
    for parents in [[-1, 0, 0, 1, 1, 2, 2], [2, 0, -1, 2, 3, 1, -1], [-1, -1, -1, 2, 1, 0, 5, 4, 3, 8, 7]] {
        func branch(_ node: Int) -> [Int] { parents[node] < 0 ? [node] : branch(parents[node]) + [node] }
        let tokens = parents.indices.map { Int32(3 + $0 * 5) }
        let rows = parents.indices.map {
            Row(token: tokens[$0], position: prompt.count + branch($0).count - 1, parent: parents[$0])
        }
        for node in parents.indices {
            let path = branch(node)
            _ = try run.fresh(prompt)
            let logits = try run.forward(rows)
            if try !same(logits[node], run.fresh(prompt + path.map { tokens[$0] })) {
                failures.append(
                    ConformanceFailure(
                        subject: subject, message: "node \(node) of tree \(parents) differs from its chain"))
            }
            _ = try run.fresh(prompt)
            _ = try run.forward(rows)
            let next = try run.commit(path, next: 9)
            if try !same(next, run.fresh(prompt + path.map { tokens[$0] } + [9])) {
                failures.append(
                    ConformanceFailure(
                        subject: subject,
                        message: "after committing \(path) of tree \(parents) the next token differs"))
            }
        }
    }
    return failures
}

private func same(_ a: [Float], _ b: [Float]) -> Bool { a.map(\.bitPattern) == b.map(\.bitPattern) }

/// A toy model on a backend.
private struct ModelRun {
    let runner: PassRunner

    /// - Parameters:
    ///   - transformer: the model on its backend.
    ///   - chunk: rows of a prefill pass.
    init(_ transformer: Transformer, chunk: Int = TreeLimits.maximumRows) throws {
        runner = try PassRunner(transformer, prefillChunk: chunk)
    }

    /// Logits of the last token, from an empty cache.
    func fresh(_ tokens: [Int32]) throws -> [Float] {
        runner.reset()
        return try logits(runner.prefill(tokens))[0]
    }

    func forward(_ rows: [Row]) throws -> [[Float]] {
        try logits(runner.forward(rows, logitRows: Array(rows.indices)))
    }

    /// Commits a path of the open pass and appends a token.
    func commit(_ path: [Int], next: Int32) throws -> [Float] {
        try runner.commit(path)
        return try logits(runner.prefill([next]))[0]
    }

    private func logits(_ output: PassOutput) throws -> [[Float]] {
        try runner.stream.rows(of: output.logits)
    }
}
