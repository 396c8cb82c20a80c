import RedrafterFormats
import RedrafterTesting
import Testing

@testable import RedrafterModels

/// Single components in small tokenizers; ids, texts and pieces are those of Hugging Face `tokenizers`.
@Suite("Tokenizers by component")
struct TokenizerComponentTests {
    struct Case: Sendable, CustomTestStringConvertible {
        var name: String
        var base: String
        var value: JSONValue

        var testDescription: String { name }

        func tokenizer() throws -> Tokenizer {
            Tokenizer(
                try TokenizerDefinition(tokenizer: try json(), configuration: nil, file: "tokenizer.json"))
        }

        /// The file of the base with the case's parts in the place of its own.
        func json() throws -> JSONValue {
            let base = try #require(try TokenizerFixtures.json("Tokenizers/\(base).tokenizer.json").object)
            let parts = try #require(value["parts"]?.object)
            let members = base.map { key, own -> (ByteSlice, JSONValue) in
                guard let part = parts[key] else { return (key, own) }
                guard key == "model", let flags = part.object, let model = own.object else {
                    return (key, part)
                }
                var merged = model.filter { flags[$0.key] == nil }.map { ($0.key, $0.value) }
                merged += flags.map { ($0.key, $0.value) }
                return (key, .object(JSONObject(merged)))
            }
            return .object(JSONObject(members))
        }
    }

    static let cases: [Case] = {
        let rows = (try? TokenizerFixtures.json("Tokenizers/components.json").array) ?? []
        return rows.map { Case(name: $0["name"]?.string ?? "", base: $0["base"]?.string ?? "", value: $0) }
    }()

    private static func texts() throws -> [String] {
        try TokenizerFixtures.texts().enumerated().filter { $0.offset % 4 == 0 }.map(\.element)
    }

    @Test("every text has the ids of Hugging Face, and decodes as there", arguments: cases)
    func encodes(item: Case) throws {
        let tokenizer = try item.tokenizer()
        let texts = try Self.texts()
        let expected = try #require(item.value["ids"]?.array)
        let decoded = try #require(item.value["decoded"]?.array)
        #expect(texts.count == expected.count && texts.count > 40)
        for (index, text) in texts.enumerated() {
            let tokens = tokenizer.encode(bytes: Array(text.utf8), parseSpecial: true, addsSpecial: true)
                .tokens
            #expect(
                tokens.map(Int.init) == expected[index].array?.compactMap(\.integer),
                "\(text.debugDescription)")
            let back = String(decoding: tokenizer.decode(tokens, includingControl: true), as: UTF8.self)
            // An added token of a letter that stands for a byte, which the library takes for that byte.
            if !text.contains("N"), decoded[index].string.map({ !$0.utf8.elementsEqual(back.utf8) }) ?? true {
                Issue.record("\(text.debugDescription) decoded to \(back.debugDescription)")
            }
        }
    }

    @Test("all components were looked at")
    func count() { #expect(Self.cases.count == 28) }

    @Test("a stream of tokens joins to the decoded text", arguments: cases)
    func streams(item: Case) throws {
        let tokenizer = try item.tokenizer()
        for text in try Self.texts() {
            let tokens = tokenizer.encode(text, parseSpecial: true)
            var decoder = TextDecoder(tokenizer, startsText: true)
            let pieces = tokens.map { decoder.append($0) } + [decoder.flush()]
            #expect(pieces.joined() == String(decoding: tokenizer.decode(tokens), as: UTF8.self))
        }
    }

    @Test("a long text takes linear time", arguments: cases, ["a", " ", "1", "\u{4E2D}", "e\u{301}", "\n"])
    func linearTime(item: Case, character: String) throws {
        let tokenizer = try item.tokenizer()
        let text = [UInt8](String(repeating: character, count: (1 << 18) / character.utf8.count).utf8)
        #expect(withProcessorTime { tokenizer.encode(bytes: text, parseSpecial: true) }.time < .seconds(4))
    }
}

@Suite("Added tokens that take whitespace along")
struct WhitespaceTokenTests {
    @Test("many in one run of whitespace take linear time", arguments: ["\n", "\t\n"])
    func linear(unit: String) throws {
        var json = TokenizerJSON()
        json.added = """
            [{"id":5,"content":"\\n","rstrip":true,"normalized":false},{"id":6,"content":"\\t","lstrip":true,"normalized":false}]
            """
        let tokenizer = try json.tokenizer()
        let count = 400_000 / unit.utf8.count
        let (tokens, time) = withProcessorTime {
            tokenizer.encode(String(repeating: unit, count: count), parseSpecial: true)
        }
        #expect(time < .seconds(2))
        // As Hugging Face has it, each of them is a token, though the first has taken the rest along.
        #expect(tokens.filter { $0 == 5 }.count == count)
    }
}

@Suite("Regular expressions")
struct PatternTests {
    private static func pieces(
        _ pattern: String, _ text: [UInt8], _ behavior: SplitBehavior = .isolated, inverted: Bool = false
    ) throws -> [[UInt8]] {
        var list = PieceList(text, startsText: true)
        list.apply(.split(TextPattern(try Pattern(pattern)), behavior, isInverted: inverted))
        return list.pieces.map { Array(list.text[$0]) }
    }

