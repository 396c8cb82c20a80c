import RedrafterCore
import RedrafterModels
import RedrafterTesting
import Synchronization
import Testing

@testable import Redrafter

/// A toy model with a chat format, from a file.
private func chatModel(_ directory: TemporaryDirectory, contextLength: Int = 128) throws -> Model {
    let path = try ToyModelFile().writeGGUF(to: directory.path)
    return try Model.load(path: path, options: ModelOptions(contextLength: contextLength, threads: 1))
}

@Suite struct SessionTests {
    private let parameters = GenerationParameters(maximumTokens: 12)

    @Test("Pieces of a stream add up to the answer, which becomes a turn of the conversation")
    func stream() async throws {
        let directory = TemporaryDirectory()
        let session = try Session(try chatModel(directory), instructions: "be")
        var text = ""
        for try await piece in session.streamResponse(to: "ab", parameters) { text += piece.text }
        let response = try #require(await session.lastResponse)
        #expect(response.text == text)
        #expect(
            await session.messages == [
                ChatMessage(role: .system, content: "be"), ChatMessage(role: .user, content: "ab"),
                ChatMessage(role: .assistant, content: text),
            ])
    }

    @Test("A response equals the stream's, and reset forgets all but the instructions")
    func respond() async throws {
        let directory = TemporaryDirectory()
        let session = try Session(try chatModel(directory), instructions: "be")
        let first = try await session.respond(to: "ab", parameters)
        await session.reset()
        #expect(await session.messages.count == 1)
        let second = try await session.respond(to: "ab", parameters)
        #expect(first.tokens == second.tokens && first.text == second.text)
    }

    @Test("A conversation that does not fit is refused and stays as it was")
    func tooLong() async throws {
        let directory = TemporaryDirectory()
        let session = try Session(try chatModel(directory, contextLength: 32))
        let before = await session.messages
        await #expect(throws: RedrafterError.self) {
            try await session.respond(to: String(repeating: "ab ", count: 40), parameters)
        }
        #expect(await session.messages == before)
        for try await _ in session.streamResponse(to: "a", GenerationParameters(maximumTokens: 2)) {}
        #expect(await session.messages.count == before.count + 2)
    }

    @Test("A conversation that outgrows the context goes on without its oldest turns, and says how many")
    func outgrown() async throws {
        let directory = TemporaryDirectory()
        let session = try Session(try chatModel(directory), instructions: "be")
        let parameters = GenerationParameters(maximumTokens: 4)
        var dropped = 0
        for turn in 0..<8 {
            let response = try await session.respond(to: "question number \(turn)", parameters)
            #expect(response.promptTokens + response.tokens.count <= 128)
            dropped += response.droppedTurns
            let messages = await session.messages
            #expect(messages.first == ChatMessage(role: .system, content: "be"))
            #expect(messages.count == 1 + 2 * (turn + 1 - dropped))
            #expect(messages[messages.count - 2].content == "question number \(turn)")
        }
        #expect(dropped > 0)
        let streamed = session.streamResponse(to: String(repeating: "a", count: 60), parameters)
        for try await _ in streamed {}
        #expect((await session.lastResponse?.droppedTurns ?? 0) > 0)
    }

    @Test("Dropping a stream ends the answer within one step")
    func dropped() async throws {
        let directory = TemporaryDirectory()
        let session = try Session(try chatModel(directory), speculation: .none)
        let parameters = GenerationParameters(maximumTokens: 90)
        for try await _ in session.streamResponse(to: "ab", parameters) { break }
        // The next call waits for the dropped one to end.
        await session.reset()
        let dropped = try #require(await session.lastResponse)
        #expect(dropped.finishReason == .cancelled || dropped.tokens.count == 90)
        let whole = try await session.respond(to: "ab", parameters)
        #expect(whole.tokens.starts(with: dropped.tokens))
    }

    @Test("A cancelled task gets the text so far")
    func cancelled() async throws {
        let directory = TemporaryDirectory()
        let session = try Session(try chatModel(directory))
        let task = Task { try await session.respond(to: "ab", GenerationParameters(maximumTokens: 90)) }
        task.cancel()
        let response = try await task.value
        #expect(response.finishReason == .cancelled || response.tokens.count == 90)
    }
}
