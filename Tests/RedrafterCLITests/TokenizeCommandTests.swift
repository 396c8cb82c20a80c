import Foundation
import RedrafterFormats
import RedrafterTesting
import Testing

@Suite("redrafter tokenize and detokenize")
struct TokenizeCommandTests {
    private let folder = TemporaryDirectory()

    /// A GGUF file with a vocabulary and no tensor; what `change` does to it is done.
    private func vocabulary(_ change: (inout GGUFImage) -> Void = { _ in }) throws -> String {
        var image = ToyModelFile(type: .f16).gguf()
        image.tensors = []
        change(&image)
        let path = folder.file("vocabulary.gguf")
        try ToyModelFile.write(image.bytes, to: path)
        return path
    }

    @Test("ids of a text, separated by blanks, from a vocabulary without tensors")
    func ids() throws {
        let model = try vocabulary()
        let run = try Run(shell: "\"$R\" tokenize -m '\(model)' -p 'hell <|im_end|>'")
        #expect(run.code == 0 && run.errors.isEmpty, "\(run.errors)")
        #expect(run.output == "258 32 261\n" || run.output.hasPrefix("258 "), "\(run.output)")
        let ids = run.output.split(separator: " ")
        #expect(ids.last == "261\n")
    }

    @Test("without special tokens they are plain text, and nothing is put around it")
    func noSpecial() throws {
        let model = try vocabulary {
            $0.set("tokenizer.ggml.add_bos_token", type: 7, value: [1])
            $0.set("tokenizer.ggml.bos_token_id", type: 4, value: GGUFImage.encode(UInt32(260)))
        }
        let plain = try Run(shell: "\"$R\" tokenize -m '\(model)' -p 'he<|im_end|>' --no-special").output
        let special = try Run(shell: "\"$R\" tokenize -m '\(model)' -p 'he<|im_end|>'").output
        #expect(special == "260 256 261\n")
        #expect(plain.hasPrefix("256 ") && plain.split(separator: " ").count == 11)
    }

    @Test("--json gives every token's text, and bytes where it is none")
    func json() throws {
        let model = try vocabulary()
        let run = try Run(shell: "printf 'he\\303' | \"$R\" tokenize -m '\(model)' -p - --json")
        let json = try JSONValue(parsing: Array(run.output.utf8), path: "stdout")
        #expect(json["count"]?.integer == 2)
        let pieces = json["tokens"]?.array?.compactMap { $0["piece"] }
        #expect(pieces?.first == .string("he") && pieces?.last == .array([.integer(0xC3)]))
    }

    @Test("every byte of a file comes back", arguments: ["", "--no-special"])
    func roundTrip(flag: String) throws {
        let model = try vocabulary()
        let path = folder.file("text")
        var bytes = [UInt8](0...255)
        bytes += Array("hell\r\n\n <|im_start|> e\u{301}\u{E9} \0 \n".utf8)
        try ToyModelFile.write(bytes, to: path)
        let run = try Run(
            shell:
                "\"$R\" tokenize -m '\(model)' -f '\(path)' \(flag) | \"$R\" detokenize -m '\(model)' | cmp - '\(path)'"
        )
        #expect(run.code == 0, "\(run.output) \(run.errors)")
    }

    @Test("a folder with tokenizer.json alone is enough, in either command")
    func folderAlone() throws {
        try ToyModelFile.write(Array(ToyTokenizer.json.utf8), to: folder.file("tokenizer.json"))
        let run = try Run(
            shell:
                "\"$R\" tokenize -m '\(folder.path)' -p hell && \"$R\" detokenize -m '\(folder.path)' [258, 258]"
        )
        #expect(run.output == "258\nhellhell", "\(run.errors)")
    }

    @Test(
        "wrong use is named",
        arguments: [
            ("tokenize -m MODEL", 64, "no prompt was given"),
            ("tokenize -m MODEL -p a -f b", 64, "both -p and -f"),
            ("tokenize -m MODEL -f /nonexistent", 66, "/nonexistent"),
            ("tokenize -m /nonexistent -p x", 66, "no such file"),
            ("detokenize -m MODEL 263", 64, "token id is 263; allowed: 0 to 262"),
            ("detokenize -m MODEL x", 64, "token id is x"),
            ("detokenize -m MODEL -- -1", 64, "token id is -1"),
            ("detokenize -m MODEL 99999999999999999999", 64, "token id is 9999"),
            ("detokenize -m MODEL 1 -f x", 64, "both ids and -f"),
        ])
    func failure(arguments: String, code: Int32, says: String) throws {
        let run = try Run(shell: "\"$R\" " + arguments.replacing("MODEL", with: "'\(try vocabulary())'"))
        #expect(run.exited && run.code == code, "\(run.code): \(run.errors)")
        #expect(run.errors.contains(says) && run.output.isEmpty, "\(run.errors)")
    }

    @Test("a merge that is no pair is refused by inspect, convert and generate alike")
    func sharedValidation() throws {
        let path = folder.file("model.gguf")
        var image = ToyModelFile(type: .f16).gguf()
        image.set(
            "tokenizer.ggml.merges", type: 9,
            value: GGUFImage.encode(UInt32(8)) + GGUFImage.encode(UInt64(1))
                + GGUFImage.encode(string: "hell".utf8))
        try ToyModelFile.write(image.bytes, to: path)
        for command in [
            "inspect '\(path)'", "convert '\(path)' '\(folder.file("out.gguf"))' --type q8_0",
            "generate -m '\(path)' -p x -n 1", "tokenize -m '\(path)' -p x",
        ] {
            let run = try Run(shell: "\"$R\" \(command)")
            #expect(run.exited && run.code == 65, "\(command): \(run.code) \(run.errors)")
            #expect(run.errors.contains("tokenizer.ggml.merges[0]"), "\(command): \(run.errors)")
        }
        #expect(!FileManager.default.fileExists(atPath: folder.file("out.gguf")))
    }
}
