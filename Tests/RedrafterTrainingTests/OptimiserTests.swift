import RedrafterFormats
import RedrafterPlatform
import RedrafterTraining
import Testing

@Suite struct OptimiserTests {
    private let layout: ParameterLayout

    init() throws { layout = try ParameterLayout(ToyProblem.recurrent(exit: 5, layers: 2)) }

    private func update(
        _ optimiser: inout AdamW, _ parameters: inout [Float], _ gradient: [Float], rate: Float,
        threads: Int = 2
    ) -> AdamW.Outcome {
        parameters.withUnsafeMutableBufferPointer { parameters in
            gradient.withUnsafeBufferPointer {
                optimiser.update(parameters, gradient: $0, learningRate: rate, threads: threads)
            }
        }
    }

    private func wave(_ factor: Double, _ scale: Double) -> [Float] {
        var values = [Float](repeating: 0, count: layout.count)
        for entry in layout.entries {
            for index in entry.range { values[index] = Float(scale * sin(factor * Double(index + 1))) }
        }
        return values
    }

    @Test func stepsAreThoseOfThePaper() {
        let slow = layout.entries[0]
        var optimiser = AdamW(layout, weightDecay: 0.1, largestNorm: 0.5) { $0 == slow.role ? 0.25 : 1 }
        var parameters = wave(0.7, 1)
        var expected = parameters.map(Double.init)
        var (m, v) = (expected.map { _ in 0.0 }, expected.map { _ in 0.0 })
        let matrices = Set(layout.entries.filter { $0.name.hasSuffix("weight") }.flatMap(\.range))
        let rate = 0.05
        for step in 1...5 {
            // The first gradients are longer than the largest norm, the last ones are not.
            let gradient = wave(0.3 * Double(step), step < 4 ? 1 : 0.01)
            let norm = gradient.reduce(0.0) { $0 + Double($1) * Double($1) }.squareRoot()
            let outcome = update(&optimiser, &parameters, gradient, rate: Float(rate))
            #expect(outcome.isApplied && abs(outcome.gradientNorm - norm) < 1e-9 * norm)
            #expect((norm > 0.5) == (step < 4))
            for index in expected.indices {
                let g = Double(gradient[index]) * min(1, 0.5 / norm)
                m[index] = 0.9 * m[index] + 0.1 * g
                v[index] = 0.95 * v[index] + 0.05 * g * g
                let first = m[index] / (1 - pow(0.9, Double(step)))
                let second = v[index] / (1 - pow(0.95, Double(step)))
                let decay = matrices.contains(index) ? 0.1 * expected[index] : 0
                let scale = slow.range.contains(index) ? 0.25 : 1
                expected[index] -= scale * rate * (first / (second.squareRoot() + 1e-8) + decay)
            }
        }
        #expect(optimiser.step == 5)
        for index in expected.indices {
            #expect(abs(Double(parameters[index]) - expected[index]) < 2e-5, "element \(index)")
        }
    }

    @Test func threadsDoNotChangeABit() {
        let gradient = wave(0.3, 1)
        var results = Set<[Float]>()
        for threads in 1...5 {
            var optimiser = AdamW(layout)
            var parameters = wave(0.7, 1)
            for _ in 0..<3 { _ = update(&optimiser, &parameters, gradient, rate: 0.1, threads: threads) }
            results.insert(parameters)
        }
        #expect(results.count == 1)
    }

    @Test(arguments: [Float.nan, .infinity, -.infinity])
    func aGradientThatIsNotFiniteChangesNothing(_ value: Float) {
        var optimiser = AdamW(layout)
        var parameters = wave(0.7, 1)
        _ = update(&optimiser, &parameters, wave(0.3, 1), rate: 0.1)
        let before = (parameters, optimiser.step, optimiser.firstMoment, optimiser.secondMoment)
        var gradient = wave(0.3, 1)
        gradient[layout.entries[2].offset + 3] = value
        let outcome = update(&optimiser, &parameters, gradient, rate: 0.1)
        #expect(!outcome.isApplied && !outcome.gradientNorm.isFinite)
        #expect((parameters, optimiser.step, optimiser.firstMoment, optimiser.secondMoment) == before)
    }

    @Test func aRestoredOptimiserContinuesWithTheSameBits() throws {
        var (whole, first) = (AdamW(layout), wave(0.7, 1))
        for step in 1...2 { _ = update(&whole, &first, wave(Double(step), 1), rate: 0.1) }
        var second = first
        var restored = AdamW(layout)
        try restored.restore(
            step: whole.step, firstMoment: whole.firstMoment, secondMoment: whole.secondMoment)
        for step in 3...5 {
            _ = update(&whole, &first, wave(Double(step), 1), rate: 0.1)
            _ = update(&restored, &second, wave(Double(step), 1), rate: 0.1)
        }
        #expect(first == second)
        #expect(throws: TrainingError.self) {
            try restored.restore(step: 1, firstMoment: [1], secondMoment: [1])
        }
    }

    @Test func learningRatesRiseInALineAndFallAlongACosine() {
        let schedule = LearningRateSchedule(peak: 2, warmupSteps: 4, totalSteps: 105, floor: 0.1)
        #expect((0..<4).map { schedule.rate(step: $0) } == [0.5, 1, 1.5, 2])
        #expect(schedule.rate(step: 4) == 2)
        #expect(abs(schedule.rate(step: 54) - 1.1) < 1e-6)
        #expect(abs(schedule.rate(step: 104) - 0.2) < 1e-6)
        #expect(abs(schedule.rate(step: 1000) - 0.2) < 1e-6)
        #expect(LearningRateSchedule(peak: 1, warmupSteps: 0, totalSteps: 0).rate(step: 0) == 1)
    }
}
