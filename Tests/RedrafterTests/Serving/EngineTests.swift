import RedrafterCore
import RedrafterModels
import RedrafterServing
import RedrafterTesting
import Testing

@testable import Redrafter

@Suite struct EngineTests {
    private func engine(
        slots: Int = 2, queueLimit: Int = 4, promptRows: Int = 8, drafters: [String] = ["lookup"],
        contextLength: Int = 96, gate: Gate = Gate()
    ) throws -> Engine {
        var options = EngineOptions(slots: slots)
        options.queueLimit = queueLimit
        options.promptRows = promptRows
        options.drafters = drafters
        return try Engine(try toyModel(contextLength: contextLength, registry: toyRegistry(gate)), options)
    }

    private func request(_ count: Int, tokens: Int?) -> EngineRequest {
        EngineRequest(
            (0..<count).map { Int32($0 % 60) }, GenerationParameters(maximumTokens: tokens))
    }

    @Test("What is wrong with a request is said before it has a slot")
    func refused() throws {
        let engine = try engine()
        func error(_ change: (inout EngineRequest) -> Void) -> EngineError? {
            var request = request(3, tokens: 4)
            change(&request)
            return #expect(throws: EngineError.self) { try engine.submit(request) }
        }
        #expect(error { $0.prompt = [] } == .request(.emptyPrompt))
        #expect(
            error { $0.prompt = [Int32](repeating: 1, count: 96) }
                == .request(.promptTooLong(tokens: 96, contextLength: 96)))
        #expect(error { $0.prompt = [64] } == .request(.transformer(.unknownToken(64, vocabulary: 64))))
        #expect(
            error { $0.drafter = "rnn" }
                == .unknownDrafter(got: "rnn", available: ["lookup", "none"]))
        let wrong: [(inout EngineRequest) -> Void] = [
            { $0.maximumRows = 0 }, { $0.maximumRows = 65 }, { $0.parameters.sampling.temperature = -1 },
            { $0.parameters.topLogProbabilities = 21 }, { $0.parameters.sampling.logitBias = [64: 1] },
            { $0.parameters.sampling.logitBias = [3: 101] }, { $0.parameters.stop = [""] },
        ]
        for change in wrong {
            guard case .request(.parameter) = error(change) else {
                Issue.record("it was not refused")
                continue
            }
        }
        #expect(engine.metrics.running == 0 && engine.metrics.waiting == 0)
    }

    @Test(
        "A drafter sees what the model said after each of its guesses, alone and beside others, in a combination, too",
        arguments: ["watching", "watching+lookup"], [true, false])
    func observed(drafter: String, isAlone: Bool) async throws {
        let told = WatchingDrafter.Counter()
        let model = try toyModel(registry: toyRegistry(told: told))
        let prompts = (0..<4).map { start in (0..<3 + start).map { Int32(($0 * 7 + start * 11) % 60) } }
        let parameters = GenerationParameters(maximumTokens: 20)
        if isAlone {
            let generator = try TextGenerator(model, speculation: SpeculationOptions(drafter: drafter))
            for prompt in prompts { _ = try generator.generate(prompt, parameters) }
        } else {
            var options = EngineOptions(slots: 3)
            options.drafters = [drafter]
            let engine = try Engine(model, options)
            // Answers that share passes: each has rows of its own.
            try await withThrowingTaskGroup(of: Void.self) { group in
                for prompt in prompts {
                    let answer = try engine.submit(EngineRequest(prompt, parameters))
                    group.addTask { for try await _ in answer {} }
                }
                try await group.waitForAll()
            }
        }
        let steps = told.steps.load(ordering: .relaxed)
        #expect(steps > 0 && told.complete.load(ordering: .relaxed) == steps)
    }

    @Test("Options out of range are refused")
    func options() throws {
        for change: (inout EngineOptions) -> Void in [
            { $0.slots = 0 }, { $0.slots = 33 }, { $0.queueLimit = -1 }, { $0.promptRows = 0 },
            { $0.drafters = [] },
        ] {
            var options = EngineOptions()
            options.drafters = ["none"]
            change(&options)
            #expect(throws: RedrafterError.self) { try Engine(try toyModel(), options) }
        }
    }

    @Test("A full queue refuses one more, and says when to come again")
    func queue() async throws {
        let gate = Gate()
        let engine = try engine(slots: 1, queueLimit: 2, drafters: ["held"], gate: gate)
        let answers = try (0..<3).map { _ in try engine.submit(request(4, tokens: nil)) }
        let error = #expect(throws: EngineError.self) { try engine.submit(request(4, tokens: 4)) }
        guard case .queueFull(_, let seconds)? = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect((1...60).contains(seconds))
        gate.open()
        for answer in answers { #expect(try await answer.result().isContextFull) }
        #expect(try await engine.submit(request(4, tokens: 2)).result().tokens.count == 2)
        #expect(engine.metrics.finished.refused == 1)
    }

    @Test("Stopping ends what waits, lets the running texts finish, and refuses new ones")
    func stop() async throws {
        let gate = Gate()
        let engine = try engine(slots: 1, queueLimit: 8, drafters: ["held"], gate: gate)
        let running = try engine.submit(request(4, tokens: 30))
        // Once there is an update, it has the slot.
        var iterator = running.makeAsyncIterator()
        _ = try await iterator.next()
        let waiting = try engine.submit(request(4, tokens: 30))
        async let stopping: Void = engine.stop(grace: .seconds(60))
        await #expect(throws: EngineError.stopping) { try await waiting.result() }
        #expect(throws: EngineError.stopping) { try engine.submit(request(4, tokens: 1)) }
        gate.open()
        await stopping
        var result: GenerationResult?
        while let event = try await iterator.next() {
            if case .finished(let own) = event { result = own }
        }
        #expect(result?.tokens.count == 30)
    }

    @Test("Stopping an engine that rests, twice, or while requests come, leaves nobody waiting")
    func stops() async throws {
        let idle = try engine()
        await idle.stop(grace: .seconds(60))
        await idle.stop(grace: .seconds(60))
        for round in 0..<20 {
            let engine = try engine(slots: 2, queueLimit: 50)
            try await withThrowingTaskGroup(of: Void.self) { group in
                for index in 0..<12 {
                    group.addTask {
                        if index % 4 == 3 { return await engine.stop(grace: .milliseconds(round % 3)) }
                        do {
                            _ = try await engine.submit(request(3, tokens: 30)).result()
                        } catch {
                            #expect(error as? EngineError == .stopping)
                        }
                    }
                }
                try await group.waitForAll()
            }
            let metrics = engine.metrics
            #expect(metrics.running == 0 && metrics.waiting == 0)
        }
    }

    @Test("A drafter that follows the text guesses the same after another one had the slot")
    func switchedDrafter() async throws {
        let beginning = (0..<30).map { Int32($0 * 11 % 60) }
        let parameters = GenerationParameters(maximumTokens: 30)
        // The same slot: with a drafter that follows, without, with it again; against a new engine.
        let used = try engine(slots: 1, drafters: ["toy-context"])
        _ = try await used.submit(EngineRequest(beginning + [1, 2, 3], parameters)).result()
        let other = try await used.submit(
            EngineRequest(beginning + [4, 5], parameters, drafter: "none")
        ).result()
        let last = beginning + [4, 5] + other.tokens.prefix(10) + [6]
        let got = try await used.submit(EngineRequest(last, parameters)).result()
        // The last row of the beginning was told with another token after it.
        #expect(got.timings.cachedTokens == beginning.count - 1)
        let fresh = try await engine(slots: 1, drafters: ["toy-context"]).submit(
            EngineRequest(last, parameters)
        ).result()
        #expect(got.tokens == fresh.tokens)
    }

    @Test("Texts that are not done within the grace end with what they have")
    func grace() async throws {
        let engine = try engine(slots: 2, contextLength: 4000)
        let answers = try (0..<2).map { _ in try engine.submit(request(4, tokens: nil)) }
        await engine.stop(grace: .zero)
        for answer in answers {
            do {
                #expect(try await answer.result().finishReason == .cancelled)
            } catch {
                #expect(error as? EngineError == .stopping)
            }
        }
    }

    @Test(
        "A prompt that begins like a text in a slot is computed from where it differs, also in another slot")
    func prefixes() async throws {
        let engine = try engine(slots: 3, promptRows: 64, drafters: ["none"])
        let first = try await engine.submit(request(40, tokens: 6)).result()
        #expect(first.timings.cachedTokens == 0 && first.timings.promptTokens == 40)
        // The next turn: the whole text but its last token, which is not in the cache.
        let text = request(40, tokens: 0).prompt + first.tokens + [3, 4]
        let second = try await engine.submit(
            EngineRequest(text, GenerationParameters(maximumTokens: 3))
        ).result()
        #expect(second.timings.cachedTokens == 45 && second.timings.promptTokens == 3)
        // Another text with the same beginning leaves the first one where it is.
        let other = Array(text.prefix(20)) + [50, 51, 52]
        let third = try await engine.submit(
            EngineRequest(other, GenerationParameters(maximumTokens: 3))
        ).result()
        #expect(third.timings.cachedTokens == 20 && third.timings.promptTokens == 3)
        let again = try await engine.submit(EngineRequest(text, GenerationParameters(maximumTokens: 1)))
            .result()
        #expect(again.timings.cachedTokens == text.count - 1)
    }

    @Test("A beginning that several new prompts share is computed once")
    func sharedAtOnce() async throws {
        let engine = try engine(slots: 6, promptRows: 16, drafters: ["none"])
        let system = (0..<60).map { Int32($0 % 50) }
        try await withThrowingTaskGroup(of: Void.self) { group in
            for index in 0..<6 {
                group.addTask {
                    let prompt = system + [Int32(50 + index), 1]
                    _ = try await engine.submit(
                        EngineRequest(prompt, GenerationParameters(maximumTokens: 20))
                    ).result()
                }
            }
            try await group.waitForAll()
        }
        // One text computes all of it; the others copy what they share, or come after it.
        #expect(engine.metrics.promptRows < 60 + 6 * 2 + 60)
        #expect(engine.metrics.promptTokens == 6 * 62)
    }

    @Test("A long prompt holds the other texts up by no more than its rows of a pass")
    func longPrompt() async throws {
        let engine = try engine(slots: 3, promptRows: 8, drafters: ["none"], contextLength: 600)
        let long = EngineRequest(
            (0..<500).map { Int32($0 * 7 % 64) }, GenerationParameters(maximumTokens: 1))
        let short = try engine.submit(request(3, tokens: 40))
        let answer = try engine.submit(long)
        let late = try engine.submit(
            EngineRequest([9, 9, 9, 8], GenerationParameters(maximumTokens: 2)))
        var rows = [Int]()
        for try await event in short {
            if case .update(let update) = event, !update.tokens.isEmpty { rows.append(update.pass.rows) }
        }
        #expect(rows.count == 40 && rows.allSatisfy { $0 <= 8 + 3 })
        // The short prompt that came after the long one has its first token within three passes of it.
        let first = try await late.result()
        #expect(first.tokens.count == 2)
        let whole = try await answer.result()
        #expect(whole.tokens.count == 1 && whole.timings.prompt > first.timings.prompt)
    }

    @Test("Where the logits of one text are not numbers, the others go on")
    func damage() async throws {
        // A token whose embedding is damaged: texts that hold it cannot go on.
        let toy = ToyTransformer(tiedEmbeddings: false)
        let sound = try toyModel()
        let embedding = try #require(toy.source(.embedding))
        var bytes = Array(embedding.bytes)
        withUnsafeBytes(of: Float.nan) { nan in
            for column in 0..<64 {
                bytes.replaceSubrange((40 * 64 + column) * 4..<(40 * 64 + column + 1) * 4, with: nan)
            }
        }
        let backend = ReferenceBackend()
        let transformer = try bytes.withUnsafeBytes { damaged in
            let weights = try TransformerWeights.load(
                toy.configuration,
                from: {
                    $0 == .embedding
                        ? StoredWeight(name: "damaged", type: .f32, shape: embedding.shape, bytes: damaged)
                        : toy.source($0)
                }, on: backend)
            return try Transformer(toy.configuration, weights: weights, contextLength: 96, on: backend)
        }
        let model = Model(path: "toy", tokenizer: sound.tokenizer, transformer: transformer)
        var options = EngineOptions(slots: 3)
        options.drafters = ["none"]
        let engine = try Engine(model, options)
        var sampling = SamplingParameters()
        sampling.logitBias = [40: -100]
        let parameters = GenerationParameters(maximumTokens: 20, sampling: sampling)
        let bad = try engine.submit(EngineRequest([1, 40, 2], parameters))
        let good = try (1...2).map { try engine.submit(EngineRequest([Int32($0), 3, 2], parameters)) }
        await #expect(
            throws: EngineError.request(.transformer(.backend(.nonFinite(what: "the logits"))))
        ) { try await bad.result() }
        for (index, answer) in good.enumerated() {
            let alone = try TextGenerator(model).generate([Int32(index + 1), 3, 2], parameters)
            #expect(try await answer.result().tokens == alone.tokens)
        }
        #expect(engine.metrics.finished.failed == 1)
    }
}
