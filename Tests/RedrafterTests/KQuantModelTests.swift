import CPUBackend
import RedrafterCore
import RedrafterFormats
import RedrafterModels
import RedrafterPlatform
import RedrafterTesting
import Testing

@testable import Redrafter

/// A whole file as llama.cpp's llama-quantize writes it, with Q4_K and Q6_K side by side. Fixture and expected logits are made by
/// Tests/Reference/make_k_quant_fixture.py.
@Suite struct KQuantModelTests {
    private static let fixture: String = {
        let folder = #filePath.split(separator: "/").dropLast().joined(separator: "/")
        return "/\(folder)/Fixtures/tiny.Q4_K_M"
    }()

    private struct Expected {
        let tokens: [Int32]
        let types: [String]
        let logits: [[Double]]

        init() throws {
            let json = try JSONValue(path: fixture + ".json")
            tokens = (json["tokens"]?.array ?? []).compactMap { $0.integer.map(Int32.init) }
            types = (json["types"]?.array ?? []).compactMap(\.string)
            logits = (json["logits"]?.array ?? []).map { ($0.array ?? []).compactMap(\.double) }
        }
    }

    private func logits(_ tokens: [Int32], kernels: String, threads: Int) throws -> [Float] {
        let model = try Model.load(
            path: Self.fixture + ".gguf", options: ModelOptions(threads: threads, kernels: kernels))
        #expect(model.warnings.isEmpty)
        var all = [Float]()
        try model.forEachLogits([tokens]) { all += $0 }
        return all
    }

    @Test("Logits of a Q4_K_M file agree with float32 arithmetic on its weights")
    func faithful() throws {
        let expected = try Expected()
        #expect(expected.types == ["F32", "Q4_K", "Q6_K"])
        let got = try logits(expected.tokens, kernels: "portable", threads: 1)
        let columns = expected.logits[0].count
        #expect(got.count == expected.tokens.count * columns)
        var divergence = 0.0
        for (row, reference) in expected.logits.enumerated() {
            let p = logSoftmax(reference)
            let q = logSoftmax(got[(row * columns)..<((row + 1) * columns)].map(Double.init))
            divergence += zip(p, q).reduce(0) { $0 + exp($1.0) * ($1.0 - $1.1) }
        }
        // Int8 activations cost a few thousandths; a wrong scale or offset costs whole units.
        #expect(divergence / Double(expected.tokens.count) < 0.02)
    }

    @Test("All kernel sets and thread counts give the same bits for it")
    func sameBits() throws {
        let tokens = try Expected().tokens
        let oracle = try logits(tokens, kernels: "portable", threads: 1).map(\.bitPattern)
        for kernels in CPUBackend.availableKernels {
            for threads in [1, 2, 3] {
                let same = try logits(tokens, kernels: kernels, threads: threads).map(\.bitPattern) == oracle
                #expect(same, "\(kernels), \(threads) threads")
            }
        }
    }

    private func logSoftmax(_ values: [Double]) -> [Double] {
        let largest = values.max() ?? 0
        let logSum = largest + log(values.reduce(0) { $0 + exp($1 - largest) })
        return values.map { $0 - logSum }
    }
}
