import CTraining
import RedrafterFormats
import RedrafterPlatform

/// The optimiser AdamW (arXiv 1711.05101, algorithm 2) with the gradient clipped by its norm. Matrices are decayed, biases are not.
///
/// Results do not depend on the number of threads.
public struct AdamW: Sendable {
    public var beta1: Float = 0.9
    public var beta2: Float = 0.95
    public var epsilon: Float = 1e-8
    /// What a matrix loses in a step, times the learning rate.
    public var weightDecay: Float
    /// Gradients with a larger norm are scaled down to it.
    public var largestNorm: Double
    /// Steps taken.
    public private(set) var step: Int
    /// Running means of gradients and of their squares. `[layout.count]`
    public private(set) var firstMoment: [Float]
    public private(set) var secondMoment: [Float]
    private let layout: ParameterLayout
    /// What the learning rate of each entry is multiplied by.
    private let rateScales: [Float]

    /// What a step did.
    public struct Outcome: Sendable, Hashable {
        /// Before clipping.
        public let gradientNorm: Double
        /// False where the norm is not finite: nothing was changed then, the step does not count.
        public let isApplied: Bool
    }

    /// - Parameters:
    ///   - layout: of the parameters.
    ///   - weightDecay: what a matrix loses in a step, times the learning rate.
    ///   - largestNorm: infinity for no clipping.
    ///   - rateScale: what the learning rate of a parameter is multiplied by.
    public init(
        _ layout: ParameterLayout, weightDecay: Float = 0.01, largestNorm: Double = 1,
        rateScale: (DrafterRole) -> Float = { _ in 1 }
    ) {
        self.layout = layout
        rateScales = layout.entries.map { rateScale($0.role) }
        self.weightDecay = weightDecay
        self.largestNorm = largestNorm
        step = 0
        firstMoment = Array(repeating: 0, count: layout.count)
        secondMoment = firstMoment
    }

    /// Continues from the state of an earlier run.
    /// - Throws: `TrainingError.invalidInput` where the moments are those of another layout.
    public mutating func restore(
        step: Int, firstMoment: [Float], secondMoment: [Float]
    ) throws(TrainingError) {
        guard step >= 0, firstMoment.count == layout.count, secondMoment.count == layout.count else {
            throw .invalidInput(
                what: "the optimiser's state",
                got: "\(firstMoment.count) and \(secondMoment.count) moments at step \(step)",
                expected: "\(layout.count) at a step from 0")
        }
        (self.step, self.firstMoment, self.secondMoment) = (step, firstMoment, secondMoment)
    }

    /// One step.
    /// - Parameters:
    ///   - parameters: `[layout.count]`
    ///   - gradient: `[layout.count]`
    ///   - learningRate: of this step.
    ///   - threads: threads to use.
    public mutating func update(
        _ parameters: UnsafeMutableBufferPointer<Float>, gradient: UnsafeBufferPointer<Float>,
        learningRate: Float, threads: Int
    ) -> Outcome {
        precondition(
            parameters.count == layout.count && gradient.count == layout.count, "arrays of another layout")
        let threads = max(1, threads)
        let norm = Self.norm(gradient, threads: threads)
        guard norm.isFinite else { return Outcome(gradientNorm: norm, isApplied: false) }
        step += 1
        let numbers = rd_training_adamw_step(
            learning_rate: learningRate, weight_decay: 0, beta1: beta1, beta2: beta2, epsilon: epsilon,
            gradient_scale: norm > largestNorm ? Float(largestNorm / norm) : 1,
            first_correction: Float(1 / (1 - pow(Double(beta1), Double(step)))),
            second_correction: Float(1 / (1 - pow(Double(beta2), Double(step)))))
        let (layout, weightDecay, rateScales) = (layout, weightDecay, rateScales)
        firstMoment.withUnsafeMutableBufferPointer { first in
            secondMoment.withUnsafeMutableBufferPointer { second in
                onThreads(threads) { thread in
                    let range = piece(thread, of: threads, in: layout.count)
                    for (entry, rateScale) in zip(layout.entries, rateScales) {
                        let part = entry.range.clamped(to: range)
                        guard !part.isEmpty, let p = parameters.baseAddress, let g = gradient.baseAddress,
                            let m = first.baseAddress, let v = second.baseAddress
                        else { continue }
                        var numbers = numbers
                        numbers.learning_rate = learningRate * rateScale
                        numbers.weight_decay = entry.isMatrix ? weightDecay : 0
                        let start = part.lowerBound
                        rd_training_adamw(p + start, g + start, m + start, v + start, part.count, &numbers)
                    }
                }
            }
        }
        return Outcome(gradientNorm: norm, isApplied: true)
    }

    private static let normBlock = 1 << 16

    /// The Euclidean norm; blocks of fixed size are added in order.
    static func norm(_ gradient: UnsafeBufferPointer<Float>, threads: Int) -> Double {
        guard let base = gradient.baseAddress, !gradient.isEmpty else { return 0 }
        let blocks = (gradient.count + normBlock - 1) / normBlock
        var sums = Array(repeating: 0.0, count: blocks)
        sums.withUnsafeMutableBufferPointer { sums in
            onThreads(threads) { thread in
                for block in stride(from: thread, to: blocks, by: threads) {
                    let start = block * normBlock
                    sums[block] = rd_training_sum_of_squares(
                        base + start, min(normBlock, gradient.count - start))
                }
            }
        }
        return sums.reduce(0, +).squareRoot()
    }
}
