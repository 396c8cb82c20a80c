import CPUBackend
import RedrafterCore
import Testing

@Suite("Attention of the CPU backend")
struct AttentionTests {
    static let shape = CacheShape(layers: 2, keyValueHeads: 3, headDimension: 64, sequences: 2, capacity: 420)
    static let heads = 9

    /// A cache with `prefix` committed tokens in both sequences, and one pass over `rows` behind them.
    private struct Pass {
        let backend: CPUBackend
        let cache: any CacheStorage
        let table: RotaryTable
        let stream: any ComputeStream

        init(kernels: String, threads: Int, pairing: RotaryPairing = .neighbours) throws {
            backend = try CPUBackend(options: .init(threads: threads, kernels: kernels))
            cache = try backend.makeCache(AttentionTests.shape)
            stream = backend.makeStream()
            var angles = [Float]()
            for position in 0..<AttentionTests.shape.capacity {
                let turns = (0..<32).map { Float(position) / Float(1 + $0 * $0) }
                angles += turns.map { Float(cosine(Double($0))) } + turns.map { Float(sine(Double($0))) }
            }
            table = RotaryTable(
                values: try backend.makeTensor(
                    rows: AttentionTests.shape.capacity, columns: 64, values: angles),
                pairing: pairing, rotatedDimension: 64)
        }

        /// Runs the rows; a row's activations depend on its token alone. `[rows, heads · d]`
        func run(_ rows: [Row], lengths: [Int]) throws -> [Float] {
            let plan = try RowPlan(rows: rows, lengths: lengths, capacity: AttentionTests.shape.capacity)
            func activations(_ columns: Int, _ salt: UInt64) throws -> Tensor {
                var values = [Float]()
                for row in rows {
                    var generator = SeededGenerator(seed: UInt64(row.token) &* 31 &+ salt)
                    values += (0..<columns).map { _ in generator.float(-1...1) }
                }
                return try backend.makeTensor(rows: rows.count, columns: columns, values: values)
            }
            let queries = try activations(AttentionTests.heads * 64, 1)
            let output = try backend.makeTensor(rows: rows.count, columns: AttentionTests.heads * 64)
            stream.rotaryAppend(
                queries: queries, keys: try activations(192, 2), values: try activations(192, 3),
                table: table,
                cache: cache, layer: 1, plan: plan)
            stream.attention(queries: queries, cache: cache, layer: 1, plan: plan, into: output)
            return try backend.values(output)
        }
    }

    private static func tokens(_ range: Range<Int>) -> [Int32] { range.map { Int32($0 % 97) } }

