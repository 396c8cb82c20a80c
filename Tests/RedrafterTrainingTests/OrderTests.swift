import RedrafterTraining
import Testing

@Suite struct OrderTests {
    @Test(
        "Roots of a text stand within its pool, each comes once an epoch, and a place's root depends on nothing else"
    )
    func pools() {
        let texts = (0..<23).map { text in (0..<1 + text % 4).map { Int32(text * 10 + $0) } }
        let all = texts.flatMap { $0 }
        var order = RootOrder(texts: texts, pool: 5, seed: 3)
        #expect(order.count == all.count)
        let epochs = (0..<3).map { order.roots(from: $0 * all.count, count: all.count) }
        #expect(Set(epochs).count == 3)
        for epoch in epochs {
            #expect(epoch.sorted() == all)
            // Five texts at a time: once a sixth begins, the first five are done.
            var begun = [Int32]()
            for (place, root) in epoch.enumerated() where !begun.contains(root / 10) {
                if begun.count % 5 == 0 {
                    let done = epoch[..<place].map { $0 / 10 }
                    #expect(begun.allSatisfy { text in done.count { $0 == text } == texts[Int(text)].count })
                }
                begun.append(root / 10)
            }
        }
        var other = RootOrder(texts: texts, pool: 5, seed: 3)
        for start in stride(from: 3 * all.count - 1, through: 0, by: -7) {
            let expected = Array(epochs.joined())[start..<min(start + 4, 3 * all.count)]
            #expect(other.roots(from: start, count: expected.count) == Array(expected))
        }
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
