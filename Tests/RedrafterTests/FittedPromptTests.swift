import Redrafter
import RedrafterModels
import RedrafterTesting
import Testing

@Suite struct FittedPromptTests {
    private let model: Model

    init() throws {
        let directory = TemporaryDirectory()
        let path = directory.file("toy.gguf")
        try ToyModelFile.write(ToyModelFile().gguf().bytes, to: path)
        model = try Model.load(path: path)
    }

    private func conversation(turns: Int) -> [ChatMessage] {
        [ChatMessage(role: .system, content: "sys")]
            + (0..<turns).flatMap { turn in
                [
                    ChatMessage(role: .user, content: "question \(turn)"),
                    ChatMessage(role: .assistant, content: "answer \(turn)"),
                ]
            } + [ChatMessage(role: .user, content: "last")]
    }

    @Test("No more turns are dropped than needed, oldest first; system message and last question stay")
    func dropsOldest() throws {
        for answerTokens in [1, 20, 40, 60] {
            for turns in 0..<8 {
                let messages = conversation(turns: turns)
                let fitted = try model.prompt(fitting: messages, answerTokens: answerTokens)
                #expect(fitted.messages == [messages[0]] + messages[(1 + 2 * fitted.droppedTurns)...])
                #expect(fitted.encoding == (try model.prompt(fitted.messages)))
                #expect(fitted.encoding.tokens.count + answerTokens <= model.contextLength)
                if fitted.droppedTurns > 0 {
                    let before = [messages[0]] + messages[(2 * fitted.droppedTurns - 1)...]
                    #expect(try model.prompt(before).tokens.count + answerTokens > model.contextLength)
                }
            }
        }
    }

    @Test("The last question alone may leave room for one token, and is refused where it does not")
    func lastQuestion() throws {
        func question(_ length: Int) -> [ChatMessage] {
            conversation(turns: 2).dropLast()
                + [ChatMessage(role: .user, content: String(repeating: "x", count: length))]
        }
        let frame = try model.prompt([conversation(turns: 0)[0], ChatMessage(role: .user, content: "")])
            .tokens.count
        let longest = model.contextLength - frame - 1
        let fitted = try model.prompt(fitting: question(longest), answerTokens: 50)
        #expect(fitted.droppedTurns == 2 && fitted.encoding.tokens.count == model.contextLength - 1)
        #expect(
            throws: RedrafterError.promptTooLong(
                tokens: model.contextLength, contextLength: model.contextLength)
        ) {
            try model.prompt(fitting: question(longest + 1), answerTokens: 1)
        }
    }
}
