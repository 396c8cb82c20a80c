import RedrafterCore
import RedrafterModels
import RedrafterTesting
import Testing

@Suite struct PassRunnerTests {
    private static let prompt: [Int32] = [3, 17, 5, 9, 60, 2, 33]

    /// A root with two branches: 0 ─┬─ 1 ── 2
    ///                               └─ 3
    private static let tree: TokenTree = {
        var tree = TokenTree(root: 4)
        let first = tree.insert(8, after: 0, logAcceptance: 0)
        tree.insert(15, after: first, logAcceptance: 0)
        tree.insert(16, after: 0, logAcceptance: 0)
        return tree
    }()

    @Test("Trees of several sequences, checked alternating, give what each sequence gives alone")
    func alternating() throws {
        let together = try Pass(sequences: 3)
        let texts: [[Int32]] = [Self.prompt, [9], [1, 2, 3]]
        var sequences = [ModelSequence]()
        for (index, text) in texts.enumerated() {
            sequences.append(ModelSequence(together.runner, index: index))
            _ = try sequences[index].prefill(text[...])
        }
        let paths = [[0, 3], [0, 1, 2], [0]]
        for (index, sequence) in sequences.enumerated() {
            let alone = try Pass()
            let other = ModelSequence(alone.runner)
            _ = try other.prefill(texts[index][...])
            #expect(
                try together.bits(sequence.forward(Self.tree).logits)
                    == alone.bits(other.forward(Self.tree).logits))
            try sequence.commit(paths[index])
            try other.commit(paths[index])
            #expect(sequence.committedCount == texts[index].count + paths[index].count)
            #expect(try together.prefill([7], sequence: index) == alone.prefill([7]))
        }
        sequences[1].truncate(to: 1)
        #expect(together.runner.lengths == [Self.prompt.count + 3, 1, 5])
    }

    @Test(
        "A sequence that was given the beginning of another goes on as if it had computed it",
        arguments: 0...4)
    func copied(shared: Int) throws {
        let both = try Pass(sequences: 2)
        let text = (0..<40).map { Int32($0 * 7 % 60) }
        _ = try both.prefill(text, sequence: 0)
        // It holds as much of the text already, and more of another.
        _ = try both.prefill(Array(text.prefix(shared)) + [50, 51, 52], sequence: 1)
        for count in [33, 4] {
            both.runner.truncate(sequence: 1, to: shared)
            both.runner.copy(from: 0, to: 1, shared: shared, count: count)
            #expect(both.runner.lengths == [40, count])
            let alone = try Pass()
            #expect(
                try both.prefill([8, 9], sequence: 1) == alone.prefill(Array(text.prefix(count)) + [8, 9]))
        }
        #expect(try both.prefill([3], sequence: 0) == Pass().prefill(text + [3]))
    }

    @Test(
        "Tapped layers change no logit, and give for a row the same in a prompt, a tree and alone",
        arguments: [64, 3])
    func taps(chunk: Int) throws {
        let (plain, tapped) = (try Pass(chunk: chunk), try Pass(chunk: chunk))
        try tapped.runner.tap([0, 1])
        #expect(try tapped.prefill(Self.prompt) == plain.prefill(Self.prompt))
        let rows = Self.tree.rows(from: Self.prompt.count)
        for logitRows in [Array(rows.indices), [2], []] {
            let output = try tapped.runner.forward(rows, logitRows: logitRows)
            #expect(try tapped.bits(output.logits) == plain.forward(rows, logitRows: logitRows))
            #expect(output.taps.keys.sorted() == [0, 1] && output.taps[1]?.rows == rows.count)
            for (index, layer) in [0, 1].enumerated() {
                let alone = try Pass()
                try alone.runner.tap([layer])
                _ = try alone.prefill(Self.prompt)
                let path = Self.tree.path(to: 2).map { Self.tree.nodes[$0].token }
                var last = [UInt32]()
                for token in path {
                    let output = try alone.runner.prefill([token])
                    last = try alone.bits(#require(output.taps[layer]))[0]
                }
                #expect(try tapped.bits(#require(output.taps[layer]))[2] == last, "tap \(index)")
            }
        }
    }

    @Test("The last layer's output is what the final norm is taken of")
    func lastTap() throws {
        let pass = try Pass()
        try pass.runner.tap([1])
        let output = try pass.runner.forward(Row.chain(Self.prompt, from: 0), logitRows: [1, 4])
        let transformer = pass.runner.transformer
        let tap = try #require(output.taps[1])
        let normed = try transformer.backend.makeTensor(rows: tap.rows, columns: tap.columns)
        pass.runner.stream.rmsNorm(
            tap, weight: transformer.weights.finalNorm, epsilon: transformer.configuration.normEpsilon,
            into: normed)
        let rows = try pass.bits(normed)
        #expect(try pass.bits(output.hidden) == [rows[1], rows[4]])
    }

    @Test("Appending lends the logits or hidden states of all tokens, however many passes they take")
    func append() throws {
        let tokens = (0..<90).map { Int32($0 * 13 % 64) }
        let pass = try Pass(sequences: 2)
        var (logits, hidden) = ([Float](), [Float]())
        try pass.runner.append(tokens[...], sequence: 1, lending: \.logits) { logits += $0 }
        #expect(pass.runner.lengths == [0, tokens.count])
        try pass.runner.append(tokens[...], lending: \.hidden) { hidden += $0 }
        #expect(pass.runner.lengths == [tokens.count, tokens.count])
        let alone = try Pass()
        for (index, token) in tokens.enumerated() {
            let output = try alone.runner.prefill([token])
            let (logitRow, hiddenRow) = (try alone.bits(output.logits)[0], try alone.bits(output.hidden)[0])
            #expect(logits[(index * 64)..<(index * 64 + 64)].map(\.bitPattern) == logitRow)
            #expect(hidden[(index * 64)..<(index * 64 + 64)].map(\.bitPattern) == hiddenRow)
        }
    }

    @Test("Rows that are refused leave the open pass as it is")
    func refused() throws {
        let pass = try Pass()
        _ = try pass.forward(Row.chain(Self.prompt, from: 0))
        #expect(throws: TransformerError.unknownToken(64, vocabulary: 64)) {
            try pass.forward([Row(token: 64, position: 0, parent: -1)])
        }
        #expect(throws: TransformerError.contextFull(sequence: 0, needed: 97, contextLength: 96)) {
            try pass.forward([Row(token: 1, position: 96, parent: -1)])
        }
        try pass.runner.commit([0, 1])
        #expect(try pass.prefill(Array(Self.prompt[2...])) == Pass().prefill(Self.prompt))
    }

    @Test("A runner has room for a prefill pass and for the largest tree, or for what is asked for")
    func room() throws {
        let transformer = try ToyTransformer().transformer(on: ReferenceBackend())
        #expect(try PassRunner(transformer).maximumRows == 512)
        #expect(try PassRunner(transformer, prefillChunk: 7).maximumRows == 64)
        let small = try PassRunner(transformer, maximumRows: 16)
        #expect(small.maximumRows == 16 && small.prefillChunk == 16)
    }
}
