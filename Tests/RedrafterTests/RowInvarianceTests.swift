import CPUBackend
import RedrafterCore
import RedrafterFormats
import RedrafterModels
import RedrafterTesting
import Testing

@testable import Redrafter

/// The contract that makes speculative output equal plain output, on the real model.
@Suite(
    "Row invariance of the default model", .serialized,
    .enabled(if: DefaultModel.isAvailable, "\(DefaultModel.howToGet)"))
struct RowInvarianceTests {
    /// One way to compute the same logits.
    private struct Setting: CustomStringConvertible {
        var kernels: String
        var threads: Int
        var chunk: Int

        var description: String { "\(kernels), \(threads) threads, chunks of \(chunk)" }
    }

    private static let tokens: [Int32] = (0..<72).map { Int32(($0 * 7919 + 13) % 49_152) }

    /// Logits of the last 8 tokens of a chain, prefilled in chunks, then in one pass of a tree that holds them as one branch
    /// beside others.
    private func logits(_ setting: Setting) throws -> (chain: [Float], branch: [Float]) {
        var options = ModelOptions(contextLength: 128, threads: setting.threads, kernels: setting.kernels)
        options.prefillChunk = setting.chunk
        let model = try Model.load(path: DefaultModel.path, options: options)
        let runner = try PassRunner(model.transformer, prefillChunk: setting.chunk)
        _ = try runner.prefill(Array(Self.tokens.prefix(64)))

        // A tree: node 2k continues the chain, node 2k + 1 is a wrong guess beside it.
        var rows = [Row]()
        for depth in 0..<8 {
            let parent = depth == 0 ? -1 : 2 * (depth - 1)
            rows.append(Row(token: Self.tokens[64 + depth], position: 64 + depth, parent: parent))
            rows.append(Row(token: Int32(1000 + depth), position: 64 + depth, parent: parent))
        }
        let tree = try runner.forward(rows, logitRows: Array(stride(from: 0, to: 16, by: 2)))
        let branch = try runner.stream.withValues(tree.logits) { Array($0) }

        var chain = [Float]()
        for depth in 0..<8 {
            let row = Row.chain([Self.tokens[64 + depth]], from: 64 + depth)
            let output = try runner.forward(row, logitRows: [0])
            chain += try runner.stream.withValues(output.logits) { Array($0) }
            try runner.commit([0])
        }
        return (chain, branch)
    }

    @Test("Logits are the same bits for every kernel set, thread count and chunk, in a tree and alone")
    func everySetting() throws {
        let best = CPUBackend.availableKernels[0]
        var settings = [(2, 7), (1, 1), (3, 512)].map { Setting(kernels: best, threads: $0.0, chunk: $0.1) }
        for kernels in CPUBackend.availableKernels.dropFirst() {
            settings.append(Setting(kernels: kernels, threads: 2, chunk: 512))
        }
        let oracle = try logits(Setting(kernels: best, threads: 2, chunk: 512))
        #expect(Self.sameBits(oracle.chain, oracle.branch), "tree and chain")
        for setting in settings {
            let result = try logits(setting)
            #expect(Self.sameBits(result.chain, oracle.chain), "\(setting)")
            #expect(Self.sameBits(result.branch, oracle.chain), "tree, \(setting)")
        }
    }

    private static func sameBits(_ a: [Float], _ b: [Float]) -> Bool {
        a.count == b.count && zip(a, b).allSatisfy { $0.bitPattern == $1.bitPattern }
    }
}
