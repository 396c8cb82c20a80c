import Redrafter
import RedrafterCore
import RedrafterModels
import RedrafterTesting
import Testing

private let prompt: [Int32] = [5, 9, 2]

@Suite struct TextGeneratorTests {
    @Test("Greedy text is the argmax of a fresh pass over everything before, token for token")
    func greedy() throws {
        let model = try toyModel()
        let result = try TextGenerator(model).generate(prompt, GenerationParameters(maximumTokens: 12))
        #expect(result.tokens.count == 12)
        #expect(Set(result.tokens).count > 2, "the toy model repeats itself")
        #expect(result.text == result.tokens.map { "<\($0)>" }.joined())
        #expect(result.finishReason == .length)
        #expect(!result.isContextFull)
        for count in result.tokens.indices {
            let next = try TextGenerator(model).generate(
                prompt + result.tokens[..<count], GenerationParameters(maximumTokens: 1))
            #expect(next.tokens == [result.tokens[count]])
        }
    }

    @Test("Text comes in pieces that add up to it")
    func pieces() throws {
        var pieces = [String]()
        let result = try TextGenerator(toyModel()).generate(
            prompt, GenerationParameters(maximumTokens: 8), onText: { pieces.append($0) })
        #expect(pieces == result.tokens.map { "<\($0)>" })
    }

    @Test("A stop text that spans tokens ends the answer before it, and no part of it is shown")
    func stopAcrossTokens() throws {
        let model = try toyModel()
        let full = try TextGenerator(model).generate(prompt, GenerationParameters(maximumTokens: 30)).text
        for length in [1, 2, 5, 11] {
            for start in stride(from: 0, to: full.count - length, by: 3) {
                let from = full.index(full.startIndex, offsetBy: start)
                let stop = String(full[from..<full.index(from, offsetBy: length)])
                var shown = ""
                let result = try TextGenerator(model).generate(
                    prompt, GenerationParameters(maximumTokens: 30, stop: ["never", stop]),
                    onText: { shown += $0 })
                let first = try #require(full.firstRange(of: stop))
                #expect(result.text == full[..<first.lowerBound], "stop at \(stop)")
                #expect(shown == result.text)
                #expect(result.finishReason == .stop)
            }
        }
    }

    @Test("What could have been a stop text is shown in the end")
    func almostStop() throws {
        let model = try toyModel()
        let full = try TextGenerator(model).generate(prompt, GenerationParameters(maximumTokens: 4)).text
        let result = try TextGenerator(model).generate(
            prompt,
            GenerationParameters(maximumTokens: 4, stop: [full + "more", String(full.suffix(3)) + "!"]))
        #expect(result.text == full)
        #expect(result.finishReason == .length)
    }

    @Test("The token that ends an answer has no text")
    func endOfGeneration() throws {
        let free = try TextGenerator(toyModel()).generate(prompt, GenerationParameters(maximumTokens: 20))
            .tokens
        let end = try #require(free.first { $0 != free[0] })
        let place = try #require(free.firstIndex(of: end))
        let result = try TextGenerator(toyModel(endOfGeneration: [end])).generate(
            prompt, GenerationParameters(maximumTokens: 20))
        #expect(result.tokens == Array(free[...place]))
        #expect(result.text == free[..<place].map { "<\($0)>" }.joined())
        #expect(result.finishReason == .stop)
    }

