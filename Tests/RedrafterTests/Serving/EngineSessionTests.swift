import RedrafterModels
import RedrafterServing
import RedrafterTesting
import Testing

@testable import Redrafter

@Suite struct EngineSessionTests {
    private func engine(
        _ directory: TemporaryDirectory, drafter: String = "lookup", gate: Gate = Gate()
    ) throws -> Engine {
        let path = try ToyModelFile().writeGGUF(to: directory.path)
        var options = EngineOptions(slots: 3)
        options.drafters = [drafter]
        var modelOptions = ModelOptions(contextLength: 128, threads: 1)
        modelOptions.registry = toyRegistry(gate)
        return try Engine(try Model.load(path: path, options: modelOptions), options)
    }

    @Test("Many conversations on one engine say what each would say with a cache of its own")
    func many() async throws {
        let directory = TemporaryDirectory()
        let engine = try engine(directory)
        let parameters = GenerationParameters(maximumTokens: 8)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for index in 0..<12 {
                group.addTask {
                    let shared = try EngineSession(engine, instructions: "be")
                    let alone = try Session(engine.model, instructions: "be")
                    for turn in ["ab", "ba \(index)", "b"] {
                        let got = try await shared.respond(to: turn, parameters)
                        let expected = try await alone.respond(to: turn, parameters)
                        #expect(got.tokens == expected.tokens && got.text == expected.text)
                        #expect(got.droppedTurns == expected.droppedTurns)
                    }
                    #expect(await shared.messages == alone.messages)
                }
            }
            try await group.waitForAll()
        }
    }

    @Test("Calls wait for each other; pieces of a stream add up to the answer")
    func order() async throws {
        let directory = TemporaryDirectory()
        let session = try EngineSession(try engine(directory))
        let parameters = GenerationParameters(maximumTokens: 6)
        async let first = session.respond(to: "a", parameters)
        async let second = session.respond(to: "b", parameters)
        _ = try await (first, second)
        #expect(await session.messages.count == 4)
        var text = ""
        for try await piece in session.streamResponse(to: "ab", parameters) { text += piece.text }
        #expect(await session.lastResponse?.text == text)
        await session.reset()
        #expect(await session.messages.isEmpty)
    }

    @Test("A cancelled answer is the text so far; an error leaves the conversation as it was")
    func cancelled() async throws {
        let directory = TemporaryDirectory()
        let gate = Gate()
        let engine = try engine(directory, drafter: "held", gate: gate)
        let session = try EngineSession(engine)
        let task = Task { try await session.respond(to: "ab", GenerationParameters(maximumTokens: 60)) }
        while engine.metrics.generatedTokens < 2 { try await Task.sleep(for: .milliseconds(1)) }
        task.cancel()
        gate.open()
        let result = try await task.value
        #expect(result.finishReason == .cancelled && !result.tokens.isEmpty)
        #expect(await session.messages.last?.content == result.text)
        let before = await session.messages
        await #expect(throws: EngineError.self) {
            try await session.respond(to: String(repeating: "ab ", count: 4000))
        }
        #expect(await session.messages == before)
    }
}
