/// The RMS norm of rows, `x / sqrt(mean(x²) + epsilon) · weight`, with its gradient.
public struct RMSNormPass {
    private let input: Matrix  // [rows, columns]
    private let weight: Matrix  // [1, columns]
    private let scales: Matrix  // [1, rows], 1 / sqrt(mean(x²) + epsilon)

    /// - Parameters:
    ///   - input: may have gaps between rows. `[rows, columns]`
    ///   - weight: `[1, columns]`
    ///   - epsilon: added to the mean.
    ///   - output: may have gaps between rows. `[rows, columns]`
    ///   - scratch: memory that lasts until `back`.
    public init(
        _ input: Matrix, weight: Matrix, epsilon: Float, into output: Matrix, scratch: ThreadScratch
    ) {
        self.input = input
        self.weight = weight
        scales = scratch.matrix(1, input.rows)
        let columns = input.columns
        for index in 0..<input.rows {
            let (x, y) = (input.row(index), output.row(index))
            var sum: Float = 0
            for column in 0..<columns { sum += x[column] * x[column] }
            let scale = 1 / (sum / Float(columns) + epsilon).squareRoot()
            scales.base[index] = scale
            for column in 0..<columns { y[column] = x[column] * scale * weight.base[column] }
        }
    }

    /// - Parameters:
    ///   - upstream: the gradient of the output. `[rows, columns]`
    ///   - weightGradient: what the weight's gradient is added to; nil where none is wanted. `[1, columns]`
    ///   - gradient: what the input's gradient is added to; nil where none is wanted. `[rows, columns]`
    public func back(_ upstream: Matrix, weightGradient: Matrix?, addingTo gradient: Matrix?) {
        let columns = input.columns
        for index in 0..<input.rows {
            let (x, g, scale) = (input.row(index), upstream.row(index), scales.base[index])
            if let weightGradient = weightGradient?.base {
                for column in 0..<columns { weightGradient[column] += g[column] * x[column] * scale }
            }
            guard let gradient = gradient?.row(index) else { continue }
            var overlap: Float = 0
            for column in 0..<columns { overlap += g[column] * weight.base[column] * x[column] }
            let factor = overlap * scale * scale * scale / Float(columns)
            for column in 0..<columns {
                gradient[column] += g[column] * weight.base[column] * scale - x[column] * factor
            }
        }
    }
}
