import RedrafterFormats
import RedrafterTesting
import Testing

@testable import RedrafterModels

/// One way to damage a tokenizer and a part of what must be said of it.
struct TokenizerDamage<Image>: Sendable, CustomTestStringConvertible {
    var name: String
    var text: String
    var apply: @Sendable (inout Image) -> Void

    init(_ name: String, _ text: String, _ apply: @escaping @Sendable (inout Image) -> Void) {
        self.name = name
        self.text = text
        self.apply = apply
    }

    var testDescription: String { name }
}

/// Expects bad data, said on one line without control characters that holds `text`.
private func expectRefusal(_ text: String, _ body: () throws -> Void) {
    do {
        try body()
        Issue.record("accepted; expected \(text.debugDescription)")
    } catch let error as TokenizerError {
        #expect(error.isOfContent)
        #expect(text.isEmpty || error.description.contains(text), "said: \(error)")
        #expect(!error.description.unicodeScalars.contains { $0.value < 0x20 || $0.value == 0x7F })
    } catch let error as FormatError {
        #expect(error.isOfContent)
        #expect(text.isEmpty || error.description.contains(text), "said: \(error)")
    } catch {
        Issue.record(error)
    }
}

@Suite("Malformed tokenizer.json")
struct MalformedTokenizerJSONTests {
    typealias Case = TokenizerDamage<TokenizerJSON>

