import RedrafterFormats
import RedrafterTesting
import Testing

@testable import RedrafterModels

@Suite("Malformed tokenizers in GGUF files")
struct MalformedTokenizerGGUFTests {
    typealias Case = TokenizerDamage<GGUFImage>

    private static let prefix = "tokenizer.ggml."

    private static func string(_ key: String, _ value: String) -> @Sendable (inout GGUFImage) -> Void {
        { $0.set(prefix + key, type: 8, value: GGUFImage.encode(string: value.utf8)) }
    }

    private static func strings(_ key: String, _ values: [String]) -> @Sendable (inout GGUFImage) -> Void {
        { $0.replace(GGUFImage.strings(prefix + key, values.map { Array($0.utf8) })) }
    }

    private static func number(_ key: String, _ value: UInt32) -> @Sendable (inout GGUFImage) -> Void {
        { $0.replace(GGUFImage.uint32(prefix + key, value)) }
    }

    private static func removed(_ key: String) -> @Sendable (inout GGUFImage) -> Void {
        { image in image.pairs.removeAll { $0.key.elementsEqual((prefix + key).utf8) } }
    }

    static let kinds: [Case] = [
        Case("no tokenizer", "tokenizer.ggml.model", removed("model")),
        Case("unknown model", "\"bert\"", string("model", "bert")),
        Case("model as number", "tokenizer.ggml.model", number("model", 1)),
        Case("unknown pre-tokenizer", "\\x1b[2J", string("pre", "\u{1b}[2J")),
        Case("WordPiece", "WordPiece", string("model", "bert")),
        Case("Unigram", "Unigram", string("model", "t5")),
    ]

    static let tokens: [Case] = [
        Case("no tokens", "tokenizer.ggml.tokens", removed("tokens")),
        Case("no token", "at least one token", strings("tokens", [])),
        Case("tokens as numbers", "tokenizer.ggml.tokens") {
            $0.replace(GGUFImage.int32s(prefix + "tokens", [1, 2]))
        },
        Case(
            "a token twice", "as token 0 has",
            strings("tokens", ["a", "a"] + ToyTokenizer.tokens.dropFirst(2))),
        Case("fewer kinds than tokens", "263 entries") {
            $0.replace(GGUFImage.int32s(prefix + "token_type", [Int32](repeating: 1, count: 262)))
        },
        Case("more kinds than tokens", "entries") {
            $0.replace(GGUFImage.int32s(prefix + "token_type", [Int32](repeating: 1, count: 5000)))
        },
        Case("kind 0", "token types from 1 to 6") {
            $0.replace(
                GGUFImage.int32s(
                    prefix + "token_type", [Int32](repeating: 0, count: ToyTokenizer.tokens.count)))
        },
        Case("kind -1", "token types from 1 to 6") {
            $0.replace(
                GGUFImage.int32s(
                    prefix + "token_type", [Int32](repeating: -1, count: ToyTokenizer.tokens.count)))
        },
        Case("kinds as strings", "token_type", strings("token_type", ["1"])),
        Case("kinds of another width", "an array of i32") {
            $0.set(
                prefix + "token_type", type: 9,
                value: GGUFImage.encode(UInt32(10)) + GGUFImage.encode(UInt64(1))
                    + [UInt8](repeating: 1, count: 8))
        },
        Case("scores of whole 16-bit numbers", "an array of f32 or i32") {
            $0.set(
                prefix + "scores", type: 9,
                value: GGUFImage.encode(UInt32(3)) + GGUFImage.encode(UInt64(1)) + [1, 0])
        },
        Case("an unused token spelled as another", "as token 0 has") {
            var names = ToyTokenizer.tokens
            names[names.count - 1] = names[0]
            $0.replace(GGUFImage.strings(prefix + "tokens", names.map { Array($0.utf8) }))
        },
    ]

    static let merges: [Case] = [
        Case("no merges", "tokenizer.ggml.merges", removed("merges")),
        Case("merge without a space", "one space", strings("merges", ["he"])),
        Case("merge with two spaces", "one space", strings("merges", ["h  e"])),
        Case("merge of three", "one space", strings("merges", ["h e l"])),
        Case("empty half", "one space", strings("merges", [" e"])),
        Case("empty other half", "one space", strings("merges", ["h "])),
        Case("empty merge", "one space", strings("merges", [""])),
        Case("half that is no token", "pieces that are tokens", strings("merges", ["h hex"])),
        Case("result that is no token", "pieces that are tokens", strings("merges", ["e h"])),
        Case("control token as half", "pieces that are tokens", strings("merges", ["h <|im_end|>"])),
    ]

    static let special: [Case] =
        ["bos", "eos", "unknown", "padding", "eot", "eom"].flatMap { name in
            let key = name + "_token_id"
            return [
                Case("\(name) = vocabulary", key, number(key, UInt32(ToyTokenizer.tokens.count))),
                Case("\(name) = 2^32 - 1", key, number(key, .max)),
                Case("\(name) = -1", key) {
                    $0.set(prefix + key, type: 5, value: GGUFImage.encode(Int32(-1)))
                },
                Case("\(name) as string", key, string(key, "1")),
            ]
        } + [
            Case("BOS wanted, none there", "bos_token_id") {
                removed("bos_token_id")(&$0)
                $0.replace(GGUFImage.bool(prefix + "add_bos_token", true))
            },
            Case("EOS wanted, none there", "eos_token_id") {
                removed("eos_token_id")(&$0)
                $0.replace(GGUFImage.bool(prefix + "add_eos_token", true))
            },
            Case("template as number", "chat_template") {
                $0.replace(GGUFImage.uint32("tokenizer.chat_template", 3))
            },
        ]

