import RedrafterPlatform

/// Medusa's typical acceptance (arXiv 2401.10774, section 2.3.1): keeps a guess where the model finds it typical enough,
///
///     p(x) > min(ε, δ · exp(−H(p)))
///
/// with p the model's distribution at the sampling temperature and H its entropy. **Lossy**: the text is not plain decoding's,
/// and it depends on the drafter. Of several typical guesses the most probable one is followed; the token after the last kept
/// guess is sampled as ever. At temperature 0 it is the exact rule.
public struct TypicalVerifier: Verifier {
    public let name = "typical (lossy)"
    public let isExact = false
    public let sampler: Sampler
    /// ε: a guess this probable is always kept.
    public let posteriorThreshold: Double
    /// δ: how much of the typical probability exp(−H) a guess needs.
    public let posteriorAlpha: Double

    /// The defaults are Medusa's: ε = 0.09, δ = √ε = 0.3.
    public init(_ sampler: Sampler, posteriorThreshold: Double = 0.09, posteriorAlpha: Double = 0.3) {
        self.sampler = sampler
        self.posteriorThreshold = posteriorThreshold
        self.posteriorAlpha = posteriorAlpha
    }

    public func verify(
        _ tree: TokenTree, logits: Tensor, tokens: [Int32], on stream: any ComputeStream
    ) throws(BackendError) -> Verdict {
        let exact = ExactVerifier(sampler)
        guard !sampler.parameters.isGreedy else {
            return try exact.verify(tree, logits: logits, tokens: tokens, on: stream)
        }
        var path = [0]
        while let next = try typicalChild(of: path[path.count - 1], tree, path, logits, tokens, stream) {
            path.append(next)
        }
        let last = path[path.count - 1]
        let text = tokens + path.dropFirst().map { tree.nodes[$0].token }
        let chosen = try stream.withValues(logits) { values in
            Result { () throws(BackendError) in
                try sampler.sample(row(last, of: values, logits), position: text.count, history: text[...])
            }
        }
        return Verdict(path: path, next: try chosen.get())
    }

    /// The most probable of the children that are typical; nil where none is.
    private func typicalChild(
        of node: Int, _ tree: TokenTree, _ path: [Int], _ logits: Tensor, _ tokens: [Int32],
        _ stream: any ComputeStream
    ) throws(BackendError) -> Int? {
        guard tree.hasChildren(node) else { return nil }
        let text = tokens + path.dropFirst().map { tree.nodes[$0].token }
        let distribution = try stream.withValues(logits) { values in
            Result { () throws(BackendError) in
                try sampler.distribution(row(node, of: values, logits), history: text[...])
            }
        }.get()
        let entropy = distribution.reduce(0.0) {
            $0 - ($1.probability > 0 ? $1.probability * log($1.probability) : 0)
        }
        let threshold = min(posteriorThreshold, posteriorAlpha * exp(-entropy))
        var best: (node: Int, probability: Double)?
        for child in tree.children(of: node) {
            guard let entry = distribution.first(where: { $0.token == tree.nodes[child].token }),
                entry.probability > max(threshold, best?.probability ?? 0)
            else { continue }
            best = (child, entry.probability)
        }
        return best?.node
    }

    private func row(
        _ node: Int, of values: UnsafeBufferPointer<Float>, _ logits: Tensor
    ) -> UnsafeBufferPointer<Float> {
        let start = node * logits.columns
        return UnsafeBufferPointer(rebasing: values[start..<(start + sampler.tokenCount)])
    }
}
