/// Rows of logits from which tokens are chosen one by one, in any order: what a verifier needs that walks a tree.
///
/// Where the leading logits of a row are enough (greedy, top-k), the device is asked once for all rows; else each row is
/// read when its token is asked for.
struct SampledRows {
    private let sampler: Sampler
    private let logits: Tensor
    private let stream: any ComputeStream
    private let leading: [[TokenLogit]]?

    /// - Parameters:
    ///   - logits: `[rows, ≥ vocabulary]`
    ///   - histories: the tokens before the one to choose, for each row, oldest first, as far as penalties
    ///     look back; empty where there are no penalties.
    init(
        _ sampler: Sampler, logits: Tensor, histories: [ArraySlice<Int32>], on stream: any ComputeStream
    ) throws(BackendError) {
        self.sampler = sampler
        self.logits = logits
        self.stream = stream
        let count = sampler.leadingLogitsNeeded(histories: histories)
        leading =
            if let count {
                try stream.top(min(count, sampler.tokenCount), of: logits, vocabulary: sampler.tokenCount)
            } else {
                nil
            }
    }

    /// The token of one row.
    /// - Parameter position: of the token to choose.
    /// - Throws: `BackendError.nonFinite` when the row holds NaN or +infinity, or nothing but −infinity.
    func token(row: Int, position: Int, history: ArraySlice<Int32>) throws(BackendError) -> Int32 {
        if let leading {
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
