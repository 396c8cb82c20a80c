import RedrafterTraining

/// The squared error of a context block that guesses the model's next hidden state (as the feature regression of EAGLE, arXiv
/// 2401.15077, section 4.2): of the mean over all rows that have a next one
///
///     mean over elements (rms u_r − rms tap_n(r + 1))²,   rms x = x / sqrt(mean(x²) + epsilon)
///
/// It tells the block something about each element of a state, at a hundredth of the price of the guesses' own loss.
struct StateLoss {
    private let chunk: TrainingChunk
    private let epsilon: Float

    init(_ chunk: TrainingChunk, epsilon: Float) {
        self.chunk = chunk
        self.epsilon = epsilon
    }

    /// - Parameters:
    ///   - output: of the block, u. `[rows, hidden]`
    ///   - lastTap: `[rows, hidden]`
    ///   - result: receives the error.
    ///   - gradient: what the gradient with respect to u is added to. `[rows, hidden]`
    func run(_ output: Matrix, lastTap: Matrix, into result: inout BatchResult, _ gradient: Matrix) {
        let (count, size) = (output.rows - 1, output.columns)
        guard chunk.batch.stateWeight > 0, count > 0 else { return }
        let scratch = chunk.scratch
        let ones = scratch.matrix(1, size)
        ones.base.update(repeating: 1, count: size)
        let (guesses, difference) = (scratch.matrix(count, size), scratch.matrix(count, size))
        let norm = RMSNormPass(
            output[rows: 0..<count], weight: ones, epsilon: epsilon, into: guesses, scratch: scratch)
        _ = RMSNormPass(
            lastTap[rows: 1..<count + 1], weight: ones, epsilon: epsilon, into: difference, scratch: scratch)
        var sum = 0.0
        let factor = 2 * chunk.batch.stateWeight / Float(chunk.batch.stateRows * size)
        for row in 0..<count {
            let (guess, target) = (guesses.row(row), difference.row(row))
            var squares: Float = 0
            for column in 0..<size {
                let error = guess[column] - target[column]
                squares += error * error
                target[column] = factor * error
            }
            sum += Double(squares) / Double(size)
        }
        result.stateErrorSum += sum
        result.stateRows += count
        guard chunk.wantsGradient else { return }
        norm.back(difference, weightGradient: nil, addingTo: gradient[rows: 0..<count])
    }
}
