/// Rows of logits from which tokens are chosen one by one, in any order: what a verifier needs that walks trees.
///
/// Where the leading logits of a row are enough (greedy, top-k), the device is asked once for all rows; else each row is
/// read when its token is asked for.
package struct SampledRows {
    private let logits: Tensor
    private let stream: any ComputeStream
    private let leading: [[TokenLogit]]

    /// - Parameters:
    ///   - logits: `[rows, ≥ vocabulary]`
    ///   - walks: those that go over these rows, all with the same vocabulary.
    ///   - stream: the one that computed `logits`.
    package init(
        _ logits: Tensor, for walks: [ExactWalk], on stream: any ComputeStream
    ) throws(BackendError) {
        self.logits = logits
        self.stream = stream
        let needed = walks.compactMap(\.leadingNeeded).max()
        if let needed, let vocabulary = walks.first?.sampler.tokenCount {
            leading = try stream.top(min(needed, vocabulary), of: logits, vocabulary: vocabulary)
        } else {
            leading = []
        }
    }

    /// The most likely token of each of some rows; none of them where the device was not asked or one has no numbers.
    func mostLikely(_ rows: Range<Int>) -> [Int32] {
        guard rows.upperBound <= leading.count else { return [] }
        let tokens = leading[rows].compactMap(\.first?.token)
        return tokens.count == rows.count ? tokens : []
    }

    /// The token of one row.
    /// - Parameters:
    ///   - row: of the logits.
    ///   - sampler: chooses.
    ///   - isLeadingEnough: whether the sampler needs no more than what was asked of the device.
    ///   - position: of the token to choose.
    ///   - history: the tokens before it, oldest first, as far as penalties look back.
    /// - Throws: `BackendError.nonFinite` when the row holds NaN or +infinity, or nothing but −infinity.
    func token(
        row: Int, sampler: Sampler, isLeadingEnough: Bool, position: Int, history: ArraySlice<Int32>
    ) throws(BackendError) -> Int32 {
        if isLeadingEnough {
            guard !leading[row].isEmpty else { throw .nonFinite(what: "the logits") }
            return sampler.choose(sampler.candidates(leading: leading[row], history: history), position)
        }
        let chosen = try stream.withValues(logits) { values in
            let start = row * logits.columns
            return Result { () throws(BackendError) in
                try sampler.sample(
                    UnsafeBufferPointer(rebasing: values[start..<(start + sampler.tokenCount)]),
                    position: position, history: history)
            }
        }
        return try chosen.get()
    }
}