    static let vocabulary: [Case] = [
        (#"{}"#, "model.vocab"), ("[]", "model.vocab"), ("null", "model.vocab"),
        (#"{"a":-1}"#, "an id below"), (#"{"a":1.0}"#, "an id below"), (#"{"a":"0"}"#, "an id below"),
        (#"{"a":0,"b":0}"#, "an id of its own"), (#"{"a":0,"a":1}"#, "duplicate"),
        (#"{"a":4294967296}"#, "an id below"), (#"{"a":9223372036854775807}"#, "an id below"),
        (#"{"a":100000}"#, "an id below"), (#"{"a\u001b[2J":-1}"#, "\\x1b[2J"),
        (#"{"a":0,"b":1,"ab":2,"Ġ":3}"#, "model.merges[1]"),
    ].map { json, text in Case("vocabulary \(json)", text) { $0.vocabulary = json } }

    static let merges: [Case] = [
        ("null", "model.merges"), ("{}", "model.merges"), (#"["ab"]"#, "one space"),
        (#"["a  b"]"#, "one space"), (#"["a b c"]"#, "one space"), (#"[" b"]"#, "one space"),
        (#"["a "]"#, "one space"), (#"[""]"#, "one space"), ("[1]", "model.merges[0]"),
        (#"[["a"]]"#, "model.merges[0]"), (#"[["a","b","c"]]"#, "model.merges[0]"),
        (#"[["","ab"]]"#, "pieces that are tokens"), (#"[["a",1]]"#, "model.merges[0]"),
        (#"["a x"]"#, "pieces that are tokens"), (#"["b a"]"#, "pieces that are tokens"),
    ].map { json, text in Case("merges \(json)", text) { $0.merges = json } }

    static let added: [Case] = [
        ("{}", "added_tokens"), (#"[{"id":5}]"#, "added_tokens[0].content"),
        (#"[{"content":"x"}]"#, "added_tokens[0].id"), (#"[{"id":-1,"content":"x"}]"#, "added_tokens[0].id"),
        (#"[{"id":1000000,"content":"x"}]"#, "added_tokens[0].id"),
        (#"[{"id":0,"content":"x"}]"#, "an id and a content of its own"),
        (#"[{"id":5,"content":"a"}]"#, "the id in model.vocab"),
        (#"[{"id":5,"content":"x"},{"id":6,"content":"x"}]"#, "an id and a content of its own"),
        (#"[{"id":5,"content":"x"},{"id":5,"content":"y"}]"#, "an id and a content of its own"),
        (#"[{"id":5,"content":"x","lstrip":1}]"#, "added_tokens[0].lstrip"),
        (#"[1]"#, "added_tokens[0]"),
        (#"[{"id":5,"content":""# + String(repeating: "x", count: 2000) + #""}]"#, "at most 1024 bytes"),
    ].map { json, text in Case("added tokens \(json.prefix(60))", text) { $0.added = json } }

    static let constructs: [Case] = [
        Case("WordPiece", "WordPiece") { $0.type = #""WordPiece""# },
        Case("Unigram", "Unigram") { $0.type = #""Unigram""# },
        Case("dropout", "dropout") { $0.model = #""dropout":0.1,"# },
        Case("prefix of continuing pieces", "continuing_subword_prefix") {
            $0.model = #""continuing_subword_prefix":"@@","#
        },
        Case("suffix of last pieces", "end_of_word_suffix") { $0.model = #""end_of_word_suffix":"</w>","# },
        Case("unknown token that is none", "model.unk_token") { $0.model = #""unk_token":"<unk>","# },
        Case("flag that is a number", "ignore_merges") { $0.model = #""ignore_merges":1,"# },
        Case("Bert's normalizer", "BertNormalizer") { $0.normalizer = #"{"type":"BertNormalizer"}"# },
        Case("a table of characters", "Precompiled") {
            $0.normalizer = #"{"type":"Precompiled","precompiled_charsmap":""}"#
        },
        Case("a part of a normalizer", "normalizer.normalizers[1] of type Wide") {
            $0.normalizer = #"{"type":"Sequence","normalizers":[{"type":"NFC"},{"type":"Wide"}]}"#
        },
        Case("an empty string replaced", "empty string") {
            $0.normalizer = #"{"type":"Replace","pattern":{"String":""},"content":"a"}"#
        },
        Case("normalizer without type", "normalizer") { $0.normalizer = "{}" },
        Case("normalizers that are no list", "normalizers") {
            $0.normalizer = #"{"type":"Sequence","normalizers":3}"#
        },
        Case("no pre-tokenizer beside a byte-level decoder", "decoder of type ByteLevel") {
            $0.preTokenizer = "null"
        },
        Case("pre-tokenizer by scripts", "UnicodeScripts") {
            $0.preTokenizer = #"{"type":"UnicodeScripts"}"#
        },
        Case("a step behind ByteLevel", "behind ByteLevel") {
            $0.preTokenizer =
                #"{"type":"Sequence","pretokenizers":[{"type":"ByteLevel"},{"type":"Whitespace"}]}"#
        },
        Case("a flag that is none", "pre_tokenizer.use_regex") {
            $0.preTokenizer = #"{"type":"ByteLevel","use_regex":1}"#
        },
        Case("a reference to a group", "at character 4") {
            $0.preTokenizer =
                #"{"type":"Split","pattern":{"Regex":"(a)\\1"},"behavior":"Isolated","invert":false}"#
        },
        Case("a pattern that is none", "a group without end") {
            $0.preTokenizer = #"{"type":"Split","pattern":{"Regex":"(a"},"behavior":"Isolated"}"#
        },
        Case("an unknown behaviour", "pre_tokenizer.behavior") {
            $0.preTokenizer = #"{"type":"Split","pattern":{"Regex":"a"},"behavior":"Dropped"}"#
        },
        Case("a split without pattern", "pre_tokenizer.pattern") {
            $0.preTokenizer = #"{"type":"Split","behavior":"Isolated"}"#
        },
        Case("pieces of no length", "pre_tokenizer.length") {
            $0.preTokenizer = #"{"type":"FixedLength","length":0}"#
        },
        Case("no decoder", "without decoder") { $0.decoder = "null" },
        Case("another decoder", "WordPiece") { $0.decoder = #"{"type":"WordPiece"}"# },
        Case("another post-processor", "post_processor of type Other") {
            $0.postProcessor = #"{"type":"Other"}"#
        },
        Case("a token around texts that is none", "post_processor.single") {
            $0.postProcessor =
                #"{"type":"TemplateProcessing","single":[{"SpecialToken":{"id":"<none>"}},{"Sequence":{"id":"A"}}]}"#
        },
        Case("an id around texts that no token has", "a token of the vocabulary, got 99") {
            $0.postProcessor =
                #"{"type":"TemplateProcessing","single":[{"SpecialToken":{"id":"<s>"}},{"Sequence":{"id":"A"}}],"special_tokens":{"<s>":{"id":"<s>","ids":[99],"tokens":["<s>"]}}}"#
        },
        Case("the text twice", "the text once") {
            $0.postProcessor =
                #"{"type":"TemplateProcessing","single":[{"Sequence":{"id":"A"}},{"Sequence":{"id":"A"}}]}"#
        },
        Case("Bert's ids beyond the vocabulary", "post_processor.cls") {
            $0.postProcessor = #"{"type":"BertProcessing","sep":["a",0],"cls":["b",77]}"#
        },
        Case("sequences nested deeply", "nested at most") {
            $0.normalizer =
                String(repeating: #"{"type":"Sequence","normalizers":["#, count: 20) + #"{"type":"NFC"}"#
                + String(repeating: "]}", count: 20)
        },
    ]

    @Test(
        "Each is refused with a text of its own",
        arguments: [vocabulary, merges, added, constructs].flatMap { $0 })
    func refused(damage: Case) {
        var json = TokenizerJSON()
        damage.apply(&json)
        expectRefusal(damage.text) { _ = try json.tokenizer() }
    }

    @Test(
        "Text that is no such object is refused",
        arguments: [
            ("", "the text is empty"), ("[]", "model: expected an object"),
            ("null", "model: expected an object"), ("{}", "model: expected an object"),
            (#"{"model":[]}"#, "model: expected an object"), (#"{"model":{}}"#, "model.vocab"),
            ("{\"model\":\"\u{0}\"}", "JSON"),
            (#"{"model":{"type":"WordPiece"},"normalizer":{"type":"BertNormalizer"}}"#, "model of type"),
        ])
    func noObject(text: String, problem: String) {
        expectRefusal(problem) {
            _ = try TokenizerDefinition(
                tokenizer: JSONValue(parsing: Array(text.utf8), path: "tokenizer.json"), configuration: nil,
                file: "tokenizer.json")
        }
    }

    @Test("Bytes that are no UTF-8 are refused with their place")
    func notUTF8() {
        var bytes = Array(TokenizerJSON().text.utf8)
        bytes[bytes.count / 2] = 0xFF
        expectRefusal("UTF-8") { _ = try JSONValue(parsing: bytes, path: "tokenizer.json") }
    }

    @Test(
        "Special tokens of tokenizer_config.json must be tokens",
        arguments: [
            #"{"bos_token":"<none>"}"#, #"{"eos_token":7}"#, #"{"pad_token":{"content":"<none>"}}"#,
            #"{"unk_token":{}}"#, #"{"bos_token":[]}"#,
        ])
    func configuration(text: String) {
        expectRefusal("tokenizer_config.json") { _ = try TokenizerJSON().tokenizer(configuration: text) }
    }

    @Test("A few tokens more than rows of the embedding are left out with a warning, many are refused")
    func rows() throws {
        let tokenizer = try TokenizerJSON().tokenizer(vocabularySize: 5)
        #expect(tokenizer.tokenCount == 5)
        #expect(tokenizer.definition.warnings.contains { $0.contains("no row in the embedding") })
        #expect(tokenizer.encode("<s>a", parseSpecial: true).allSatisfy { $0 < 5 })
        var many = TokenizerJSON()
        many.added =
            "[" + (5..<200).map { #"{"id":\#($0),"content":"<\#($0)>"}"# }.joined(separator: ",") + "]"
        expectRefusal("at most 5 tokens") { _ = try many.tokenizer(vocabularySize: 5) }
        #expect(try TokenizerJSON().tokenizer(vocabularySize: 6).definition.warnings.isEmpty)
        #expect(try TokenizerJSON().tokenizer(vocabularySize: 1000).tokenCount == 6)
    }

    @Test("A token before every text that has no row is refused")
    func prefixRow() {
        var json = TokenizerJSON()
        json.postProcessor =
            #"{"type":"TemplateProcessing","single":[{"SpecialToken":{"id":"<s>"}},{"Sequence":{"id":"A"}}]}"#
        expectRefusal("at most 5 tokens") { _ = try json.tokenizer(vocabularySize: 5) }
    }

    @Test("Added tokens that differ in Unicode normalization only are two tokens")
    func canonicalEquivalence() throws {
        var json = TokenizerJSON()
        json.added =
            #"[{"id":5,"content":"\u00e9","normalized":false},{"id":6,"content":"e\u0301","normalized":false}]"#
        #expect(try json.tokenizer().encode("\u{E9}e\u{301}", parseSpecial: true) == [5, 6])
    }

    @Test("A Git LFS pointer in the place of tokenizer.json is named")
    func pointer() throws {
        let folder = try TemporaryFolder()
        try folder.write(
            "tokenizer.json", "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n")
        expectRefusal("Git LFS pointer") { _ = try TokenizerDefinition(directory: folder.url.path) }
    }

    @Test("Both forms of a merge, gaps between ids and an empty added token are accepted")
    func accepted() throws {
        #expect(try TokenizerJSON().tokenizer().encode("ab a", parseSpecial: true) == [2, 4])
        var pairs = TokenizerJSON()
        pairs.merges = #"[["a","b"],["Ġ","a"]]"#
        #expect(try pairs.tokenizer().encode("ab a", parseSpecial: true) == [2, 4])
        var gaps = TokenizerJSON()
        gaps.vocabulary = #"{"a":7,"b":1,"ab":60000,"Ġ":3,"Ġa":4}"#
        #expect(try gaps.tokenizer().encode("ab a<s>", parseSpecial: true) == [60000, 4, 5])
        #expect(try gaps.tokenizer().decode([6, 59_999, 60_000]) == Array("ab".utf8))
        var empty = TokenizerJSON()
        empty.added = #"[{"id":5,"content":"","special":true,"lstrip":true,"rstrip":true}]"#
        let tokenizer = try empty.tokenizer()
        #expect(tokenizer.encode("ab  a ", parseSpecial: true) == [2, 3, 4, 3])
        #expect(tokenizer.decode([5, 2, 5]) == Array("ab".utf8))
    }

    @Test("SentencePiece: blanks, bytes and unknown characters")
    func sentencePiece() throws {
        let tokenizer = try TokenizerJSON.sentencePiece.tokenizer()
        #expect(tokenizer.encode("a aA?", parseSpecial: true) == [4, 4, 1, 0])
        #expect(tokenizer.decode([4, 4, 1]) == Array("a aA".utf8))
    }

    @Test("A million merges are read in seconds, and an endless repetition of one is no loop")
    func manyMerges() throws {
        var json = TokenizerJSON()
        json.merges = "[" + String(repeating: #""a b","#, count: 1_000_000) + #""Ġ a"]"#
        let start = ContinuousClock.now
        let tokenizer = try json.tokenizer()
        #expect(ContinuousClock.now - start < .seconds(10))
        #expect(tokenizer.encode("ab a", parseSpecial: true) == [2, 4])
    }
}

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
            let start = ContinuousClock.now
            #expect(try !Self.tokenizer(image).encode("hello", parseSpecial: true).isEmpty)
            #expect(ContinuousClock.now - start < .seconds(2))
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
