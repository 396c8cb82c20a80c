import RedrafterCore
import Testing

@Suite struct PassPricesTests {
    /// Adds passes of one text, of so many milliseconds each.
    private func add(
        _ milliseconds: [Double], rows: Int, to prices: inout PassPrices, contextLength: Int = 10
    ) {
        for each in milliseconds {
            prices.observePass(rows: rows, contextLength: contextLength, duration: .milliseconds(1) * each)
        }
    }

    private func milliseconds(_ prices: PassPrices, rows: Int, contextLength: Int = 10) -> Double {
        (prices.seconds(rows: rows, contextLength: contextLength) ?? 0) * 1000
    }

    @Test("Prices are medians, interpolated between what was measured and continued beyond")
    func medians() {
        var prices = PassPrices()
        #expect(prices.seconds(rows: 1, contextLength: 0) == nil && prices.affordableRows == 1)
        add([5, 90, 5, 5], rows: 1, to: &prices)
        #expect(abs(milliseconds(prices, rows: 1) - 5) < 1e-9)
        #expect(prices.affordableRows == 2)
        add([9], rows: 5, to: &prices)
        #expect(abs(milliseconds(prices, rows: 3) - 7) < 1e-9)
        #expect(abs(milliseconds(prices, rows: 9, contextLength: 3000) - 13) < 1e-9)
        #expect(prices.affordableRows == 10)
    }

    @Test("A plain pass has the price that it has after others, not the one after a pass over more rows")
    func plain() {
        var prices = PassPrices()
        add([3, 3, 3], rows: 1, to: &prices)
        for _ in 0..<20 {
            add([8], rows: 3, to: &prices)
            add([5], rows: 1, to: &prices)
        }
        #expect(prices.plainSeconds(contextLength: 10) == 0.003)
        #expect(abs(milliseconds(prices, rows: 2) - 6.5) < 1e-9)
        #expect(prices.measured.map(\.rows) == [1, 3] && prices.measured.first?.seconds == 0.003)
    }

    @Test("While texts are drafted the plain price is renewed, the more rarely the better it agrees")
    func renewal() {
        var prices = PassPrices()
        add([3, 3, 3], rows: 1, to: &prices)
        #expect(prices.isPlainKnown(contextLength: 10))
        /// Drafted passes until the plain price is no longer known, and plain ones until it is.
        func cycle(plain: Double) -> (drafted: Int, plain: Int) {
            var counts = (drafted: 0, plain: 0)
            while prices.isPlainKnown(contextLength: 10), counts.drafted < 1000 {
                add([8], rows: 3, to: &prices)
                counts.drafted += 1
            }
            while !prices.isPlainKnown(contextLength: 10), counts.plain < 1000 {
                add([plain], rows: 1, to: &prices)
                counts.plain += 1
            }
            return counts
        }
        let cycles = (0..<6).map { _ in cycle(plain: 3) }
        #expect(cycles.map(\.drafted) == [32, 64, 128, 256, 256, 256])
        #expect(cycles.map(\.plain) == [21, 5, 5, 5, 5, 5])
        #expect(cycle(plain: 4) == (256, 21))
        #expect(prices.plainSeconds(contextLength: 10) == 0.004)
        #expect(cycle(plain: 4) == (32, 5))
    }

    @Test(
        "Plain passes become faster in succession, and a few of them tell what many pay",
        arguments: [(6.0, 4.0), (12, 10), (3, 1.5)])
    func settling(early: Double, settled: Double) {
        var prices = PassPrices()
        add([9], rows: 3, to: &prices)
        let streak = [9, 8] + [Double](repeating: 6, count: 5) + [Double](repeating: 5, count: 9)
        add(streak + [Double](repeating: 4, count: 5), rows: 1, to: &prices)
        #expect(prices.plainSeconds(contextLength: 10) == 0.004)
        // Whatever the work, and the speed of the machine, the weights take as long.
        add([9, 9], rows: 3, to: &prices)
        add([9, 8] + [Double](repeating: early, count: 5), rows: 1, to: &prices)
        #expect(abs((prices.plainSeconds(contextLength: 10) ?? 0) * 1000 - settled) < 1e-9)
        // After a prompt it is another matter.
        prices.observePrompt()
        add([Double](repeating: 8, count: 5), rows: 1, to: &prices)
        #expect(prices.plainSeconds(contextLength: 10) == 0.008)
        add([Double](repeating: 7, count: 16), rows: 1, to: &prices)
        prices.observePrompt()
        add([Double](repeating: early, count: 5), rows: 1, to: &prices)
        #expect(abs((prices.plainSeconds(contextLength: 10) ?? 0) * 1000 - (early - 1)) < 1e-9)
    }

    @Test("A streak that becomes slower changes no price")
    func slower() {
        var prices = PassPrices()
        add([9], rows: 3, to: &prices)
        add((0..<21).map { 5 + Double($0) }, rows: 1, to: &prices)
        add([9], rows: 3, to: &prices)
        add([8, 8, 8, 8, 8, 8, 8], rows: 1, to: &prices)
        #expect(prices.plainSeconds(contextLength: 10) == 0.008)
    }

