import RedrafterFormats
import RedrafterTraining
import Testing

@Suite struct GradientTests {
    @Test func everyGradientIsTheSlopeOfTheLossWrittenOut() throws {
        for problem in try ToyProblem.all() {
            for threads in [1, 2, 3] {
                let (result, gradient) = try problem.evaluate(threads: threads)
                var reference = ReferenceLoss(
                    problem.trainer.layout, parameters: problem.parameters, embedding: problem.embedding)
                let expected = reference.loss(problem.batch)
                let states = Double(problem.batch.stateWeight) * (result.stateError ?? 0)
                #expect(abs(result.loss + states - expected) < 2e-6 * max(1, expected), "\(problem.name)")
                #expect((result.stateError != nil) == (problem.batch.stateWeight > 0), "\(problem.name)")
                if threads > 1, problem.batch.count > 100 { continue }
                try compareSlopes(problem, gradient, &reference)
            }
        }
    }

    /// Central differences in double precision are good to nine digits, so what is left is the rounding of floats.
    private func compareSlopes(
        _ problem: ToyProblem, _ gradient: [Float], _ reference: inout ReferenceLoss
    ) throws {
        let step = 1e-5
        let largest = Double(gradient.map(abs).max() ?? 0)
        try #require(largest > 1e-3, "\(problem.name): the gradient is not zero")
        for entry in problem.trainer.layout.entries {
            for index in entry.range {
                let value = reference.parameters[index]
                reference.parameters[index] = value + step
                let above = reference.loss(problem.batch)
                reference.parameters[index] = value - step
                let below = reference.loss(problem.batch)
                reference.parameters[index] = value
                let slope = (above - below) / (2 * step)
                #expect(
                    abs(Double(gradient[index]) - slope) < 1e-4 * abs(slope) + 2e-6 * max(1, largest),
                    "\(problem.name): \(entry.name)[\(index - entry.offset)]")
            }
        }
    }

    @Test func whatLiesBetweenTensorsHasNoGradient() throws {
        for problem in try ToyProblem.all() {
            let gradient = try problem.evaluate(threads: 2).gradient
            let used = Set(problem.trainer.layout.entries.flatMap(\.range))
            #expect(gradient.indices.allSatisfy { used.contains($0) || gradient[$0] == 0 }, "\(problem.name)")
        }
    }

    @Test func aBatchWithoutWeightsHasNoLossAndNoGradient() throws {
        for var problem in try ToyProblem.all() {
            problem.batch.weights = problem.batch.weights.map { _ in 0 }
            problem.batch.stateWeight = 0
            let (result, gradient) = try problem.evaluate(threads: 2)
            #expect(result.loss == 0 && result.weightSum == 0 && result.counted.allSatisfy { $0 == 0 })
            #expect(gradient.allSatisfy { $0 == 0 }, "\(problem.name)")
        }
    }

    @Test func termsWithoutWeightLeaveNoTrace() throws {
        for var problem in try ToyProblem.all() {
            let before = try problem.evaluate()
            for term in problem.batch.weights.indices where problem.batch.weights[term] == 0 {
                problem.batch.labelProbabilities[term * 3] = 0.9
                problem.batch.labelRows[term * 3] = 0
                problem.batch.truth[term] = 1
            }
            let after = try problem.evaluate()
            #expect(before == after, "\(problem.name)")
        }
    }
}
