/// The part of the model's vocabulary that a drafter predicts: the tokens that answers hold most often.
public struct DraftVocabulary: Sendable, Hashable {
    /// The token of each row, in order of ids. `[rows]`
    public let tokens: [Int32]
    /// The row of each token, −1 for none. `[model's vocabulary]`
    public let rows: [Int32]
    /// Share of the tokens of the answers that it was counted on.
    public let coverage: Double

    /// Counts tokens of answers that are trained on, and what the model deemed likely in their place, which smooths the tail.
    /// - Parameters:
    ///   - data: the answers.
    ///   - size: rows wanted; the whole vocabulary where it is no larger.
    public init(counting data: DistillationData, size: Int) {
        let vocabulary = data.manifest.fingerprint.vocabularySize
        var counts = [Double](repeating: 0, count: vocabulary)
        var seen = [Int](repeating: 0, count: vocabulary)
        for row in data.rows(isHeldOut: false) {
            let token = Int(data.token(row))
            counts[token] += 1
            seen[token] += 1
            data.forEachTop(row) { token, logProbability in
                if logProbability > Self.leastLogProbability, counts.indices.contains(Int(token)) {
                    counts[Int(token)] += Double(exponential(logProbability))
                }
            }
        }
        // Stable: equal counts keep the order of ids, in which frequent tokens come first.
        let order = counts.indices.sorted { counts[$0] != counts[$1] ? counts[$0] > counts[$1] : $0 < $1 }
        self.init(
            tokens: order.prefix(size).sorted().map { Int32($0) }, vocabularySize: vocabulary, seen: seen)
    }

    /// A vocabulary that is given.
    /// - Parameters:
    ///   - tokens: without repetitions, all below `vocabularySize`.
    ///   - vocabularySize: of the model.
    public init(tokens: [Int32], vocabularySize: Int) {
        self.init(tokens: tokens, vocabularySize: vocabularySize, seen: [])
    }

    /// A vocabulary that is given, with its coverage of the answers that are trained on.
    public init(tokens: [Int32], counting data: DistillationData) {
        let vocabulary = data.manifest.fingerprint.vocabularySize
        var seen = [Int](repeating: 0, count: vocabulary)
        for row in data.rows(isHeldOut: false) { seen[Int(data.token(row))] += 1 }
        self.init(tokens: tokens, vocabularySize: vocabulary, seen: seen)
    }

    private init(tokens: [Int32], vocabularySize: Int, seen: [Int]) {
        var rows = [Int32](repeating: -1, count: vocabularySize)
        for (row, token) in tokens.enumerated() { rows[Int(token)] = Int32(row) }
        self.tokens = tokens
        self.rows = rows
        let all = seen.reduce(0, +)
        coverage = all == 0 ? 0 : Double(tokens.reduce(0) { $0 + seen[Int($1)] }) / Double(all)
    }

    /// Below this, a likely token counts for nothing.
    private static let leastLogProbability: Float = -7
}