    @Test("Characters that span tokens come out whole")
    func characters() throws {
        let bytes = Array("é𝄞a語".utf8)
        let model = try toyModel(texts: (0..<64).map { [bytes[$0 % bytes.count]] })
        var pieces = [String]()
        let result = try TextGenerator(model).generate(
            prompt, GenerationParameters(maximumTokens: 60), onText: { pieces.append($0) })
        #expect(pieces.joined() == result.text)
        #expect(
            result.text == String(decoding: result.tokens.map { bytes[Int($0) % bytes.count] }, as: UTF8.self)
        )
        #expect(pieces.count < 60)
    }

    @Test("A prompt one short of the context gives one token, longer ones are refused before any work")
    func contextLength() throws {
        let model = try toyModel(contextLength: 16)
        let generator = try TextGenerator(model)
        let result = try generator.generate([Int32](repeating: 3, count: 15))
        #expect(result.tokens.count == 1)
        #expect(result.finishReason == .length)
        #expect(result.isContextFull)
        for count in [16, 17, 160] {
            #expect(throws: RedrafterError.promptTooLong(tokens: count, contextLength: 16)) {
                try generator.generate([Int32](repeating: 3, count: count))
            }
        }
        #expect(generator.history.count == 15)
        let filled = try generator.generate([3])
        #expect(filled.tokens.count == 15)
        #expect(filled.isContextFull)
        #expect(filled.finishReason == .length)
    }

    @Test("A later turn computes only what is new, and says the same as a fresh generator")
    func reuse() throws {
        let model = try toyModel()
        let chat = try TextGenerator(model)
        let first = try chat.generate(prompt, GenerationParameters(maximumTokens: 6))
        #expect(first.timings.cachedTokens == 0)
        #expect(first.timings.promptTokens == 3)
        for next in [prompt + first.tokens + [7, 8], [5, 9, 40, 41], prompt, [1]] {
            let before = chat.history
            let result = try chat.generate(next, GenerationParameters(maximumTokens: 6))
            let fresh = try TextGenerator(model).generate(next, GenerationParameters(maximumTokens: 6))
            #expect(result.tokens == fresh.tokens)
            let shared = zip(next.dropLast(), before).prefix { $0 == $1 }.count
            #expect(result.timings.cachedTokens == shared)
            #expect(result.timings.promptTokens == next.count - shared)
        }
    }

    @Test("Seeds decide the text; chunks of the prompt do not", arguments: [1, 7, 512])
    func seeds(chunk: Int) throws {
        var sampling = SamplingParameters()
        sampling.temperature = 1
        let long = (0..<40).map { Int32($0 * 11 % 64) }
        func text(_ seed: UInt64, _ chunk: Int) throws -> [Int32] {
            sampling.seed = seed
            return try TextGenerator(toyModel(prefillChunk: chunk)).generate(
                long, GenerationParameters(maximumTokens: 20, sampling: sampling)
            ).tokens
        }
        #expect(try text(1, chunk) == text(1, 64))
        #expect(try text(1, chunk) != text(2, chunk))
    }

    @Test("Cancelling ends after the pass and keeps the text so far")
    func cancelling() throws {
        let generator = try TextGenerator(toyModel())
        let flag = CancellationFlag()
        var count = 0
        let result = try generator.generate(
            prompt, GenerationParameters(maximumTokens: 50), cancellation: flag,
            onText: { _ in
                count += 1
                if count == 4 { flag.cancel() }
            })
        #expect(result.tokens.count == 4)
        #expect(result.finishReason == .cancelled)
        let none = try generator.generate([30, 31, 32], cancellation: flag)
        #expect(none.tokens.isEmpty)
        #expect(none.finishReason == .cancelled)
        flag.reset()
        let again = try generator.generate(prompt, GenerationParameters(maximumTokens: 4), cancellation: flag)
        #expect(again.tokens == result.tokens)
    }

    @Test("Bad parameters and prompts are refused, each as what it is")
    func refused() throws {
        let generator = try TextGenerator(toyModel())
        var hot = SamplingParameters()
        hot.temperature = .nan
        for parameters in [
            GenerationParameters(stop: [""]), GenerationParameters(maximumTokens: -1),
            GenerationParameters(sampling: hot),
        ] {
            let error = #expect(throws: RedrafterError.self) { try generator.generate(prompt, parameters) }
            #expect(caseName(of: error) == "parameter.outOfRange")
        }
        #expect(throws: RedrafterError.emptyPrompt) { try generator.generate([]) }
        #expect(throws: RedrafterError.transformer(.unknownToken(64, vocabulary: 64))) {
            try generator.generate([1, 64])
        }
        #expect(try generator.generate(prompt, GenerationParameters(maximumTokens: 0)).text == "")
        #expect(try generator.generate(prompt, GenerationParameters(maximumTokens: 2)).tokens.count == 2)
    }

    @Test("Ids that the tokenizer does not have are never generated")
    func padding() throws {
        let toy = ToyTransformer(vocabularySize: 64)
        let free = try TextGenerator(toyModel()).generate([1, 2, 3], GenerationParameters(maximumTokens: 30))
        #expect(free.tokens.contains { $0 >= 10 })
        let small = try toyModel(texts: (0..<10).map { Array("<\($0)>".utf8) })
        let model = Model(
            path: "toy", tokenizer: small.tokenizer, transformer: try toy.transformer(on: ReferenceBackend()))
        let result = try TextGenerator(model).generate([1, 2, 3], GenerationParameters(maximumTokens: 30))
        #expect(result.tokens.count == 30)
        #expect(result.tokens.allSatisfy { $0 < 10 })
    }
}
