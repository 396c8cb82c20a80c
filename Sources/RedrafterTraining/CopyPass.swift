import RedrafterFormats
import RedrafterPlatform

/// Earlier places of the text that resemble its end, for each loss term of a batch: what `TextIndex.forEachMatch` gives for the text
/// up to the token that is fed.
public struct BatchMatches: Sendable {
    /// The first match of each term, and the number of all at the end. `[N · L + 1]`
    public private(set) var starts: [Int32] = [0]
    /// Row of the draft vocabulary of the token that followed; those of a term are sorted by it.
    public private(set) var rows: [Int32] = []
    /// Tokens that are the same, at least 1.
    public private(set) var lengths: [Int32] = []

    public init() {}

    /// Adds the matches of the next term.
    public mutating func append(_ matches: [(row: Int32, length: Int32)]) {
        for match in matches.sorted(by: { $0 < $1 }) {
            rows.append(match.row)
            lengths.append(match.length)
        }
        starts.append(Int32(rows.count))
    }

    /// Matches of a term.
    func range(_ term: Int) -> Range<Int> { Int(starts[term])..<Int(starts[term + 1]) }
}

/// What the text so far adds to the logits of a drafter that copies, with its gradient:
///
///     logit(v) += power · log(1 + Σ over matches that v followed: exp(a_m)), m = length of the match
public struct CopyPass {
    private let matches: BatchMatches
    /// exp(a_m) for lengths from 1.
    private let weights: [Float]
    private let power: Float
    private let weightGradient: Matrix?
    private let powerGradient: Matrix?

    /// - Parameters:
    ///   - chunk: whose batch has matches.
    ///   - votes: the role of a. `[lengths]`
    ///   - power: its role. `[1]`
    public init(_ chunk: TrainingChunk, votes: DrafterRole, power: DrafterRole) {
        guard let matches = chunk.batch.matches else { preconditionFailure("a batch without matches") }
        self.matches = matches
        let exponents = chunk.parameter(votes)
        weights = (0..<exponents.columns).map { exponential(exponents.base[$0]) }
        self.power = chunk.parameter(power).base[0]
        weightGradient = chunk.gradient(votes)
        powerGradient = chunk.gradient(power)
    }

    /// Raises the logits of a term. `[vocabulary]`
    func apply(to logits: UnsafeMutablePointer<Float>, term: Int) {
        forEachRow(term) { row, _, sum in logits[row] += power * logarithm(1 + sum) }
    }

    /// Adds the gradient of a term, given that of its logits. `[vocabulary]`
    func back(_ logits: UnsafePointer<Float>, term: Int) {
        guard let weightGradient, let powerGradient else { return }
        forEachRow(term) { row, range, sum in
            let gradient = logits[row]
            powerGradient.base[0] += gradient * logarithm(1 + sum)
            let factor = gradient * power / (1 + sum)
            for index in range {
                let length = Int(matches.lengths[index]) - 1
                weightGradient.base[length] += factor * weights[length]
            }
        }
    }

    /// The rows that matches of a term vote for, with the matches and the sum of their weights.
    private func forEachRow(_ term: Int, _ body: (Int, Range<Int>, Float) -> Void) {
        let all = matches.range(term)
        var start = all.lowerBound
        while start < all.upperBound {
            let row = matches.rows[start]
            var (end, sum) = (start, Float(0))
            while end < all.upperBound, matches.rows[end] == row {
                sum += weights[Int(matches.lengths[end]) - 1]
                end += 1
            }
            body(Int(row), start..<end, sum)
            start = end
        }
    }
}
