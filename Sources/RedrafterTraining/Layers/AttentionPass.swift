import RedrafterCore
import RedrafterPlatform

/// Causal attention of the rows of one text over each other, with rotary embedding and its gradient. Groups of heads share keys and
/// values.
public struct AttentionPass {
    private let sizes: Sizes
    private let queries: Matrix  // [rows, heads·d], turned
    private let keys: Matrix  // [rows, keyValueHeads·d], turned
    private let values: Matrix  // [rows, keyValueHeads·d]
    private let shares: [Matrix]  // [heads] of [rows, rows], softmax of the scores
    private let angles: Matrix  // [rows, d], cosines and then sines
    private let scratch: ThreadScratch

    public struct Sizes: Sendable, Hashable {
        public var heads: Int
        public var keyValueHeads: Int
        public var headDimension: Int
        public var rotaryBase: Float

        public init(heads: Int, keyValueHeads: Int, headDimension: Int, rotaryBase: Float) {
            self.heads = heads
            self.keyValueHeads = keyValueHeads
            self.headDimension = headDimension
            self.rotaryBase = rotaryBase
        }
    }

    /// - Parameters:
    ///   - sizes: of the heads. Element i of a head is turned with i + d/2; row r stands at position r.
    ///   - queries: turned in place. `[rows, heads·d]`
    ///   - keys: turned in place. `[rows, keyValueHeads·d]`
    ///   - values: `[rows, keyValueHeads·d]`
    ///   - output: `[rows, heads·d]`
    ///   - scratch: memory that lasts until `back`.
    public init(
        _ sizes: Sizes, queries: Matrix, keys: Matrix, values: Matrix, into output: Matrix,
        scratch: ThreadScratch
    ) {
        (self.sizes, self.queries, self.keys, self.values) = (sizes, queries, keys, values)
        self.scratch = scratch
        let rows = queries.rows
        angles = Self.angles(sizes, rows: rows, scratch)
        shares = (0..<sizes.heads).map { _ in scratch.matrix(rows, rows) }
        turn(queries, heads: sizes.heads, backwards: false)
        turn(keys, heads: sizes.keyValueHeads, backwards: false)
        for head in 0..<sizes.heads {
            let share = shares[head]
            share.assign(part(queries, head), timesTransposed: part(keys, group(head)))
            softmax(share)
            part(output, head).assign(share, times: part(values, group(head)))
        }
    }

    /// - Parameters:
    ///   - upstream: the gradient of the output. `[rows, heads·d]`
    ///   - gradients: overwritten with those of queries, keys and values as they came.
    public func back(_ upstream: Matrix, into gradients: (queries: Matrix, keys: Matrix, values: Matrix)) {
        let rows = queries.rows
        let scores = scratch.matrix(rows, rows)
        gradients.keys.clear()
        gradients.values.clear()
        for head in 0..<sizes.heads {
            let (share, own) = (shares[head], part(upstream, head))
            scores.assign(own, timesTransposed: part(values, group(head)))
            part(gradients.values, group(head)).add(transposed: share, times: own)
            softmaxBack(scores, share: share)
            part(gradients.queries, head).assign(scores, times: part(keys, group(head)))
            part(gradients.keys, group(head)).add(transposed: scores, times: part(queries, head))
        }
        turn(gradients.queries, heads: sizes.heads, backwards: true)
        turn(gradients.keys, heads: sizes.keyValueHeads, backwards: true)
    }

    private var scale: Float { 1 / Float(sizes.headDimension).squareRoot() }

    private func group(_ head: Int) -> Int { head / (sizes.heads / sizes.keyValueHeads) }

    private func part(_ matrix: Matrix, _ head: Int) -> Matrix {
        matrix[columns: head * sizes.headDimension..<(head + 1) * sizes.headDimension]
    }

    /// Each row over the columns up to its own; the others become 0.
    private func softmax(_ scores: Matrix) {
        for index in 0..<scores.rows {
            let row = scores.row(index)
            var largest = -Float.infinity
            for column in 0...index { largest = max(largest, row[column]) }
            var sum: Float = 0
            for column in 0...index {
                row[column] = exp((row[column] - largest) * scale)
                sum += row[column]
            }
            for column in 0...index { row[column] /= sum }
            for column in index + 1..<max(index + 1, scores.columns) { row[column] = 0 }
        }
    }

    /// The gradient of shares becomes that of scores before scaling.
    private func softmaxBack(_ gradient: Matrix, share: Matrix) {
        for index in 0..<gradient.rows {
            let (g, p) = (gradient.row(index), share.row(index))
            var overlap: Float = 0
            for column in 0...index { overlap += g[column] * p[column] }
            for column in 0...index { g[column] = p[column] * (g[column] - overlap) * scale }
            for column in index + 1..<max(index + 1, gradient.columns) { g[column] = 0 }
        }
    }

    private static func angles(_ sizes: Sizes, rows: Int, _ scratch: ThreadScratch) -> Matrix {
        let (d, half) = (sizes.headDimension, sizes.headDimension / 2)
        let angles = scratch.matrix(rows, d)
        let frequencies = RotaryTable.frequencies(base: Double(sizes.rotaryBase), headDimension: d)
        for (pair, frequency) in frequencies.enumerated() {
            for row in 0..<rows {
                angles.row(row)[pair] = Float(cos(Double(row) * frequency))
                angles.row(row)[half + pair] = Float(sin(Double(row) * frequency))
            }
        }
        return angles
    }

    private func turn(_ matrix: Matrix, heads: Int, backwards: Bool) {
        let half = sizes.headDimension / 2
        for index in 0..<matrix.rows {
            let (cosines, sines) = (angles.row(index), angles.row(index) + half)
            for head in 0..<heads {
                let low = matrix.row(index) + head * sizes.headDimension
                let high = low + half
                for pair in 0..<half {
                    let sine = backwards ? -sines[pair] : sines[pair]
                    let (a, b) = (low[pair], high[pair])
                    low[pair] = a * cosines[pair] - b * sine
                    high[pair] = b * cosines[pair] + a * sine
                }
            }
        }
    }
}
