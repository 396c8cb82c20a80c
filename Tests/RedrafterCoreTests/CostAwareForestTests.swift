import RedrafterCore
import Testing

@Suite struct CostAwareForestTests {
    /// A forest that knows the price of passes of every number of rows.
    private func forest(rows: Int = 32, _ milliseconds: (Int) -> Double) -> CostAwareForest {
        var forest = CostAwareForest()
        for isPlain in [false, true] {
            for count in (1...rows).reversed() {
                for _ in 0..<5 {
                    forest.observePass(
                        rows: count, texts: isPlain ? count : 0, contextLength: 0,
                        duration: .milliseconds(1) * milliseconds(count))
                }
            }
        }
        return forest
    }

    private func text(_ draftSeconds: Double = 0, maximumRows: Int = 32) -> CostAwareForest.Text {
        var text = CostAwareForest.Text(maximumRows: maximumRows)
        text.room = 20
        if draftSeconds > 0 { text.observeDraft(seconds: draftSeconds) }
        return text
    }

    /// A chain of guesses, each confirmed with this probability after the one before it.
    private func chain(_ probability: Double, length: Int = 6) -> TokenTree {
        var tree = TokenTree(root: 1)
        var node = 0
        for _ in 0..<length { node = tree.insert(2, after: node, probability: probability) }
        return tree
    }

    private func build(
        _ forest: inout CostAwareForest, _ trees: [TokenTree], _ texts: inout [CostAwareForest.Text]
    ) -> [Int] {
        forest.build(trees, isDrafted: trees.map { $0.count > 1 }, &texts, contextLength: 0).map(\.count)
    }

    @Test("Rows that cost nothing are all bought; rows that cost as much as a pass are not")
    func price() {
        var texts = [text(), text()]
        var flat = forest { _ in 3 }
        #expect(build(&flat, [chain(0.5), chain(0.5)], &texts) == [7, 7])
        texts = [text(), text()]
        var steep = forest { 3 * Double($0) }
        #expect(build(&steep, [chain(0.9), chain(0.9)], &texts) == [1, 1])
    }

    @Test("Rows go to the text whose guesses are better, and never to a child before its parent")
    func sharing() {
        var forest = forest { 3 + 0.5 * Double($0) }
        var texts = [text(), text()]
        let rows = build(&forest, [chain(0.95), chain(0.2)], &texts)
        #expect(rows[0] > 3 && rows[1] == 1)
    }

    @Test("Drafting is compared with plain passes among themselves, not with those between drafts")
    func plainPrice() {
        // Two rows cost 5 ms, and one row after them 4; plain decoding pays 3.
        var forest = CostAwareForest()
        func pass(_ rows: Int, _ milliseconds: Double) {
            forest.observePass(
                rows: rows, texts: 1, contextLength: 0, duration: .milliseconds(1) * milliseconds)
        }
        for _ in 0..<5 { pass(1, 3) }
        for _ in 0..<10 {
            pass(2, 5)
            pass(1, 4)
        }
        var texts = [text()]
        #expect(build(&forest, [chain(0.5, length: 1)], &texts) == [1])
        #expect(build(&forest, [chain(0.9, length: 1)], &texts) == [2])
    }

    @Test("Under load trees shrink")
    func load() {
        // As on a processor: flat up to 8 rows, then each row costs its arithmetic.
        let price: (Int) -> Double = { $0 <= 8 ? 3 : 3 + 0.375 * Double($0 - 8) }
        var sizes = [Int]()
        for count in [1, 4, 16] {
            var forest = forest(price)
            var texts = (0..<count).map { _ in text() }
            let trees = texts.map { _ in chain(0.6) }
            sizes.append(build(&forest, trees, &texts).reduce(0, +) / count)
        }
        #expect(sizes[0] > sizes[1] && sizes[1] > sizes[2] && sizes[2] == 1, "\(sizes)")
    }

    @Test("A text has no more rows than it may, nor deeper ones than there is room for")
    func limits() {
        var forest = forest { _ in 3 }
        var texts = [text(maximumRows: 3), text()]
        texts[1].room = 2
        #expect(build(&forest, [chain(0.9), chain(0.9)], &texts) == [3, 3])
        forest.maximumRows = 4
        texts = [text(), text()]
        #expect(build(&forest, [chain(0.9), chain(0.9)], &texts).reduce(0, +) == 4)
    }

    @Test("A text whose drafts do not pay rests longer and longer; one whose drafts pay never does")
    func rests() {
        var forest = forest { _ in 3 }
        var texts = [text(0.004), text(0.00001)]
        var asked = [0, 0]
        for _ in 0..<200 {
            let budgets = forest.budgets(texts, contextLength: 0)
            let trees = zip([chain(0.3), chain(0.8)], budgets).map { $1 == nil ? TokenTree(root: 1) : $0 }
            for (index, budget) in budgets.enumerated() where budget != nil { asked[index] += 1 }
            _ = forest.build(
                trees, isDrafted: budgets.map { $0 != nil }, &texts, contextLength: 0)
        }
        #expect(asked[1] == 200)
        #expect((2...20).contains(asked[0]), "\(asked)")
    }

    @Test("One text of many whose guesses pay does not make trials of all frequent")
    func trials() {
        var forest = forest(rows: 64) { _ in 3 }
        var texts = (0..<16).map { _ in text(0.001) }
        var asked = 0
        for pass in 0..<400 {
            let budgets = forest.budgets(texts, contextLength: 0)
            asked += budgets.last == .some(nil) ? 0 : 1
            // The first text's guesses are good in every other stretch of 20 passes.
            let trees = budgets.indices.map { index in
                budgets[index] == nil ? TokenTree(root: 1) : chain(index == 0 && pass % 40 < 20 ? 0.9 : 0.05)
            }
            _ = forest.build(trees, isDrafted: budgets.map { $0 != nil }, &texts, contextLength: 0)
        }
        #expect((2...15).contains(asked), "\(asked)")
    }

    @Test("Nothing is drafted before passes have a price")
    func unknown() {
        var forest = CostAwareForest()
        #expect(forest.budgets([text(), text()], contextLength: 0) == [nil, nil])
    }
}
