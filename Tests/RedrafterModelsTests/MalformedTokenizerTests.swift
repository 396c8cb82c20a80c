import RedrafterFormats
import RedrafterModels
import RedrafterTesting
import Testing

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
func expectRefusal(_ text: String, _ body: () throws -> Void) {
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

    @Test("Replacements that multiply beyond all measure are refused before a text goes through them")
    func bombs() {
        let bomb =
            #"{"type":"Replace","pattern":{"String":"a"},"content":"\#(String(repeating: "a", count: 1000))"}"#
        var json = TokenizerJSON()
        json.normalizer =
            #"{"type":"Sequence","normalizers":[\#([bomb, bomb, bomb].joined(separator: ","))]}"#
        expectRefusal("the normalizer") { _ = try json.tokenizer() }
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
        let (tokenizer, time) = try withProcessorTime { try json.tokenizer() }
        #expect(time < .seconds(10))
        #expect(tokenizer.encode("ab a", parseSpecial: true) == [2, 4])
    }
}