    @Test(
        "A chain gives the same bits token by token, in chunks and at once, for every kernel set and thread count"
    )
    func chunks() throws {
        var oracle: [Float]?
        for kernels in CPUBackend.availableKernels {
            for (threads, chunk) in [(1, 300), (2, 7), (3, 1), (2, 131), (2, 300)] {
                let pass = try Pass(kernels: kernels, threads: threads)
                var result = [Float]()
                for start in stride(from: 0, to: 300, by: chunk) {
                    let rows = Row.chain(Self.tokens(start..<min(start + chunk, 300)), from: start)
                    result += try pass.run(rows, lengths: [start, 0])
                }
                if let oracle {
                    #expect(
                        firstDifference(result, oracle) == nil,
                        "\(kernels), \(threads) threads, chunks of \(chunk)")
                } else {
                    oracle = result
                }
            }
        }
    }

    @Test("Every node of a random tree sees what a chain of its ancestors sees", arguments: 0..<24)
    func trees(seed: Int) throws {
        var generator = SeededGenerator(seed: UInt64(seed) + 1000)
        let committed = [0, 1, 15, 16, 17, 100, 126, 127, 128, 250, 255, 256][seed % 12]
        let count = 2 + Int(generator.next() % 14)
        let names = CPUBackend.availableKernels
        let pass = try Pass(kernels: names[seed % names.count], threads: 1 + seed % 3)
        let prefix = Row.chain(Self.tokens(0..<committed), from: 0)
        if committed > 0 { _ = try pass.run(prefix, lengths: [0, 0]) }

        var parents = [Int]()
        for node in 0..<count { parents.append(Int(generator.next() % UInt64(node + 1)) - 1) }
        // Rows in any order: children may come before their parents.
        let order = (0..<count).shuffled(using: &generator)
        var placeOf = [Int](repeating: 0, count: count)
        for (place, node) in order.enumerated() { placeOf[node] = place }
        func ancestors(_ node: Int) -> [Int] { node < 0 ? [] : ancestors(parents[node]) + [node] }
        let rows = order.map { node in
            Row(
                token: Int32(200 + node), position: committed + ancestors(node).count - 1,
                parent: parents[node] < 0 ? -1 : placeOf[parents[node]])
        }
        let result = try pass.run(rows, lengths: [committed, 0])
        let width = Self.heads * 64
        for node in 0..<count {
            let path = ancestors(node).map { Int32(200 + $0) }
            let chain = try pass.run(Row.chain(path, from: committed), lengths: [committed, 0])
            let place = placeOf[node]
            #expect(
                firstDifference(result[place * width..<(place + 1) * width], chain.suffix(width)) == nil,
                "node \(node) of tree \(parents) behind \(committed) tokens")
        }
    }

    @Test("Sequences in one batch do not see each other")
    func sequences() throws {
        let pass = try Pass(kernels: CPUBackend.availableKernels[0], threads: 2)
        let first = Row.chain(Self.tokens(0..<40), from: 0)
        let second = Row.chain(Self.tokens(50..<75), from: 0, sequence: 1)
        let mixed = try pass.run(
            zip(first, second).flatMap { [$0, $1] }.enumerated().map { index, row in
                var row = row
                row.parent = index < 2 ? -1 : index - 2
                return row
            }, lengths: [0, 0])
        let alone = try Pass(kernels: "portable", threads: 1)
        let (a, b) = (try alone.run(first, lengths: [0, 0]), try alone.run(second, lengths: [0, 0]))
        let width = Self.heads * 64
        for index in 0..<25 {
            let at = 2 * index * width
            #expect(firstDifference(mixed[at..<at + width], a[index * width..<(index + 1) * width]) == nil)
            #expect(
                firstDifference(mixed[at + width..<at + 2 * width], b[index * width..<(index + 1) * width])
                    == nil)
        }
    }

    @Test("A soft-max over equal keys averages the values")
    func average() throws {
        let backend = try CPUBackend()
        let cache = try backend.makeCache(
            CacheShape(layers: 1, keyValueHeads: 1, headDimension: 16, sequences: 1, capacity: 200))
        let stream = backend.makeStream()
        let still = RotaryTable(
            values: try backend.makeTensor(
                rows: 200, columns: 16, values: (0..<200 * 16).map { $0 % 16 < 8 ? 1 : 0 }),
            pairing: .halves, rotatedDimension: 16)
        let plan = try RowPlan(
            rows: Row.chain((0..<150).map { Int32($0) }, from: 0), lengths: [0], capacity: 200)
        let ones = [Float](repeating: 1, count: 150 * 16)
        let queries = try backend.makeTensor(rows: 150, columns: 16, values: ones)
        let keys = try backend.makeTensor(rows: 150, columns: 16, values: ones)
        let values = try backend.makeTensor(
            rows: 150, columns: 16, values: (0..<150 * 16).map { Float($0 / 16) })
        let output = try backend.makeTensor(rows: 150, columns: 16)
        stream.rotaryAppend(
            queries: queries, keys: keys, values: values, table: still, cache: cache, layer: 0, plan: plan)
        stream.attention(queries: queries, cache: cache, layer: 0, plan: plan, into: output)
        let result = try backend.values(output)
        for row in 0..<150 {
            #expect(abs(result[row * 16 + 5] - Float(row) / 2) < 1e-4 * Float(row + 1), "row \(row)")
        }
    }
}

private func cosine(_ x: Double) -> Double { sine(x + .pi / 2) }

/// A Taylor series is enough for angles in a test.
private func sine(_ x: Double) -> Double {
    let reduced = x.remainder(dividingBy: 2 * .pi)
    var (term, sum) = (reduced, reduced)
    for n in stride(from: 3.0, through: 31, by: 2) {
        term *= -reduced * reduced / (n * (n - 1))
        sum += term
    }
    return sum
}
