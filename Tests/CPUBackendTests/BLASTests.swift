import CPUBackend
import RedrafterCore
import Testing

private let isInstalled: Bool = {
    do {
        _ = try CPUBackend(options: .init(threads: 1, usesBLAS: true))
        return true
    } catch {
        return false
    }
}()

@Suite("Long products of float weights with OpenBLAS", .enabled(if: isInstalled, "OpenBLAS is not installed"))
struct BLASTests {
    static let types: [WeightType] = [.f32, .f16, .bf16]
    static let columns = 160
    static let outputs = 203  // the last panel and the last tile are not full

    /// A linear layer with a bias, added to what was there or not, over `rows` rows.
    private func linear(
        _ type: WeightType, rows: Int, usesBLAS: Bool, threads: Int = 2, accumulate: Bool = true
    ) throws -> [Float] {
        let backend = try CPUBackend(options: .init(threads: threads, usesBLAS: usesBLAS))
        let weight = try backend.weight(type, rows: Self.outputs, columns: Self.columns, seed: 7)
        let input = try backend.randomTensor(rows: 200, columns: Self.columns, seed: 8)
        let bias = try backend.randomTensor(rows: 1, columns: Self.outputs, seed: 9)
        let output = try backend.randomTensor(rows: rows, columns: Self.outputs, seed: 10)
        backend.makeStream().linear(
            input.prefix(rows), weights: [weight], biases: [bias], into: [output], accumulate: accumulate)
        return try backend.values(output)
    }

    private func largestDifference(_ a: [Float], _ b: [Float]) -> Float {
        zip(a, b).reduce(0) { max($0, abs($1.0 - $1.1)) }
    }

    @Test("From 128 rows they agree with the backend's own kernels within 1e-4", arguments: types)
    func agreement(type: WeightType) throws {
        for accumulate in [false, true] {
            let own = try linear(type, rows: 200, usesBLAS: false, accumulate: accumulate)
            let product = try linear(type, rows: 200, usesBLAS: true, accumulate: accumulate)
            #expect(largestDifference(own, product) < 1e-4)
            // The library adds to what is there before the bias, the own kernels after: equal bits would mean that it
            // was not called. Without that, a short sum in order gives equal bits in both.
            if accumulate { #expect(firstDifference(own, product) != nil) }
        }
    }

    @Test("They do not depend on the number of threads", arguments: types)
    func threads(type: WeightType) throws {
        let one = try linear(type, rows: 200, usesBLAS: true, threads: 1)
        for threads in [2, 3, 5] {
            let several = try linear(type, rows: 200, usesBLAS: true, threads: threads)
            #expect(firstDifference(one, several) == nil, "\(threads) threads")
        }
    }

    @Test("Below 128 rows, and for quantised weights, results are the own kernels' bits")
    func shortPasses() throws {
        for type in Self.types {
            for rows in [1, 8, 127] {
                let own = try linear(type, rows: rows, usesBLAS: false)
                let same = try linear(type, rows: rows, usesBLAS: true)
                #expect(firstDifference(own, same) == nil, "\(type.name), \(rows) rows")
            }
        }
        let own = try linear(.q8_0, rows: 200, usesBLAS: false)
        #expect(firstDifference(own, try linear(.q8_0, rows: 200, usesBLAS: true)) == nil)
    }

    @Test("The gated unit and layers of mixed types agree with the own kernels")
    func severalMatrices() throws {
        func results(usesBLAS: Bool) throws -> [[Float]] {
            let backend = try CPUBackend(options: .init(threads: 2, usesBLAS: usesBLAS))
            let stream = backend.makeStream()
            let input = try backend.randomTensor(rows: 130, columns: 96, seed: 3)
            var results = [[Float]]()
            let pairs: [(WeightType, WeightType)] = [
                (.f16, .f16), (.f16, .f32), (.q4_1, .bf16), (.f32, .q8_0),
            ]
            for (gateType, upType) in pairs {
                let gate = try backend.weight(gateType, rows: 104, columns: 96, seed: 1)
                let up = try backend.weight(upType, rows: 104, columns: 96, seed: 2)
                let gated = try backend.makeTensor(rows: 130, columns: 104)
                stream.gatedLinear(input, gate: gate, up: up, into: gated)
                let both = try (0..<2).map { _ in try backend.makeTensor(rows: 130, columns: 104) }
                stream.linear(input, weights: [gate, up], biases: [nil, nil], into: both, accumulate: false)
                results += try ([gated] + both).map { try backend.values($0) }
            }
            return results
        }
        for (own, product) in zip(try results(usesBLAS: false), try results(usesBLAS: true)) {
            let size = own.reduce(Float(1)) { max($0, abs($1)) }
            #expect(largestDifference(own, product) < 1e-5 * size)
        }
    }

    @Test("The report names the kernels; without OpenBLAS it names none")
    func description() throws {
        #expect(try CPUBackend(options: .init(threads: 1, usesBLAS: true)).description.blas != nil)
        #expect(try CPUBackend(options: .init(threads: 1, usesBLAS: false)).description.blas == nil)
    }

    @Test("More threads than the library serves are refused before it ends the process")
    func tooManyThreads() {
        #expect(throws: BackendError.self) {
            try CPUBackend(options: .init(threads: CPUBackend.maximumThreads, usesBLAS: true))
        }
    }
}
