import CPUBackend
import RedrafterCore
import RedrafterDrafters
import RedrafterModels
import RedrafterServing
import RedrafterTesting
import Testing

@testable import Redrafter

@Suite("An engine answers as if each request were alone") struct EngineIdentityTests {
    @Test(
        "Random arrivals, drafters, samplings and shared beginnings: each answer is plain decoding's",
        arguments: [(1, 1), (3, 5), (8, 64)])
    func randomArrivals(slots: Int, promptRows: Int) async throws {
        let model = try toyModel(
            endOfGeneration: [13], contextLength: 80,
            backend: try CPUBackend(options: CPUBackend.Options(threads: 2)), registry: toyRegistry())
        var options = EngineOptions(slots: slots)
        options.promptRows = promptRows
        options.drafters = toyDrafters
        let engine = try Engine(model, options)
        try await checkDrafting(
            engine, EngineRequest([5, 6, 7], GenerationParameters(maximumTokens: 20), drafter: "seven"), model
        )
        let requests = mixedRequests(60, seed: UInt64(slots), drafters: engine.drafters)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for (index, request) in requests.enumerated() {
                group.addTask {
                    try await Task.sleep(for: .microseconds(index % 10 * 700))
                    let expected = try Seen(request, alone: model)
                    let got = try await Seen(request, on: engine)
                    #expect(got == expected, "request \(index)")
                }
            }
            try await group.waitForAll()
        }
        let metrics = engine.metrics
        #expect(metrics.running == 0 && metrics.waiting == 0)
        #expect(metrics.finished.stop + metrics.finished.length == 1 + requests.count)
        #expect(slots == 1 || metrics.promptTokensCached > 0)
    }

    /// A request alone on a new engine is drafted for once the first passes are priced, whatever the price. Beside others it depends
    /// on the time that passes take.
    private func checkDrafting(_ engine: Engine, _ request: EngineRequest, _ model: Model) async throws {
        let answer = try await Seen(request, on: engine)
        #expect(try answer == Seen(request, alone: model))
        #expect(answer.tokens.count == request.parameters.maximumTokens)
        #expect(engine.metrics.speculation.draftTokens > 0)
    }

    @Test("On a Vulkan device, too", .enabled(if: hasVulkanDevice))
    func vulkan() async throws {
        let model = try toyModel(backend: sharedVulkan.get(), registry: toyRegistry())
        var options = EngineOptions(slots: 3)
        options.promptRows = 6
        options.drafters = ["toy-rnn+lookup", "toy-medusa"]
        let engine = try Engine(model, options)
        let requests = mixedRequests(8, seed: 2, drafters: engine.drafters)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for (index, request) in requests.enumerated() {
                group.addTask {
                    let expected = try Seen(request, alone: model)
                    #expect(try await Seen(request, on: engine) == expected, "request \(index)")
                }
            }
            try await group.waitForAll()
        }
    }

    @Test("Answers that are cancelled are beginnings of the right ones, and change no other")
    func cancellations() async throws {
        let model = try toyModel(
            backend: try CPUBackend(options: CPUBackend.Options(threads: 2)), registry: toyRegistry())
        var options = EngineOptions(slots: 4)
        options.promptRows = 4
        options.drafters = toyDrafters
        let engine = try Engine(model, options)
        let requests = mixedRequests(48, seed: 5, drafters: engine.drafters)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for (index, request) in requests.enumerated() {
                group.addTask {
                    let expected = try Seen(request, alone: model)
                    guard index % 2 == 0 else {
                        #expect(try await Seen(request, on: engine) == expected, "request \(index)")
                        return
                    }
                    let answer = try engine.submit(request)
                    let patience = index % 6
                    var seen = 0
                    if patience == 0 { answer.cancel() }
                    for try await event in answer {
                        if case .finished(let result) = event {
                            #expect(expected.tokens.starts(with: result.tokens))
                            #expect(expected.text.hasPrefix(result.text))
                        }
                        seen += 1
                        if seen == patience { answer.cancel() }
                        // Some callers go away without a word.
                        if patience == 4, seen == 2 { return }
                    }
                }
            }
            try await group.waitForAll()
        }
        await engine.stop(grace: .seconds(10))
        let metrics = engine.metrics
        #expect(metrics.running == 0 && metrics.waiting == 0)
        #expect(metrics.finished.cancelled > 0)
        let ended = metrics.finished
        #expect(ended.stop + ended.length + ended.cancelled == requests.count && ended.failed == 0)
    }

    @Test(
        "The default model with its drafters, on each set of kernels",
        .enabled(if: DefaultModel.isAvailable, "\(DefaultModel.howToGet)"),
        arguments: CPUBackend.availableKernels)
    func defaultModel(kernels: String) async throws {
        var options = ModelOptions(contextLength: 256, threads: 2, kernels: kernels)
        options.registry.register(ShippedDrafters.all)
        let model = try Model.load(path: DefaultModel.path, options: options)
        var engineOptions = EngineOptions(slots: 5)
        engineOptions.drafters = ["rnn+lookup", "rnn", "medusa"]
        let engine = try Engine(model, engineOptions)
        let questions = [
            "Name three rivers.", "Count from one to twenty.", "Why is the sky blue?",
            "Write a haiku about rain.", "Name three rivers of Asia.", "What is 12 times 12?",
        ]
        try await checkDrafting(
            engine,
            EngineRequest(
                try model.prompt([ChatMessage(role: .user, content: questions[1])]).tokens,
                GenerationParameters(maximumTokens: 8)), model)
        #expect(engine.metrics.speculation.acceptedTokens > 0)
        let requests = try questions.enumerated().map { index, question in
            var sampling = SamplingParameters()
            if index % 2 == 1 { (sampling.temperature, sampling.seed) = (0.8, UInt64(index)) }
            return EngineRequest(
                try model.prompt([ChatMessage(role: .user, content: question)]).tokens,
                GenerationParameters(
                    maximumTokens: kernels == "portable" ? 8 : 24, sampling: sampling,
                    topLogProbabilities: index == 2 ? 3 : nil),
                drafter: engine.drafters[index % engine.drafters.count])
        }
        try await withThrowingTaskGroup(of: Void.self) { group in
            for request in requests {
                group.addTask {
                    let expected = try Seen(request, alone: model)
                    #expect(try await Seen(request, on: engine) == expected)
                }
            }
            try await group.waitForAll()
        }
    }
}
