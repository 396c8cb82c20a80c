import RedrafterFormats
import Testing

/// Parses a text, for tests.
func parse(_ text: String) throws -> JSONValue { try JSONValue(parsing: text.utf8, path: "test.json") }

@Suite("JSON")
struct JSONTests {
    @Test("values of every kind parse, in the order of the text")
    func values() throws {
        let value = try parse(
            #" { "b" : [1, -2, 0, 1.5, -0, 1e3, true, false, null], "a": {"x": "y"}, "": "A\n\u00e9\ud83d\ude00\/" } "#
        )
        let object = try #require(value.object)
        #expect(object.map { $0.key.string } == ["b", "a", ""])
        let array = try #require(value["b"]?.array)
        #expect(array.map(\.integer) == [1, -2, 0, nil, nil, nil, nil, nil, nil])
        #expect(array.map(\.double) == [1, -2, 0, 1.5, -0.0, 1000, nil, nil, nil])
        #expect(array[6].bool == true && array[7].bool == false && array[8].isNull)
        #expect(value["a"]?["x"]?.string == "y")
        #expect(value[""]?.string == "A\né😀/")
        #expect(value["absent"] == nil)
    }

    @Test("integers stay exact to the last digit")
    func integers() throws {
        let array = try #require(
            parse("[9223372036854775807,-9223372036854775808,9007199254740993,18446744073709551615,1e999]")
                .array)
        #expect(array[0].integer == Int.max)
        #expect(array[1].integer == Int.min)
        #expect(array[2].integer == 9_007_199_254_740_993)
        #expect(array[3].integer == nil)
        if case .number(let number) = array[3] { #expect(number.unsigned == UInt64.max) }
        #expect(array[4].double == nil)
    }

    @Test(
        "text that is no JSON is rejected with the place",
        arguments: [
            ("", 0), (" ", 1), ("{", 1), ("[1,]", 3), ("[1 2]", 3), ("{\"a\":1,}", 7), ("{a:1}", 1),
            ("[01]", 1),
            ("[1.]", 3), ("[.5]", 1), ("[+1]", 1), ("[1e]", 3), ("[NaN]", 1), ("[Infinity]", 1), ("[-]", 2),
            ("nul", 0), ("true false", 5), ("[1]x", 3), ("// c\n1", 0), ("/* c */1", 0), ("'a'", 0),
            ("\"a", 0), ("\"\\x\"", 2), ("\"\\u12\"", 1), ("\"\\u12g4\"", 5), ("\"\u{01}\"", 1),
            ("\"\n\"", 1),
            ("\"\\ud800\"", 1), ("\"\\ud800\\u0041\"", 1), ("\"\\udc00\"", 1), ("\"\\ud800x\"", 1),
            ("{1:2}", 1),
            ("{\"a\" 1}", 5), ("\u{FEFF}1", 0), ("[1]\u{0}", 3), ("]", 0), ("}", 0), (",", 0), ("\u{A0}1", 0),
        ])
    func malformed(text: String, offset: Int) {
        #expect {
            try parse(text)
        } throws: { error in
            guard case FormatError.syntax(_, _, let got) = error else { return false }
            return got == offset
        }
    }

    @Test(
        "bytes that are no UTF-8 are rejected",
        arguments: [
            [0xFF], [0x22, 0xC0, 0x80, 0x22], [0x22, 0xED, 0xA0, 0x80, 0x22], [0x22, 0xE2, 0x82, 0x22],
            [0x22, 0xF4, 0x90, 0x80, 0x80, 0x22], [0xFE, 0xFF, 0x00, 0x31], [0x31, 0x80],
        ] as [[UInt8]])
    func invalidUTF8(bytes: [UInt8]) {
        #expect(throws: FormatError.self) { try JSONValue(parsing: bytes, path: "x") }
    }

    @Test("a key twice is an error, in small and large objects and behind escapes")
    func duplicates() {
        let many = (0..<5000).map { "\"k\($0)\":\($0)" }.joined(separator: ",")
        for text in [#"{"a":1,"a":2}"#, #"{"a":1,"\u0061":2}"#, "{\(many),\"k777\":1}"] {
            #expect {
                try parse(text)
            } throws: {
                if case FormatError.duplicate = $0 { true } else { false }
            }
        }
        #expect(throws: Never.self) { try parse("{\(many)}") }
    }

    @Test("deep nesting, huge numbers and huge strings end in errors or values, not in a crash")
    func hostile() throws {
        for text in [
            String(repeating: "[", count: 100_000), String(repeating: "{\"a\":", count: 100_000),
            String(repeating: "[", count: 100_000) + String(repeating: "]", count: 100_000),
            String(repeating: "1", count: 1_000_000),
        ] {
            #expect(throws: FormatError.self) { try parse(text) }
        }
        let long = String(repeating: "x", count: 5_000_000)
        #expect(try parse("\"\(long)\"").bytes?.count == 5_000_000)
        let limit = JSONValue.depthLimit
        let deepest = String(repeating: "[", count: limit) + String(repeating: "]", count: limit)
        #expect(try parse(deepest).text() == deepest)
    }

    @Test("what is written reads back the same, compact and pretty")
    func roundTrip() throws {
        let value = JSONValue.object([
            "text": .string("a\"b\\c\u{1b}[2J\u{202e}é😀\u{7f}"),
            "list": .array([.integer(Int.min), .double(0.1), .null]),
            "empty": .array([]), "object": .object([:]), "nan": .double(.nan),
        ])
        for isPretty in [false, true] {
            for isEscaped in [false, true] {
                let text = value.text(isPretty: isPretty, isEscaped: isEscaped)
                let again = try parse(text)
                #expect(again["text"]?.string == value["text"]?.string)
                #expect(again["list"]?.array?[1].double == 0.1)
                #expect(again.text(isPretty: isPretty, isEscaped: isEscaped) == text)
                #expect(!text.unicodeScalars.contains { $0.value < 0x20 && $0 != "\n" })
                #expect(!isEscaped || !text.unicodeScalars.contains("\u{202e}"))
            }
        }
    }
}