    @Test("texts are cut as Oniguruma cuts them")
    func oniguruma() throws {
        let rows = try #require(TokenizerFixtures.json("Tokenizers/patterns.json").array)
        #expect(rows.count == 320)
        for row in rows {
            let pattern = try #require(row["pattern"]?.string)
            let text = try #require(row["text"]?.bytes).array
            let behavior = try #require(row["behavior"]?.string.flatMap(SplitBehavior.init(rawValue:)))
            let pieces = try Self.pieces(pattern, text, behavior, inverted: row["invert"]?.bool ?? false)
            let expected = row["pieces"]?.array?.compactMap { $0.bytes?.array }
            #expect(
                pieces == expected, "\(pattern) \(String(decoding: text, as: UTF8.self).debugDescription)")
        }
    }

    @Test(
        "a repetition with a bound does what all its lengths do that are written as alternatives, longest first",
        arguments: [("a", 0, 3), ("a", 1, 4), ("[ab]", 2, 5), ("é", 0, 2), (".", 1, 7), ("[aé]", 3, 3)])
    func bounded(unit: String, least: Int, most: Int) throws {
        var random = Mutations(seed: 77)
        let lengths = (least...most).reversed().map { String(repeating: unit, count: $0) }
        let (short, long) = ("\(unit){\(least),\(most)}", "(?:\(lengths.joined(separator: "|")))")
        for _ in 0..<40 {
            let text = (0..<200).map { _ in ["a", "a", "a", "b", "é"][random.below(5)] }.joined()
            for rest in ["b", "(?=b)", "ab", "(?:b|ab)", "é?b", "\(unit){0,2}b", ""] {
                let expected = try Self.pieces(long + rest, Array(text.utf8))
                #expect(
                    try Self.pieces(short + rest, Array(text.utf8)) == expected, "\(short)\(rest) \(text)")
            }
            // Runs that begin in different rounds of a loop.
            let expected = try Self.pieces("(?:\(long)b?)+éa", Array(text.utf8))
            #expect(try Self.pieces("(?:\(short)b?)+éa", Array(text.utf8)) == expected, "\(short) \(text)")
        }
    }

    @Test(
        "expressions that make others backtrack without end take linear time",
        arguments: [
            "(a+)+b", "(a*)*b", "(?:a|a)*b", "(?:a?){30}a{30}b", "a*a*a*a*b", "(?=(?:a|b)*z)a", "(?:ab?)++c",
            "(?>a*)b",
            "(?:.*?,){3}x", "[^x]++y", "a{0,1000}b", "a{2,1000}(?:b|ab*c)", "(?:(?:a+)+)+!?z",
            "(?<=a{50})b|a{0,50}b", "(?=.*z)a",
            #"\d{1,3}(?=(?:\d{3})*\b)"#,
        ], ["a", "ab", "1"])
    func linear(pattern: String, unit: String) throws {
        let text = Array(String(repeating: unit, count: 200_000 / unit.utf8.count).utf8)
        let (pieces, time) = try withProcessorTime { try Self.pieces(pattern, text) }
        #expect(pieces.map(\.count).reduce(0, +) == text.count)
        #expect(time < .seconds(5))
    }

    @Test(
        "what is no expression, or none that can be run, is refused with its place",
        arguments: [
            ("(", "without end"), (")", "closing"), ("[a", "without end"), ("[]", "class"), ("*a", "nothing"),
            (#"(a)\1"#, #"\1"#), (#"\X"#, #"\X"#), (#"\G"#, #"\G"#), (#"\p{Klingon}"#, "Klingon"),
            ("a{2,1}", "order"),
            ("a{1001}", "1000"), ("(?<=a*)b", "fixed length"), ("[z-a]", "order"), (#"\"#, "backslash"),
            ("(?q)", "(?q"),
            ("(?i:ss)", "case"), ("(?:(?:ab){1000}){1000}", "steps"),
            ("(?:(?:(?:){1000}){1000}){1000}", "steps"),
            (String(repeating: "(", count: 1000), "nested"), (String(repeating: "[", count: 1000), "nested"),
            ("a" + String(repeating: "*", count: 1000), "repetitions"),
            (String(repeating: "a", count: 20_000), "bytes"),
        ])
    func refused(pattern: String, problem: String) {
        do {
            _ = try Pattern(pattern)
            Issue.record("accepted \(pattern)")
        } catch {
            #expect(error.problem.contains(problem), "\(error.problem)")
        }
    }

    @Test("random expressions and bytes neither trap nor hang", arguments: 0..<4)
    func random(part: UInt64) throws {
        var random = Mutations(seed: 900 + part)
        let alphabet = Array("ab1 \n()[]{}|*+?\\^$.,-:=!<>&pPLNswdSWDbAzZiR0129\u{E9}\u{4E2D}".unicodeScalars)
        var accepted = 0
        for _ in 0..<3000 {
            var pattern = String.UnicodeScalarView()
            for _ in 0..<(1 + random.below(12)) {
                pattern.append(alphabet[Int(random.below(alphabet.count))])
            }
            guard let compiled = try? Pattern(String(pattern)) else { continue }
            accepted += 1
            let text = (0..<random.below(40)).map { _ in
                UInt8(truncatingIfNeeded: random.next() % 3 == 0 ? random.next() : 97)
            }
            var end = 0
            text.withUnsafeBufferPointer { bytes in
                compiled.forEachMatch(in: bytes) { match in
                    #expect(match.lowerBound >= end && match.upperBound <= bytes.count)
                    end = match.upperBound
                }
            }
        }
        #expect(accepted > 300)
    }
}
