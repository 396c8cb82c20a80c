import RedrafterCore
import RedrafterFormats
import RedrafterTesting
import RedrafterTraining
import Testing

@Suite struct DistillationShardTests {
    private let directory = TemporaryDirectory()
    private let shape = DistillationShape(topCount: 3, hiddenSize: 4)

    private func answer(_ item: Int, prompt: Int, count: Int) -> DistilledAnswer {
        var answer = DistilledAnswer(
            item: item, prompt: (0..<prompt).map { Int32($0) }, isGreedy: item % 2 == 0)
        answer.isComplete = item % 3 == 0
        for row in 0..<count {
            answer.tokens.append(Int32(row + item))
            for entry in 0..<shape.topCount {
                answer.topTokens.append(Int32(row + entry))
                answer.topLogProbabilities.append((-Float(entry) - Float(row) / 8).halfBits)
            }
            for index in 0..<shape.hiddenSize {
                answer.hidden.append((Float(row) - Float(index) / 4).halfBits)
            }
        }
        return answer
    }

    @Test("A shard reads back what was written")
    func roundTrip() throws {
        let answers = [
            answer(0, prompt: 3, count: 5), answer(1, prompt: 1, count: 1), answer(7, prompt: 2, count: 2),
        ]
        let path = directory.file("a.safetensors")
        try DistillationShard.write(answers, shape: shape, to: path)
        let shard = try DistillationShard(path: path, vocabularySize: 16)
        #expect(shard.shape == shape && shard.answers.map(\.item) == [0, 1, 7])
        for (stored, written) in zip(shard.answers, answers) {
            #expect(Array(shard.promptTokens[stored.prompt]) == written.prompt)
            #expect(Array(shard.tokens[stored.rows]) == written.tokens)
            #expect(stored.isGreedy == written.isGreedy && stored.isComplete == written.isComplete)
            for (index, row) in stored.rows.enumerated() {
                var (tokens, bits) = ([Int32](), [UInt16]())
                shard.forEachTop(row) {
                    tokens.append($0)
                    bits.append($1.halfBits)
                }
                #expect(tokens == Array(written.topTokens[index * 3..<index * 3 + 3]))
                #expect(bits == Array(written.topLogProbabilities[index * 3..<index * 3 + 3]))
                var hidden = [Float](repeating: 0, count: 4)
                shard.copyHidden(row, into: &hidden)
                #expect(hidden.map(\.halfBits) == Array(written.hidden[index * 4..<index * 4 + 4]))
            }
        }
    }

    @Test(
        "Damaged shards are refused by name: tokens beyond the vocabulary, counts that do not add up, missing tensors"
    )
    func damaged() throws {
        let path = directory.file("a.safetensors")
        try DistillationShard.write([answer(0, prompt: 3, count: 5)], shape: shape, to: path)
        #expect(throws: FormatError.self) { try DistillationShard(path: path, vocabularySize: 4) }
        let good = try contents(path)
        let data = 8 + Int(good[0]) + Int(good[1]) << 8
        for (offset, value) in [(4, 200), (4, 0), (8, 6), (8, 255), (0, 255)] {
            var bytes = good
            bytes[data + offset] = UInt8(value)
            if offset == 0 { bytes[data + 3] = 255 }
            let bad = directory.file("bad.safetensors")
            try ToyModelFile.write(bytes, to: bad)
            #expect(throws: FormatError.self, "byte \(offset) = \(value)") {
                try DistillationShard(path: bad, vocabularySize: 16)
            }
        }
        let other = directory.file("other.safetensors")
        let writer = SafetensorsWriter(path: other)
        try writer.declare("answers", type: .i32, shape: [1, 5])
        try writer.append([UInt8](repeating: 0, count: 20))
        try writer.finish()
        #expect(throws: FormatError.self) { try DistillationShard(path: other, vocabularySize: 16) }
    }

    @Test("Random mutations of a shard give data or an error, never a crash")
    func mutations() throws {
        let path = directory.file("a.safetensors")
        try DistillationShard.write(
            [answer(0, prompt: 3, count: 5), answer(50, prompt: 2, count: 3)], shape: shape, to: path)
        let good = try contents(path)
        var random = SplitMix(state: 5)
        var refused = 0
        for _ in 0..<1000 {
            var bytes = good
            for _ in 0..<Int.random(in: 1...4, using: &random) {
                bytes[Int.random(in: bytes.indices, using: &random)] = UInt8.random(
                    in: 0...255, using: &random)
            }
            let bad = directory.file("bad.safetensors")
            try ToyModelFile.write(bytes, to: bad)
            do {
                let shard = try DistillationShard(path: bad, vocabularySize: 16)
                for row in shard.tokens.indices { shard.forEachTop(row) { _, _ in } }
            } catch {
                refused += 1
            }
        }
        #expect(refused > 100)
    }

    @Test("A manifest names no files outside its directory")
    func manifest() throws {
        var manifest = DistillationManifest(
            fingerprint: ModelFingerprint(
                tokenizer: "t", vocabularySize: 16, hiddenSize: 4, layers: 1, heads: 1, keyValueHeads: 1,
                feedForwardSize: 4), model: "m", settings: .null, shape: shape)
        manifest.shards = [.init(file: "../a.safetensors", answers: 1, tokens: 5)]
        try manifest.write(to: directory.path)
        #expect(throws: FormatError.self) { try DistillationManifest(directory: directory.path) }
        manifest.shards[0].file = "a.safetensors"
        try manifest.write(to: directory.path)
        #expect(try DistillationManifest(directory: directory.path) == manifest)
        try DistillationShard.write(
            [answer(0, prompt: 3, count: 4)], shape: shape, to: directory.file("a.safetensors"))
        let error = #expect(throws: FormatError.self) { try DistillationData(directory: directory.path) }
        #expect(error?.description.contains("5 tokens") == true)
    }
}