    @Test("Prompts between all plain passes do not keep their price from being known")
    func endlessPrompts() {
        var prices = PassPrices()
        var passes = 0
        for _ in 0..<3 {
            while !prices.isPlainKnown(contextLength: 10), passes < 100 {
                add([5], rows: 1, to: &prices)
                prices.observePrompt()
                passes += 1
            }
            var drafts = 0
            while prices.isPlainKnown(contextLength: 10), drafts < 10_000 {
                add([8], rows: 3, to: &prices)
                drafts += 1
            }
            #expect(drafts < 10_000)
        }
        #expect(passes < 100)
    }

    @Test("What is remembered does not grow with the passes")
    func memory() {
        var prices = PassPrices()
        add([Double](repeating: 5, count: 5000), rows: 1, to: &prices)
        #expect("\(prices)".utf8.count < 5000)
    }

    @Test("A text that grows beyond a range of contexts takes its plain price along")
    func growth() {
        var prices = PassPrices()
        add([3, 3, 3], rows: 1, to: &prices, contextLength: 250)
        #expect(prices.isPlainKnown(contextLength: 260) && prices.plainSeconds(contextLength: 260) == 0.003)
        #expect(!prices.isPlainKnown(contextLength: 2000))
    }

    @Test("Prices that fall with the rows are averaged, and beyond them no row is free")
    func contradictions() {
        var prices = PassPrices()
        add([2, 2, 2], rows: 1, to: &prices)
        add([7], rows: 4, to: &prices)
        add([5, 5, 5], rows: 5, to: &prices)
        // Four samples of 5.5 on average: as many for 4 rows as for 5.
        #expect(abs(milliseconds(prices, rows: 4) - 5.5) < 1e-9)
        #expect(abs(milliseconds(prices, rows: 5) - 5.5) < 1e-9)
        // 3.5 ms for 4 rows on the whole, though none from 4 to 5.
        #expect(abs(milliseconds(prices, rows: 13) - 12.5) < 1e-9)
    }

    @Test("A new range of contexts takes the price of rows from its neighbours, at its own level")
    func neighbours() {
        var prices = PassPrices()
        add([2, 2, 2], rows: 1, to: &prices)
        add([4, 4, 4], rows: 8, to: &prices)
        add([12, 12, 12], rows: 40, to: &prices)
        add([6], rows: 8, to: &prices, contextLength: 1000)
        #expect(abs(milliseconds(prices, rows: 40, contextLength: 1000) - 18) < 1e-9)
        #expect(milliseconds(prices, rows: 40) == 12)
        // Where only the plain price is known, that tells the level.
        prices = PassPrices()
        add([2, 2, 2], rows: 1, to: &prices)
        add([4, 4, 4], rows: 8, to: &prices)
        add([3, 3, 3, 3, 3], rows: 1, to: &prices, contextLength: 1000)
        #expect(abs(milliseconds(prices, rows: 8, contextLength: 1000) - 6) < 1e-9)
    }

    @Test("The plain price of a number of texts is its own, whatever was measured of others")
    func texts() {
        var prices = PassPrices()
        func add(_ milliseconds: Double, texts: Int, times: Int) {
            for _ in 0..<times {
                prices.observePass(
                    rows: texts, texts: texts, contextLength: 10, duration: .milliseconds(1) * milliseconds)
            }
        }
        add(9, texts: 1, times: 5)
        add(5, texts: 3, times: 5)
        #expect(prices.plainSeconds(texts: 3, contextLength: 10) == 0.005)
        #expect(prices.plainSeconds(texts: 1, contextLength: 10) == 0.009)
        #expect(!prices.isPlainKnown(texts: 0, contextLength: 10))
        // Each of two loads that take turns is known, though neither was measured in the last passes.
        for _ in 0..<20 {
            #expect(prices.isPlainKnown(texts: 1, contextLength: 10))
            add(9, texts: 1, times: 1)
            #expect(prices.isPlainKnown(texts: 3, contextLength: 10))
            add(5, texts: 3, times: 1)
        }
    }

    @Test("Where every pass is drafted the price of one row is that of the others continued")
    func alwaysDrafted() {
        var prices = PassPrices()
        for _ in 0..<4 { add([6], rows: 4, to: &prices) }
        #expect(prices.plainSeconds(contextLength: 10) == 0.006)
        #expect(prices.measured.map(\.rows) == [4])
    }

    @Test("A rest does not make a drafter start anew with two rows")
    func rest() {
        var prices = PassPrices()
        add([3, 3, 3], rows: 1, to: &prices)
        add([6], rows: 16, to: &prices)
        add([Double](repeating: 3, count: 300), rows: 1, to: &prices)
        #expect(prices.affordableRows == 32)
        #expect(abs(milliseconds(prices, rows: 16) - 6) < 1e-9)
        add([Double](repeating: 3, count: 1000), rows: 1, to: &prices)
        #expect(prices.affordableRows == 2)
    }
}
