import RedrafterFormats
import RedrafterModels
import RedrafterTesting
import Testing

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// The cases of Hugging Face `tokenizers` for the default model; see Fixtures/SOURCES.md.
@Suite("Tokenizer of the default model", .enabled(if: DefaultModel.isAvailable, "\(DefaultModel.howToGet)"))
struct TokenizerCasesTests {
    private struct Case: Decodable {
        var id: String
        var text: String
        var ids: [Int32]
        var decodes_to_text: Bool
    }

    private func allCases() throws -> [Case] {
        let path = #filePath.replacing("TokenizerCasesTests.swift", with: "Fixtures/tokenizer_cases.jsonl")
        let lines = try Data(contentsOf: URL(filePath: path)).split(separator: UInt8(ascii: "\n"))
        return try lines.map { try JSONDecoder().decode(Case.self, from: $0) }
    }

    private func tokenizer() throws -> Tokenizer {
        Tokenizer(try TokenizerDefinition(try GGUFFile(path: DefaultModel.path)))
    }

    @Test("Every case encodes to the ids of Hugging Face and decodes to its bytes")
    func everyCase() throws {
        let tokenizer = try tokenizer()
        let cases = try allCases()
        #expect(cases.count == 3208)
        var wrong = 0
        for item in cases {
            let ids = tokenizer.encode(item.text, parseSpecial: true)
            if ids != item.ids {
                wrong += 1
                if wrong <= 5 {
                    Issue.record("\(item.id): \(item.text.debugDescription) gave \(ids), not \(item.ids)")
                }
            }
            if item.decodes_to_text {
                #expect(
                    tokenizer.decode(item.ids, includingControl: true) == Array(item.text.utf8), "\(item.id)")
            }
        }
        #expect(wrong == 0)
    }

    @Test("A stream of tokens gives whole characters that join to the whole text")
    func streaming() throws {
        let tokenizer = try tokenizer()
        for item in try allCases() {
            var decoder = TextDecoder(tokenizer)
            var text = ""
            for token in item.ids {
                let piece = decoder.append(token)
                if item.decodes_to_text {
                    #expect(!piece.unicodeScalars.contains("\u{FFFD}") || item.text.contains("\u{FFFD}"))
                }
                text += piece
            }
            text += decoder.flush()
            #expect(text == String(decoding: tokenizer.decode(item.ids), as: UTF8.self), "\(item.id)")
        }
    }

    @Test("A mebibyte of one character takes linear time", arguments: ["a", " ", ".", "中", "é", "1"])
    func linearTime(character: String) throws {
        let tokenizer = try tokenizer()
        let text = String(repeating: character, count: (1 << 20) / character.utf8.count)
        let (tokens, time) = withProcessorTime { tokenizer.encode(text, parseSpecial: true) }
        #expect(time < .seconds(2))
        #expect(tokenizer.decode(tokens) == Array(text.utf8))
    }

    @Test("Bytes without a token are dropped and counted, all others come back")
    func everyByte() throws {
        let tokenizer = try tokenizer()
        var dropped = [UInt8]()
        for byte in UInt8.min...UInt8.max {
            let encoding = tokenizer.encode(bytes: [byte], parseSpecial: false)
            if encoding.droppedBytes == 1 { dropped.append(byte) }
            #expect(tokenizer.decode(encoding.tokens) == (encoding.droppedBytes == 1 ? [] : [byte]))
        }
        #expect(!dropped.contains { $0 < 128 && $0 >= 32 })
        #expect(!dropped.isEmpty, "this vocabulary lacks tokens for some bytes")
    }

    @Test("Special tokens in plain text stay text")
    func specialText() throws {
        let tokenizer = try tokenizer()
        let text = "<|im_start|>user"
        let plain = tokenizer.encode(text, parseSpecial: false)
        #expect(tokenizer.decode(plain) == Array(text.utf8))
        #expect(!plain.contains { tokenizer.isControl($0) })
        #expect(tokenizer.encode(text, parseSpecial: true).first == 1)
    }
}
