import Foundation
import RedrafterTraining
import Testing

@Suite struct SurvivalTests {
    @Test(
        "A loss weighs as much as the drafter deems its step reachable: the product of its probabilities of the tokens before"
    )
    func weights() throws {
        for var problem in try ToyProblem.all() where !problem.name.contains("medusa") {
            problem.batch.stateWeight = 0
            let length = problem.batch.draftLength
            var weighted = problem
            for position in 0..<problem.batch.count {
                var reached = 1.0
                for step in 0..<length {
                    let term = position * length + step
                    // A step without a weight is no term: of its token is known only whether it can be guessed.
                    guard problem.batch.weights[term] > 0 else {
                        if problem.batch.truth[term] < 0 { reached = 0 }
                        continue
                    }
                    weighted.batch.weights[term] *= Float(reached)
                    reached *= try probability(problem, term)
                }
            }
            let expected = try weighted.evaluate(threads: 1)
            problem.batch.weighsBySurvival = true
            let found = try problem.evaluate(threads: 1)
            let total = Double(problem.batch.weights.reduce(0, +))
            #expect(abs(found.result.weightSum - expected.result.weightSum) < 1e-5, "\(problem.name)")
            #expect(abs(found.result.lossSum - expected.result.lossSum) < 1e-4, "\(problem.name)")
            let scale = Float(expected.result.weightSum / total)
            for (one, other) in zip(found.gradient, expected.gradient) {
                #expect(abs(one - other * scale) < 1e-5, "\(problem.name)")
            }
        }
    }

    /// The drafter's probability of a term's token.
    private func probability(_ problem: ToyProblem, _ term: Int) throws -> Double {
        guard problem.batch.truth[term] >= 0 else { return 0 }
        var single = problem
        let labels = problem.batch.labelsPerStep
        for index in single.batch.weights.indices where index != term { single.batch.weights[index] = 0 }
        single.batch.weights[term] = 1
        for label in 0..<labels { single.batch.labelRows[term * labels + label] = -1 }
        single.batch.labelRows[term * labels] = problem.batch.truth[term]
        single.batch.labelProbabilities[term * labels] = 1
        return exp(-(try single.evaluate(threads: 1).result.loss))
    }
}
