import CTraining
import RedrafterFormats

/// The end of every drafter, with its gradient: the projection onto the draft vocabulary, and the cross entropy.
///
/// The projection dominates the cost of training: its logits are computed, turned into their gradient in place and used up for a
/// block of rows at a time.
public struct ProjectionPass {
    /// Logits that exist at once: 32 MiB, or 64 rows. Up to a vocabulary of 16,384 all rows of a chunk are one block.
    static let logitsPerBlock = 1 << 23

    private let chunk: TrainingChunk
    private let weight: Matrix  // [vocabulary, exit]
    private let weightGradient: Matrix?  // [vocabulary, exit]
    /// Indices `n * L + t` of the loss terms, one for each row.
    private let terms: [Int32]
    private let copies: CopyPass?

    /// - Parameters:
    ///   - chunk: with the labels of the terms.
    ///   - role: of the matrix. `[vocabulary, exit]`
    ///   - terms: indices of the loss terms, one for each row of the input; those of a position in the order of its steps.
    ///   - copies: what the text adds to the logits; nil for nothing.
    public init(
        _ chunk: TrainingChunk, _ role: DrafterRole, terms: [Int32], copies: CopyPass? = nil
    ) {
        self.chunk = chunk
        weight = chunk.parameter(role)
        weightGradient = chunk.gradient(role)
        self.terms = terms
        self.copies = copies
    }

    /// Adds the loss of all rows to `result` and the gradient of the matrix to the chunk's.
    /// - Parameters:
    ///   - input: `[terms, exit]`
    ///   - result: receives the loss.
    /// - Returns: the gradient with respect to the input, in new memory; nil where none is wanted. `[terms, exit]`
    public func run(_ input: Matrix, into result: inout BatchResult) -> Matrix? {
        let gradient = chunk.gradientMatrix(input.rows, input.columns)
        let block = min(max(64, Self.logitsPerBlock / weight.rows), input.rows)
        let logits = chunk.scratch.matrix(block, weight.rows)
        var survival =
            chunk.wantsGradient && chunk.batch.weighsBySurvival
            ? [Float](repeating: 1, count: chunk.positions.count) : nil
        for start in stride(from: 0, to: input.rows, by: block) {
            let range = start..<min(start + block, input.rows)
            let (input, logits) = (input[rows: range], logits[rows: 0..<range.count])
            logits.assign(input, timesTransposed: weight)
            for row in range {
                let (logits, term) = (logits.row(row - start), Int(terms[row]))
                copies?.apply(to: logits, term: term)
                score(logits, term: term, &survival, into: &result)
                copies?.back(logits, term: term)
            }
            gradient?[rows: range].assign(logits, times: weight)
            weightGradient?.add(transposed: logits, times: input)
        }
        return gradient
    }

    /// The loss of one row, whose logits become their gradient where one is wanted.
    /// - Parameters:
    ///   - logits: of the row.
    ///   - term: index of the row's loss term.
    ///   - survival: the drafter's probability of the tokens before the term's, by position; that of the term's joins it. Nil where
    ///     losses are not weighed by it.
    ///   - result: receives the loss.
    private func score(
        _ logits: UnsafeMutablePointer<Float>, term: Int, _ survival: inout [Float]?,
        into result: inout BatchResult
    ) {
        let batch = chunk.batch
        guard let rows = batch.labelRows.baseAddress, let probabilities = batch.labelProbabilities.baseAddress
        else { return }
        let position = term / batch.draftLength - chunk.positions.lowerBound
        let truth = Int(batch.truth[term])
        let truthLogit = truth >= 0 ? logits[truth] : -.infinity
        let step = term % batch.draftLength
        if survival != nil, (term - step..<term).contains(where: { batch.truth[$0] < 0 }) {
            survival?[position] = 0  // a token that cannot be guessed is before it
        }
        let weight = Double(batch.weights[term] * (survival?[position] ?? 1))
        var largest: Int32 = 0
        var logSum = 0.0
        let loss = rd_training_cross_entropy(
            logits, self.weight.rows, rows + term * batch.labelsPerStep,
            probabilities + term * batch.labelsPerStep, batch.labelsPerStep, Float(weight / chunk.weightSum),
            chunk.wantsGradient ? 1 : 0, &largest, &logSum)
        survival?[position] *= exponential(Float(Double(truthLogit) - logSum))
        result.lossSum += weight * loss
        result.weightSum += weight
        result.stepLossSum[step] += loss
        result.counted[step] += 1
        if largest == batch.truth[term] { result.correct[step] += 1 }
    }
}
