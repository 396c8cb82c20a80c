import CPUBackend
import RedrafterCore
import Testing

@Suite("Linear layers of the CPU backend")
struct LinearTests {
    static let rowCounts = [1, 2, 3, 4, 5, 7, 8, 9, 12, 16, 17, 64]
    static let columns = 512
    static let outputs = 83  // the last tile is not full

    /// All rows of a linear layer with a bias, on one kernel set and thread count.
    private func linear(
        _ type: WeightType, rows: Int, kernels: String, threads: Int, columns: Int = columns,
        outputs: Int = outputs
    ) throws -> [Float] {
        let backend = try CPUBackend(options: .init(threads: threads, kernels: kernels))
        let weight = try backend.weight(type, rows: outputs, columns: columns, seed: 7)
        let input = try backend.randomTensor(rows: 64, columns: columns, seed: 8)
        let bias = try backend.randomTensor(rows: 1, columns: outputs, seed: 9)
        let output = try backend.makeTensor(rows: rows, columns: outputs)
        backend.makeStream().linear(input.prefix(rows), weight: weight, bias: bias, into: output)
        return try backend.values(output)
    }

    @Test(
        "A row's result is the same bits for 1 to 64 rows, every thread count and kernel set",
        arguments: WeightType.allCases)
    func rowInvariance(type: WeightType) throws {
        let oracle = try linear(type, rows: 64, kernels: "portable", threads: 1)
        for kernels in CPUBackend.availableKernels {
            for threads in [1, 2, 3] {
                for rows in Self.rowCounts {
                    let result = try linear(type, rows: rows, kernels: kernels, threads: threads)
                    #expect(
                        firstDifference(result, oracle.prefix(rows * Self.outputs)) == nil,
                        "\(type.name), \(rows) rows, \(kernels), \(threads) threads")
                }
            }
        }
    }

    @Test("Results are near the product with dequantised weights", arguments: WeightType.allCases)
    func accuracy(type: WeightType) throws {
        let backend = try CPUBackend()
        let stream = backend.makeStream()
        let weight = try backend.weight(type, rows: Self.outputs, columns: Self.columns, seed: 7)
        let dense = try backend.makeTensor(rows: Self.outputs, columns: Self.columns)
        stream.embed(tokens: (0..<Int32(Self.outputs)).map { $0 }, table: weight, into: dense)
        let input = try backend.randomTensor(rows: 3, columns: Self.columns, seed: 8)
        let output = try backend.makeTensor(rows: 3, columns: Self.outputs)
        stream.linear(input, weight: weight, into: output)
        let (w, x, y) = (try backend.values(dense), try backend.values(input), try backend.values(output))
        for row in 0..<3 {
            for out in 0..<Self.outputs {
                var exact = 0.0
                var magnitude = 0.0
                for k in 0..<Self.columns {
                    let product = Double(w[out * Self.columns + k]) * Double(x[row * Self.columns + k])
                    exact += product
                    magnitude += product * product
                }
                // Eight-bit activations err by at most 1/254 of a block's maximum each, at random signs.
                let tolerance = type.isFloat ? 1e-4 : 0.03
                let error = abs(Double(y[row * Self.outputs + out]) - exact)
                #expect(
                    error <= tolerance * magnitude.squareRoot() + 1e-5, "\(type.name) \(row),\(out): \(error)"
                )
            }
        }
    }

    @Test("Accumulating adds to what is there, also over several matrices of different types")
    func severalMatrices() throws {
        let backend = try CPUBackend()
        let stream = backend.makeStream()
        let types: [WeightType] = [.q4_1, .f16, .q8_0]
        let weights = try types.enumerated().map { index, type in
            try backend.weight(type, rows: 32 + 16 * index, columns: 64, seed: UInt64(index))
        }
        let input = try backend.randomTensor(rows: 5, columns: 64, seed: 20)
        let together = try weights.map { try backend.randomTensor(rows: 5, columns: $0.rows, seed: 30) }
        stream.linear(
            input, weights: weights, biases: weights.map { _ in nil }, into: together, accumulate: true)
        for (weight, sum) in zip(weights, together) {
            let before = try backend.values(try backend.randomTensor(rows: 5, columns: weight.rows, seed: 30))
            let alone = try backend.makeTensor(rows: 5, columns: weight.rows)
            stream.linear(input, weight: weight, into: alone)
            let expected = zip(try backend.values(alone), before).map { $0 + $1 }
            #expect(firstDifference(try backend.values(sum), expected) == nil, "\(weight.type.name)")
        }
    }

    @Test("The gated unit is SiLU of one product times the other, for equal and for mixed types")
    func gatedUnit() throws {
        let backend = try CPUBackend()
        let stream = backend.makeStream()
        let pairs: [(WeightType, WeightType)] = [
            (.q4_1, .q4_1), (.q4_0, .q8_0), (.f16, .f32), (.q4_1, .bf16),
        ]
        for (gateType, upType) in pairs {
            let gate = try backend.weight(gateType, rows: 72, columns: 96, seed: 1)
            let up = try backend.weight(upType, rows: 72, columns: 96, seed: 2)
            let input = try backend.randomTensor(rows: 9, columns: 96, seed: 3)
            let fused = try backend.makeTensor(rows: 9, columns: 72)
            stream.gatedLinear(input, gate: gate, up: up, into: fused)
            let first = try backend.makeTensor(rows: 9, columns: 72)
            let second = try backend.makeTensor(rows: 9, columns: 72)
            stream.linear(input, weight: gate, into: first)
            stream.linear(input, weight: up, into: second)
            stream.silu(first, adding: nil, into: first)
            let expected = zip(try backend.values(first), try backend.values(second)).map { $0 * $1 }
            #expect(
                firstDifference(try backend.values(fused), expected) == nil, "\(gateType) \(upType)")
        }
    }

    @Test("NaN and infinite activations give NaN in their row and leave the others alone")
    func nonFiniteActivations() throws {
        for kernels in CPUBackend.availableKernels {
            let backend = try CPUBackend(options: .init(kernels: kernels))
            for type in [WeightType.q4_1, .q8_0, .f16] {
                let weight = try backend.weight(type, rows: 16, columns: 64, seed: 5)
                var x = [Float](repeating: 0.5, count: 3 * 64)
                x[70] = .nan
                let input = try backend.makeTensor(rows: 3, columns: 64, values: x)
                let output = try backend.makeTensor(rows: 3, columns: 16)
                backend.makeStream().linear(input, weight: weight, into: output)
                let y = try backend.values(output)
                #expect(y[16..<32].allSatisfy { $0.isNaN })
                #expect(y[0..<16].allSatisfy { $0.isFinite } && y[32..<48].allSatisfy { $0.isFinite })
            }
        }
    }
}
