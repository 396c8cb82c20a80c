import Foundation
import RedrafterTesting
import Testing

/// The toy model has a token for every byte and a context of 128.
@Suite struct ChatTests {
    private let directory = TemporaryDirectory()

    private func chat(_ lines: [String], _ arguments: String) throws -> Run {
        let model = directory.file("toy.gguf")
        try ToyModelFile.write(ToyModelFile().gguf().bytes, to: model)
        try Data(lines.map { $0 + "\n" }.joined().utf8).write(to: URL(filePath: directory.file("lines")))
        return try Run(
            shell: "\"$R\" chat -m '\(model)' \(arguments) --json < '\(directory.file("lines"))'")
    }

    private func answers(_ run: Run) throws -> [[String: Any]] {
        try run.output.split(separator: "\n").map {
            try #require(try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any])
        }
    }

    @Test("A full context drops the oldest turns, says how many, and goes on")
    func dropsTurns() throws {
        let run = try chat((0..<6).map { "question number \($0)" }, "-c 128 -n 4 --system 'Be brief.'")
        #expect(run.code == 0, "\(run.errors)")
        #expect(
            run.errors.contains("the context of 128 tokens is full: dropped the oldest turn"), "\(run.errors)"
        )
        let answers = try answers(run)
        #expect(answers.count == 6)
        for answer in answers {
            let usage = try #require(answer["usage"] as? [String: Int])
            #expect((usage["total_tokens"] ?? .max) <= 128)
        }
    }

    @Test("A question that is too long by itself is an error with both numbers")
    func tooLong() throws {
        let run = try chat(["short", String(repeating: "x", count: 200)], "-c 64 -n 4")
        #expect(run.code == 64)
        #expect(run.errors.contains("the context holds 64"), "\(run.errors)")
        #expect(try answers(run).count == 1)
    }

    @Test("An answer that fills the context says what comes next")
    func fullDuringAnswer() throws {
        let run = try chat(["hello", "again"], "-c 64")
        #expect(run.code == 0, "\(run.errors)")
        if try answers(run)[0]["finish_reason"] as? String == "length" {
            #expect(run.errors.contains("the answer ends here"), "\(run.errors)")
            #expect(run.errors.contains("dropped the oldest turn"), "\(run.errors)")
        }
    }

    @Test("A model without a chat format is refused with a remedy that the command has")
    func noTemplate() throws {
        let model = directory.file("plain.gguf")
        var image = ToyModelFile().gguf()
        image.pairs.removeAll { $0.key == Array("tokenizer.chat_template".utf8) }
        try ToyModelFile.write(image.bytes, to: model)
        for (command, hint) in [
            (
                "chat -p ab",
                "hint: pass --chat-template NAME if you know the format; 'redrafter generate --no-chat-template' continues "
                    + "plain text\n"
            ),
            (
                "generate -p ab",
                "hint: pass --chat-template NAME if you know the format, or --no-chat-template to continue plain text\n"
            ),
        ] {
            let run = try Run(shell: "\"$R\" \(command) -m '\(model)'")
            #expect(
                run.code == 65 && run.errors.contains("the model has no chat template\n"), "\(run.errors)")
            #expect(run.errors.hasSuffix(hint), "\(run.errors)")
        }
    }
}
