import RedrafterCore

/// Checks a verifier against its contract, on random trees over a table model, greedy and sampled.
///
/// One that calls itself exact must say at every node what plain decoding says there, whatever was guessed.
/// - Parameter makeVerifier: makes it for a sampler, as a registered verifier is made.
/// - Returns: what failed; empty for a verifier that is done.
public func checkVerifier(
    _ makeVerifier: (Sampler) -> any Verifier
) throws -> [ConformanceFailure] {
    var failures = [ConformanceFailure]()
    var random = SeededRandom(seed: 41)
    let model = TableModel(seed: 13)
    for turn in 0..<120 {
        var sampling = SamplingParameters.greedy
        if turn % 3 > 0 { (sampling.temperature, sampling.topK, sampling.seed) = (0.9, 0, UInt64(turn)) }
        if turn % 4 == 3 { sampling.repeatPenalty = 1.3 }
        let sampler = try Sampler(sampling, tokenCount: model.vocabularySize)
        let verifier = makeVerifier(sampler)
        func fail(_ message: String) {
            failures.append(ConformanceFailure(subject: verifier.name, message: "turn \(turn): \(message)"))
        }
        if !verifier.isExact, !verifier.name.contains("lossy") {
            fail("a lossy rule does not say so in its name")
        }
        let prompt = (0..<(1 + turn % 5)).map { _ in Int32.random(in: 0..<8, using: &random) }
        var tree = TokenTree(root: prompt[prompt.count - 1])
        for _ in 0..<Int.random(in: 0..<24, using: &random) {
            tree.insert(
                Int32.random(in: 0..<8, using: &random),
                after: Int.random(in: 0..<tree.count, using: &random), probability: 0.5)
        }
        var target = try TableSequence(model)
        _ = try target.prefill(prompt.dropLast())
        let output = try target.forward(tree)
        let verdict = try verifier.verify(tree, logits: output.logits, tokens: prompt, on: target.stream)
        guard verdict.path.first == 0, verdict.path.allSatisfy(tree.nodes.indices.contains) else {
            fail("the path \(verdict.path) does not begin at the root of a tree of \(tree.count) nodes")
            continue
        }
        for (parent, node) in zip(verdict.path, verdict.path.dropFirst())
        where tree.nodes[node].parent != parent {
            fail("node \(node) of the path \(verdict.path) is no child of \(parent)")
        }
        if !(0..<model.vocabularySize).contains(Int(verdict.next)) {
            fail("the token \(verdict.next) is outside the vocabulary")
        }
        if verifier.isExact {
            let said = verdict.path.dropFirst().map { tree.nodes[$0].token } + [verdict.next]
            let plain = try plainTokens(said.count, after: prompt, model, sampler)
            if said != plain { fail("the text goes on with \(said), plain decoding with \(plain)") }
        }
    }
    return failures + (try failuresWithDamagedLogits(makeVerifier))
}

/// What plain decoding says after a prompt.
private func plainTokens(
    _ count: Int, after prompt: [Int32], _ model: TableModel, _ sampler: Sampler
) throws -> [Int32] {
    var text = prompt
    for _ in 0..<count {
        text.append(
            try model.logits(after: text).withUnsafeBufferPointer {
                try sampler.sample($0, position: text.count, history: text[...])
            })
    }
    return Array(text[prompt.count...])
}

/// A root whose logits are damaged must end the text, not continue it.
private func failuresWithDamagedLogits(
    _ makeVerifier: (Sampler) -> any Verifier
) throws -> [ConformanceFailure] {
    let backend = ReferenceBackend()
    var failures = [ConformanceFailure]()
    for damage in [Float.nan, .infinity] {
        for temperature in [Float(0), 1] {
            var sampling = SamplingParameters.greedy
            sampling.temperature = temperature
            let verifier = makeVerifier(try Sampler(sampling, tokenCount: 8))
            let logits = try backend.makeTensor(rows: 1, columns: 8, values: [0, 1, damage, 3, 0, 0, 0, 0])
            do {
                _ = try verifier.verify(
                    TokenTree(root: 1), logits: logits, tokens: [1], on: backend.makeStream())
                failures.append(
                    ConformanceFailure(
                        subject: verifier.name, message: "logits that hold \(damage) were taken"))
            } catch BackendError.nonFinite {
            }
        }
    }
    return failures
}
