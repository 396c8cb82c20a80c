import RedrafterFormats

/// Some positions of a batch on one thread, and all that computing them needs.
public struct TrainingChunk {
    /// Rows that pass through a head together, about. A fourth of it makes the products with a head of 8,192 rows 12 % slower.
    static let rows = 512

    public let batch: BatchView
    public private(set) var positions: Range<Int>
    let weightSum: Double
    let layout: ParameterLayout
    let parameters: UnsafeBufferPointer<Float>
    let gradientValues: UnsafeMutableBufferPointer<Float>?
    let embeddingValues: UnsafeBufferPointer<Float>
    public let scratch: ThreadScratch

    /// The same in pieces that bring about `rows` rows to a head each; where there are texts, one for each of them.
    func pieces(rowsPerPosition: Int) -> some Sequence<TrainingChunk> {
        var ends = [Int]()
        if let texts = batch.texts {
            ends = texts.positionStarts.dropFirst().filter(positions.contains)
        } else {
            let size = max(1, Self.rows / max(1, rowsPerPosition))
            ends = Array(stride(from: positions.lowerBound + size, to: positions.upperBound, by: size))
        }
        ends.append(positions.upperBound)
        return zip([positions.lowerBound] + ends, ends).lazy.filter { $0 < $1 }.map { start, end in
            var piece = self
            piece.positions = start..<end
            return piece
        }
    }

    /// The text of the chunk's positions, for drafters with taps: a chunk is of one text then.
    public var text: TextView {
        guard let texts = batch.texts,
            let index = texts.positionStarts.lastIndex(where: { $0 <= positions.lowerBound })
        else { preconditionFailure("a batch without texts") }
        let rows = texts.rows(index)
        return TextView(
            following: texts.following[rows],
            outputs: matrix(
                batch.outputs, row: rows.lowerBound, rows: rows.count,
                columns: texts.taps * batch.hiddenSize),
            positionRows: texts.positionRows[positions].map { $0 - Int32(rows.lowerBound) })
    }

    /// Whether the gradient is to be computed.
    public var wantsGradient: Bool { gradientValues != nil }

    /// h of the positions. `[positions, hidden]`
    public var hidden: Matrix {
        matrix(batch.hidden, row: positions.lowerBound, rows: positions.count, columns: batch.hiddenSize)
    }

    /// The model's embeddings. `[model's vocabulary, hidden]`
    public var embedding: Matrix {
        let rows = embeddingValues.count / batch.hiddenSize
        return matrix(embeddingValues, row: 0, rows: rows, columns: batch.hiddenSize)
    }

    /// A parameter; a bias is one row.
    public func parameter(_ role: DrafterRole) -> Matrix {
        Self.matrix(UnsafeMutableBufferPointer(mutating: parameters), layout[role])
    }

    /// Where a parameter's gradient is added up; nil where none is wanted.
    public func gradient(_ role: DrafterRole) -> Matrix? {
        gradientValues.map { Self.matrix($0, layout[role]) }
    }

    /// A matrix for a gradient that is handed on; nil where none is wanted.
    public func gradientMatrix(_ rows: Int, _ columns: Int) -> Matrix? {
        wantsGradient ? scratch.matrix(rows, columns) : nil
    }

    /// Indices `n * L + t` of the positions' loss terms that have a weight, step by step.
    /// - Parameter steps: which steps.
    public func terms(steps: Range<Int>) -> [Int32] {
        var terms = [Int32]()
        terms.reserveCapacity(steps.count * positions.count)
        for step in steps {
            for position in positions {
                let index = position * batch.draftLength + step
                if batch.weights[index] > 0 { terms.append(Int32(index)) }
            }
        }
        return terms
    }

    private static func matrix(
        _ values: UnsafeMutableBufferPointer<Float>, _ entry: ParameterLayout.Entry
    ) -> Matrix {
        guard let base = values.baseAddress else { preconditionFailure("a drafter has parameters") }
        return Matrix(
            base: base + entry.offset, rows: entry.shape.count > 1 ? entry.shape[0] : 1,
            columns: entry.shape[entry.shape.count - 1])
    }

    /// Inputs are only read: the pointer is mutable because `Matrix` is.
    private func matrix(
        _ values: UnsafeBufferPointer<Float>, row: Int, rows: Int, columns: Int
    ) -> Matrix {
        guard let base = values.baseAddress else { preconditionFailure("a chunk has inputs") }
        let start = UnsafeMutablePointer(mutating: base) + row * columns
        return Matrix(base: start, rows: rows, columns: columns)
    }
}

/// The arrays of a batch, lent to threads for the time of an evaluation.
public struct BatchView {
    public let draftLength: Int
    public let hiddenSize: Int
    public let labelsPerStep: Int
    public let hidden: UnsafeBufferPointer<Float>  // [N, H]
    let texts: BatchTexts?
    let outputs: UnsafeBufferPointer<Float>  // [rows of texts, taps · H]
    public let tokens: UnsafeBufferPointer<Int32>  // [N, L]
    public let labelRows: UnsafeBufferPointer<Int32>  // [N, L, K]
    public let labelProbabilities: UnsafeBufferPointer<Float>  // [N, L, K]
    public let weights: UnsafeBufferPointer<Float>  // [N, L]
    public let truth: UnsafeBufferPointer<Int32>  // [N, L]
    let matches: BatchMatches?
    let weighsBySurvival: Bool
    public let stateWeight: Float

    /// Rows of texts that have a next one, whose state can be guessed.
    public var stateRows: Int { texts.map { $0.starts[$0.count] - $0.count } ?? 0 }
}

extension DraftBatch {
    func withView(_ body: (BatchView) -> Void) {
        (texts?.outputs ?? []).withUnsafeBufferPointer { outputs in withView(outputs, body) }
    }

    private func withView(_ outputs: UnsafeBufferPointer<Float>, _ body: (BatchView) -> Void) {
        hidden.withUnsafeBufferPointer { hidden in
            tokens.withUnsafeBufferPointer { tokens in
                labelRows.withUnsafeBufferPointer { rows in
                    labelProbabilities.withUnsafeBufferPointer { probabilities in
                        weights.withUnsafeBufferPointer { weights in
                            truth.withUnsafeBufferPointer { truth in
                                body(
                                    BatchView(
                                        draftLength: draftLength, hiddenSize: hiddenSize,
                                        labelsPerStep: labelsPerStep, hidden: hidden, texts: texts,
                                        outputs: outputs, tokens: tokens, labelRows: rows,
                                        labelProbabilities: probabilities,
                                        weights: weights, truth: truth, matches: matches,
                                        weighsBySurvival: weighsBySurvival, stateWeight: stateWeight))
                            }
                        }
                    }
                }
            }
        }
    }

    /// The positions of each thread: ranges with about the same number of loss terms, a function of batch and thread count. A text
    /// stays on one thread.
    func ranges(threads: Int) -> [Range<Int>] {
        let total = weights.count { $0 > 0 }
        var ranges = [Range<Int>]()
        var (start, seen, position) = (0, 0, 0)
        for thread in 1...threads {
            while position < count, thread == threads || seen * threads < total * thread {
                let next = texts?.positionStarts.first { $0 > position } ?? position + 1
                for term in position * draftLength..<next * draftLength where weights[term] > 0 { seen += 1 }
                position = next
            }
            ranges.append(start..<position)
            start = position
        }
        return ranges
    }
}