    static let scores: [Case] = [
        Case("no scores", "scores") { $0.makeSentencePiece(scores: nil) },
        Case("too few scores", "scores") { $0.makeSentencePiece(scores: [0]) },
        Case("too many scores", "scores") {
            $0.makeSentencePiece(scores: [Float](repeating: 0, count: ToyTokenizer.tokens.count + 1))
        },
        Case("NaN scores", "NaN") {
            $0.makeSentencePiece(scores: [Float](repeating: .nan, count: ToyTokenizer.tokens.count))
        },
        Case("scores as bytes", "scores") {
            $0.makeSentencePiece(scores: nil)
            let count = ToyTokenizer.tokens.count
            $0.set(
                prefix + "scores", type: 9,
                value: GGUFImage.encode(UInt32(0)) + GGUFImage.encode(UInt64(count))
                    + [UInt8](repeating: 0, count: count))
        },
    ]

    @Test(
        "Each is refused, naming the key",
        arguments: [kinds, tokens, merges, special, scores].flatMap { $0 })
    func refused(damage: Case) {
        var image = ToyModelFile(type: .f16).gguf()
        damage.apply(&image)
        expectRefusal(damage.text) { _ = try Self.tokenizer(image) }
    }

    @Test("Infinite scores, equal scores and a long token take no long time")
    func scoresAccepted() throws {
        let count = ToyTokenizer.tokens.count
        for score in [Float.infinity, -Float.infinity, 0] {
            var image = ToyModelFile(type: .f16).gguf()
            image.makeSentencePiece(scores: [Float](repeating: score, count: count))
            #expect(try !Self.tokenizer(image).encode("hello", parseSpecial: true).isEmpty)
            var tokens = ToyTokenizer.tokens
            tokens[100] = String(repeating: "he", count: 1 << 19)
            image.replace(GGUFImage.strings(Self.prefix + "tokens", tokens.map { Array($0.utf8) }))
            let (encoding, time) = try withProcessorTime {
                try Self.tokenizer(image).encode("hello", parseSpecial: true)
            }
            #expect(time < .seconds(2) && !encoding.isEmpty)
        }
    }

    @Test("More tokens than rows of the embedding are refused")
    func rows() throws {
        let image = ToyModelFile(type: .f16).gguf()
        let file = try ggufFile(image.bytes)
        expectRefusal("at most 10 tokens") { _ = try TokenizerDefinition(file, vocabularySize: 10) }
        #expect(try TokenizerDefinition(file, vocabularySize: 300).tokens.count == ToyTokenizer.tokens.count)
    }

    @Test("Without a name of a pre-tokenizer, the default one of llama.cpp is taken")
    func defaultPreTokenizer() throws {
        var image = ToyModelFile(type: .f16).gguf()
        Self.removed("pre")(&image)
        #expect(try Self.tokenizer(image).encode("hell.", parseSpecial: true).first == 258)
    }

    @Test("Every name that is known gives a tokenizer", arguments: GGUFPreTokenizer.all.flatMap(\.names))
    func knownNames(name: String) throws {
        var image = ToyModelFile(type: .f16).gguf()
        Self.string("pre", name)(&image)
        let tokenizer = try Self.tokenizer(image)
        let text = Array("Hello 12345, it's\n\n  a   \u{E9}\u{4E2D}!".utf8)
        let encoding = tokenizer.encode(bytes: text, parseSpecial: false)
        if tokenizer.definition.model == .byteLevelBPE { #expect(tokenizer.decode(encoding.tokens) == text) }
    }

    @Test("Odd tokens neither trap nor stop the others: empty, one mebibyte, outside the alphabet")
    func oddTokens() throws {
        var tokens = ToyTokenizer.tokens
        tokens[200] = ""
        tokens[201] = String(repeating: "é", count: 1 << 19)
        tokens[202] = "中 文\n"
        var image = ToyModelFile(type: .f16).gguf()
        image.replace(GGUFImage.strings(Self.prefix + "tokens", tokens.map { Array($0.utf8) }))
        let tokenizer = try Self.tokenizer(image)
        #expect(tokenizer.encode("hell", parseSpecial: true) == [258])
        #expect(tokenizer.decode([258, 200]) == Array("hell".utf8))
    }

    static func tokenizer(_ image: GGUFImage) throws -> Tokenizer {
        Tokenizer(try TokenizerDefinition(try ggufFile(image.bytes)))
    }
}

extension GGUFImage {
    /// Puts the pair in the place of the one with its key, or behind all.
    fileprivate mutating func replace(_ pair: Pair) {
        set(String(decoding: pair.key, as: UTF8.self), type: pair.type, value: pair.value)
    }

    /// Turns the toy tokenizer into one of SentencePiece's kind.
    fileprivate mutating func makeSentencePiece(scores: [Float]?) {
        replace(GGUFImage.string("tokenizer.ggml.model", "llama"))
        guard let scores else { return }
        set(
            "tokenizer.ggml.scores", type: 9,
            value: GGUFImage.encode(UInt32(6)) + GGUFImage.encode(UInt64(scores.count))
                + scores.flatMap { GGUFImage.encode($0.bitPattern) })
    }
}
