import RedrafterFormats
import RedrafterModels
import RedrafterTesting
import Testing

/// Files of Fixtures, read with the project's own JSON.
enum TokenizerFixtures {
    static let names = ["gpt2", "smollm", "llama3", "qwen2", "llama2", "mistral", "metaspace"]
    static let folder = #filePath.replacing("TokenizerFixturesTests.swift", with: "Fixtures/")

    static func json(_ path: String) throws -> JSONValue { try JSONValue(path: folder + path) }

    static func definition(_ name: String) throws -> TokenizerDefinition {
        try TokenizerDefinition(
            tokenizer: try json("Tokenizers/\(name).tokenizer.json"), configuration: nil, file: name)
    }

    static func texts() throws -> [String] {
        try #require(json("Tokenizers/texts.json").array).map { try #require($0.string) }
    }
}

/// Small tokenizers with the construction of model families; ids are those of Hugging Face `tokenizers`.
@Suite("Tokenizers from tokenizer.json")
struct TokenizerFixturesTests {
    @Test("every text has the ids of Hugging Face", arguments: TokenizerFixtures.names)
    func encodes(name: String) throws {
        let tokenizer = Tokenizer(try TokenizerFixtures.definition(name))
        let texts = try TokenizerFixtures.texts()
        let expected = try #require(TokenizerFixtures.json("Tokenizers/\(name).ids.json")["ids"]?.array)
        #expect(texts.count == expected.count && texts.count > 180)
        for (text, ids) in zip(texts, expected) {
            let tokens = tokenizer.encode(text, parseSpecial: true)
            #expect(
                tokens.map(Int.init) == ids.array?.compactMap(\.integer), "\(name): \(text.debugDescription)")
        }
    }

    @Test("tokens decode as Hugging Face decodes them", arguments: TokenizerFixtures.names)
    func decodes(name: String) throws {
        let tokenizer = Tokenizer(try TokenizerFixtures.definition(name))
        let cases = try TokenizerFixtures.json("Tokenizers/\(name).ids.json")
        let ids = try #require(cases["ids"]?.array)
        let decoded = try #require(cases["decoded"]?.array)
        for (index, text) in try TokenizerFixtures.texts().enumerated() {
            let tokens = try #require(ids[index].array).compactMap(\.integer).map { Int32($0) }
            let bytes = tokenizer.decode(tokens, includingControl: true)
            let expected = decoded[index].string ?? text
            #expect(
                Array(String(decoding: bytes, as: UTF8.self).utf8) == Array(expected.utf8), "\(name): \(text)"
            )
        }
    }

    @Test("a prompt begins as the post-processor says", arguments: TokenizerFixtures.names)
    func prompt(name: String) throws {
        let tokenizer = Tokenizer(try TokenizerFixtures.definition(name))
        let expected = try TokenizerFixtures.json("Tokenizers/\(name).ids.json")["with_special"]?.array
        #expect(tokenizer.encodePrompt("a b").tokens.map(Int.init) == expected?.compactMap(\.integer))
    }

    @Test("a stream of tokens joins to the decoded text", arguments: TokenizerFixtures.names)
    func streams(name: String) throws {
        let tokenizer = Tokenizer(try TokenizerFixtures.definition(name))
        for text in try TokenizerFixtures.texts() {
            let tokens = tokenizer.encode(text, parseSpecial: true)
            var decoder = TextDecoder(tokenizer, startsText: true)
            let pieces = tokens.map { decoder.append($0) } + [decoder.flush()]
            #expect(pieces.joined() == String(decoding: tokenizer.decode(tokens), as: UTF8.self))
        }
    }

    @Test("random bytes come back where every byte has a token", arguments: ["gpt2", "smollm", "llama3"])
    func randomBytes(name: String) throws {
        let tokenizer = Tokenizer(try TokenizerFixtures.definition(name))
        var random = Mutations(seed: 11)
        for _ in 0..<300 {
            let bytes = (0..<random.below(64)).map { _ in UInt8(truncatingIfNeeded: random.next()) }
            let encoding = tokenizer.encode(bytes: bytes, parseSpecial: false)
            #expect(encoding.droppedBytes == 0)
            #expect(tokenizer.decode(encoding.tokens, includingControl: true) == bytes)
        }
    }

    @Test("SentencePiece gives back bytes that are no UTF-8")
    func invalidBytes() throws {
        let tokenizer = Tokenizer(try TokenizerFixtures.definition("llama2"))
        let bytes: [UInt8] = [0xFF, 0x41, 0xC3, 0x20, 0xE2, 0x96, 0xED, 0xA0, 0x80]
        let encoding = tokenizer.encode(bytes: bytes, parseSpecial: false)
        #expect(tokenizer.decode(encoding.tokens) == bytes)
    }

    @Test(
        "a mebibyte of one character takes linear time",
        arguments: TokenizerFixtures.names, ["a", " ", ".", "中", "\n", "<", "e\u{301}"])
    func linearTime(name: String, character: String) throws {
        let tokenizer = Tokenizer(try TokenizerFixtures.definition(name))
        let bytes = [UInt8](String(repeating: character, count: (1 << 20) / character.utf8.count).utf8)
        let (encoding, time) = withProcessorTime { tokenizer.encode(bytes: bytes, parseSpecial: true) }
        #expect(time < .seconds(4) && !encoding.tokens.isEmpty)
    }

    @Test("an incomplete character waits, an impossible one is shown at once")
    func streamedBytes() throws {
        var definition = TokenizerDefinition(
            file: "toy", model: .byteLevelBPE, tokens: [], kinds: [], merges: [])
        for byte in UInt8.min...UInt8.max {
            definition.tokens.append([byte])
            definition.kinds.append(.normal)
        }
        var decoder = TextDecoder(Tokenizer(definition))
        #expect([0xF0, 0x9F, 0x98, 0x80].map { decoder.append($0) } == ["", "", "", "😀"])
        #expect([0xE0, 0x80, 0x41].map { decoder.append($0) } == ["", "\u{FFFD}\u{FFFD}", "A"])
        #expect([0xED, 0xA0].map { decoder.append($0) } == ["", "\u{FFFD}\u{FFFD}"])
        #expect(decoder.append(0xC3).isEmpty && decoder.flush() == "\u{FFFD}" && decoder.flush().isEmpty)
        #expect(decoder.append(-1).isEmpty && decoder.append(9999).isEmpty)
    }
}
