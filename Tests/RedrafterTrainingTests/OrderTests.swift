import RedrafterTraining
import Testing

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
