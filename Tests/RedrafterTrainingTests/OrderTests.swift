import Testing

@testable import RedrafterTraining

@Suite struct OrderTests {
    @Test(
        "Combs of an answer share its roots, and none has more than so many teeth",
        arguments: [1, 5, 64, 65, 200])
    func combs(_ count: Int) {
        let step = (count + 63) / 64
        let combs = (0..<step).map { RootComb(first: 1000 + $0, step: step, end: 1000 + count) }
        #expect(combs.flatMap { Array($0.roots) }.sorted() == Array(1000..<1000 + count))
        #expect(combs.allSatisfy { Array($0.roots).count <= 64 })
    }

    @Test(
        "A sample takes its share of the steps, the same ones on every run, others in each batch and under each seed"
    )
    func samples() {
        func taken(_ share: Float, seed: UInt64 = 4, batch: Int = 9) -> [Bool] {
            let sample = StepSample(share: share, seed: seed, batch: batch)
            return (0..<4000).map { sample.takes(row: 7000 + $0 / 4, step: $0 % 4, of: 4) }
        }
        for share in [Float(0.25), 0.5, 0.9] {
            let all = taken(share)
            for step in 0..<4 {
                let count = stride(from: step, to: 4000, by: 4).count { all[$0] }
                #expect(abs(Float(count) / 1000 - share) < 0.05, "step \(step)")
            }
            #expect(all == taken(share))
            for other in [taken(share, seed: 5), taken(share, batch: 10)] {
                let same = zip(all, other).count { $0 == $1 }
                let expected = share * share + (1 - share) * (1 - share)
                #expect(abs(Float(same) / 4000 - expected) < 0.05)
            }
        }
        #expect(taken(1).allSatisfy { $0 })
    }

    @Test(
        "What repeats at the end of an answer begins with its third repetition",
        arguments: [
            (1, 40, 12), (5, 10, 11), (24, 3, 0), (64, 4, 7), (3, 8, 1),
        ])
    func loops(_ period: Int, _ repetitions: Int, _ before: Int) {
        let start = (0..<before).map { Int32(1000 + $0) }
        let loop = (0..<period * repetitions).map { Int32($0 % period) }
        #expect(RepetitionLoop.start(of: start + loop) == before + 2 * period)
        // A loop that begins or ends in the middle.
        #expect(RepetitionLoop.start(of: start + loop + loop.prefix(period / 2)) == before + 2 * period)
    }

    @Test("Two repetitions, short ones, ends that change and answers without any are no loops")
    func noLoops() {
        let tokens = (0..<200).map { Int32($0) }
        #expect(RepetitionLoop.start(of: tokens) == nil)
        #expect(RepetitionLoop.start(of: [Int32]()) == nil)
        #expect(RepetitionLoop.start(of: tokens.prefix(30) + tokens.prefix(30)) == nil)
        #expect(RepetitionLoop.start(of: [Int32](repeating: 5, count: 23)) == nil)
        #expect(RepetitionLoop.start(of: [Int32](repeating: 5, count: 40) + [6]) == nil)
    }
}
