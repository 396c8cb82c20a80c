import RedrafterTesting
import Testing

@testable import RedrafterCore

@Suite struct SamplerOnStreamTests {
    /// A token for each row of `logits`, each the end of a text of its own; nil for rows that are not finite.
    private func tokens(
        _ samplers: [Sampler], _ logits: Tensor, texts: [[Int32]], on backend: any ComputeBackend
    ) throws -> [Int32?] {
        let walks = zip(samplers, texts).map {
            ExactWalk($0, TokenTree(root: $1[$1.count - 1]), tokens: $1)
        }
        let rows = try SampledRows(logits, for: walks, on: backend.makeStream())
        return try walks.enumerated().map { row, walk in
            do {
                return try walk.verdict(rows, firstRow: row).next
            } catch BackendError.nonFinite {
                return nil
            }
        }
    }

    @Test("Sampling from the device chooses what sampling from the whole row chooses", arguments: 0..<24)
    func sameAsWholeRow(round: Int) throws {
        var random = SeededRandom(seed: UInt64(round))
        let (rows, width, vocabulary) = (3, 120, 110)
        // A coarse grid, so that ties decide often; padding beyond the vocabulary is largest.
        let values = (0..<(rows * width)).map { index in
            index % width < vocabulary ? Float(Int.random(in: -20...20, using: &random)) / 4 : 50
        }
        var parameters = SamplingParameters()
        parameters.temperature = round % 3 == 0 ? 0 : 0.9
        parameters.topK = [40, 0, 3, 500][round % 4]
        parameters.topP = round % 5 == 0 ? 1 : 0.9
        parameters.minP = round % 2 == 0 ? 0 : 0.02
        parameters.repeatPenalty = [1, 1.5, 0.7][round / 2 % 3]
        parameters.presencePenalty = [0, 1][round / 3 % 2]
        parameters.logitBias = [[:], [7: 3], [7: -2, 30: -100]][round % 3]
        parameters.seed = UInt64(round)
        // The last row is chosen in another way than the others.
        var other = SamplingParameters()
        other.temperature = round % 2 == 0 ? 0 : 1.3
        other.topK = round % 4 == 1 ? 0 : 5
        let samplers = try [parameters, parameters, other].map { try Sampler($0, tokenCount: vocabulary) }
        let backend = ReferenceBackend()
        let logits = try backend.makeTensor(rows: rows, columns: width, values: values)
        let texts = [70, 70, 90].map { count in
            (0..<count).map { _ in Int32.random(in: 0..<110, using: &random) }
        }
        let tokens = try tokens(samplers, logits, texts: texts, on: backend)
        let expected = try (0..<rows).map { row in
            try Array(values[(row * width)..<((row + 1) * width)]).withUnsafeBufferPointer {
                try samplers[row].sample($0, position: texts[row].count, history: texts[row][...])
            }
        }
        #expect(tokens == expected)
    }

    @Test(
        "A damaged row has no token, on every way of reading; the others are unaffected",
        arguments: [0, 1, 40])
    func damaged(topK: Int) throws {
        var parameters = SamplingParameters()
        parameters.temperature = 1
        parameters.topK = topK
        parameters.seed = 5
        let (rows, width, vocabulary) = (4, 60, 50)
        let sampler = try Sampler(parameters, tokenCount: vocabulary)
        var random = SeededRandom(seed: 3)
        let values = (0..<(rows * width)).map { _ in Float.random(in: -4...4, using: &random) }
        var damages = [
            [Float](repeating: .nan, count: vocabulary), [Float](repeating: -.infinity, count: vocabulary),
        ]
        for damage in [Float.nan, .infinity] {
            for index in [0, 25, vocabulary - 1] {
                var row = Array(values[..<vocabulary])
                row[index] = damage
                damages.append(row)
            }
        }
        func tokens(_ values: [Float]) throws -> [Int32?] {
            let backend = ReferenceBackend()
            return try self.tokens(
                [Sampler](repeating: sampler, count: rows),
                backend.makeTensor(rows: rows, columns: width, values: values),
                texts: (3...6).map { [Int32](repeating: 0, count: $0) }, on: backend)
        }
        let sound = try tokens(values)
        #expect(!sound.contains(nil))
        for damage in damages {
            for place in 0..<rows {
                var damaged = values
                damaged.replaceSubrange(place * width..<place * width + vocabulary, with: damage)
                var expected = sound
                expected[place] = nil
                #expect(try tokens(damaged) == expected)
            }
        }
    }
}
