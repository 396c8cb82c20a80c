import BundledDrafters
import RedrafterCore
import RedrafterFormats
import RedrafterTesting
import Testing

/// Opens bytes as a safetensors file.
func openSafetensors(_ bytes: [UInt8]) throws(FormatError) -> SafetensorsFile {
    try SafetensorsFile(file: mapped(bytes, "test.safetensors"))
}

/// Two tensors of 16 bytes and metadata.
func smallSafetensors() -> SafetensorsImage {
    var image = SafetensorsImage()
    image.metadata = #"{"format":"pt"}"#
    image.append("one", dtype: "F32", shape: [2, 2], data: [UInt8](0..<16))
    image.append("two", dtype: "BF16", shape: [8], data: [UInt8](16..<32))
    return image
}

@Suite("Malformed safetensors files")
struct MalformedSafetensorsTests {
    typealias Case = Damage<SafetensorsImage>

    static let lengths: [Case] = [
        Case("header length 0", "at least 2") { $0.headerLength = 0 },
        Case("header length 1", "at least 2") { $0.headerLength = 1 },
        Case("header length 2^63", "at most 100000000") { $0.headerLength = 1 << 63 },
        Case("header length 2^64 - 1", "at most 100000000") { $0.headerLength = .max },
        Case("header length 0xFFFFFF000000003C", "looks like") {
            $0.headerLength = 0xFFFF_FF00_0000_003C
        },
        Case("header length 100,000,001", "at most 100000000") { $0.headerLength = 100_000_001 },
        Case("header length 1000", "needs 1000 bytes") { $0.headerLength = 1000 },
        Case("header one byte past the end", "the header needs") {
            $0.headerLength = UInt64($0.bytes.count - 7)
        },
        Case("header as long as the data too", "tensor \"one\" needs bytes") {
            $0.headerLength = UInt64($0.bytes.count - 8)
        },
    ]

    static let headers: [Case] =
        [
            ("{ ", "the text ends"), ("[]", "'['"), ("null", "'n'"), ("12", "'1'"), ("\"a\"", "'\"'"),
            ("{} x", "text after"), ("{}\u{0}\u{0}", "text after"), ("{/* c */}", "'/'"), ("{\"a\":1,}", ""),
            ("{\"a\":NaN}", "'N'"), ("\u{FEFF}{}", "byte order mark"),
            ("{\"a\":{\"dtype\":", "the text ends"),
            (String(repeating: "{\"a\":", count: 100_000), "deeper than"),
            ("{\"a\":" + String(repeating: "[", count: 100_000), "deeper than"),
            ("{\"a\":" + String(repeating: "9", count: 1_000_000) + "}", "1000000 characters"),
            ("{\"\\ud800\":{}}", "surrogate"),
        ].map { header, text in
            Case("header \(header.prefix(20))", text) {
                $0.header = Array(header.utf8)
                $0.data = []
            }
        } + [
            Case("header not UTF-8", "UTF-8") { $0.header = [0x7B, 0x22, 0xFF, 0x22, 0x7D] },
            Case("header in UTF-16", "") { $0.header = [0xFF, 0xFE, 0x7B, 0, 0x7D, 0] },
            Case("no tensors but data", "after the last tensor is 32 bytes") { $0.entries = [] },
        ]

    static let metadata: [Case] = [
        ("[]", "an object"), ("1", "an object"), ("{\"a\":1}", "expected a string"),
        ("{\"a\":null}", "expected a string"), ("{\"a\":\"1\",\"a\":\"2\"}", "duplicate"),
        (#"{"dtype":"F32","shape":[1],"data_offsets":[0,4]}"#, "expected a string"),
    ].map { (json: String, text) in Case("metadata \(json)", text) { $0.metadata = json } }

    static let types: [Case] = [
        ("\"F33\"", "dtype of tensor \"one\""), ("\"f32\"", "dtype of tensor \"one\""), ("1", "dtype"),
        ("null", "dtype"), ("\"\"", "dtype"),
    ].map { json, text in Case("dtype \(json)", text) { $0.entries[0].dtype = json } }

    static let shapes: [Case] = [
        ("[2,18446744073709551614]", "dimension of tensor \"one\""),
        ("[2,9223372036854775807]", "size overflows"),
        ("[4294967296,4294967296]", "size overflows"), ("[-1,4]", "whole number"),
        ("[1.5,2]", "whole number"),
        ("[1e2]", "whole number"), ("[\"4\"]", "whole number"), ("[[4]]", "whole number"), ("4", "an array"),
        ("[9223372036854775808]", "whole number"), ("null", "an array"), ("[2,1]", "expected 8 for"),
        ("[" + [String](repeating: "1", count: 1000).joined(separator: ",") + "]", "at most 32"),
        ("[1000,1000]", "expected 4000000"),
    ].map { json, text in Case("shape \(json.prefix(40))", text) { $0.entries[0].shape = json } }

    static let offsets: [Case] = [
        ("[16,0]", "not before the begin"), ("[0]", "two numbers"), ("[0,16,32]", "two numbers"),
        ("16", "two numbers"),
        ("[-1,15]", "is -1"), ("[0,1.6e1]", "is 1.6e1"), ("[0,\"16\"]", "is \"16\""), ("[0,1e3]", "is 1e3"),
        ("[0,18446744073709551616]", "is 18446744073709551616"), ("[0,33]", "tensor \"one\" needs bytes"),
        ("[0,4]", "is 4 bytes, expected 16"), ("[8,24]", "which leaves a hole"),
        ("[16,32]", "which leaves a hole"),
        ("[9223372036854775791,9223372036854775807]", "tensor \"one\" needs bytes"), ("null", "two numbers"),
    ].map { json, text in Case("offsets \(json)", text) { $0.entries[0].offsets = json } }

    static let coverage: [Case] = [
        Case("a hole between tensors", "leaves a hole") {
            $0.entries[1].offsets = "[20,36]"
            $0.data += [0, 0, 0, 0]
        },
        Case("the first tensor not at 0", "leaves a hole") {
            $0.entries[0].offsets = "[4,20]"
            $0.entries[1].offsets = "[20,36]"
            $0.data += [0, 0, 0, 0]
        },
        Case("bytes after the last tensor", "is 3 bytes, expected none") { $0.data += [1, 2, 3] },
        Case("data two bytes short", "tensor \"two\" needs bytes") { $0.data.removeLast(2) },
        Case("ten tensors at one place", "overlaps") { image in
            image.entries = (0..<10).map {
                .init(name: "t\($0)", dtype: "\"F32\"", shape: "[2,2]", offsets: "[0,16]")
            }
            image.data = [UInt8](repeating: 0, count: 16)
        },
        Case("100,000 tensors at one place", "overlaps") { image in
            image.entries = (0..<100_000).map {
                .init(name: "t\($0)", dtype: "\"F32\"", shape: "[2,2]", offsets: "[0,16]")
            }
            image.data = [UInt8](repeating: 0, count: 16)
        },
        Case("duplicate name", "duplicate tensor \"one\"") { $0.entries[1].name = "one" },
        Case("duplicate name behind an escape", "duplicate tensor \"one\"") {
            $0.entries[1].name = "\\u006fne"
        },
        Case("4-bit elements in no whole bytes", "expected whole bytes") {
            $0.entries[0].dtype = "\"F4\""
            $0.entries[0].shape = "[1,3]"
        },
        Case("an entry that is no object", "an object with dtype") {
            $0.header = Array(#"{"a":[1]}"#.utf8)
        },
        Case("missing dtype", "dtype of tensor \"a\" is missing") {
            $0.header = Array(#"{"a":{"shape":[],"data_offsets":[0,4]}}"#.utf8)
        },
        Case("missing shape", "shape of tensor \"a\" is missing") {
            $0.header = Array(#"{"a":{"dtype":"F32","data_offsets":[0,4]}}"#.utf8)
        },
        Case("missing offsets", "data_offsets of tensor \"a\" is missing") {
            $0.header = Array(#"{"a":{"dtype":"F32","shape":[],"offsets":[0,4]}}"#.utf8)
        },
        Case("a name with escapes in an error", "\\x1b[2J") {
            $0.entries[0].name = "\\u001b[2J"
            $0.entries[0].dtype = "\"X\""
        },
    ]

    @Test(
        "each is rejected with a text of its own",
        arguments: [lengths, headers, metadata, types, shapes, offsets, coverage].flatMap { $0 })
    func rejected(damage: Case) {
        var image = smallSafetensors()
        damage.apply(&image)
        expectBadData(damage.text) { _ = try openSafetensors(image.bytes) }
    }

    @Test("a file cut at any length is rejected")
    func truncation() {
        let bytes = smallSafetensors().bytes
        for length in 0..<bytes.count {
            expectBadData("") { _ = try openSafetensors(Array(bytes.prefix(length))) }
        }
        for length in 1...7 {
            expectBadData("header length") { _ = try openSafetensors([UInt8](repeating: 0, count: length)) }
        }
    }

    @Test("50 MB of metadata are refused in bounded time")
    func hugeMetadata() {
        var image = SafetensorsImage()
        let text = String(repeating: "x", count: 1000)
        image.metadata = "{" + (0..<50_000).map { "\"\($0)\":\"\(text)\"" }.joined(separator: ",") + "}"
        expectBadData("16 MiB") { _ = try openSafetensors(image.bytes) }
    }
}

@Suite("safetensors reading and writing")
struct SafetensorsTests {
    @Test("tensors, metadata and foreign types are read")
    func reads() throws {
        var image = smallSafetensors()
        image.append("ids", dtype: "I64", shape: [1], data: [UInt8](repeating: 0, count: 8))
        let file = try openSafetensors(image.bytes)
        #expect(file.metadata.map(\.key) == ["format"])
        #expect(file.tensors.map(\.name) == ["one", "two"])
        #expect(file.tensor(named: "two").map { Array($0.bytes) } == [UInt8](16..<32))
        #expect(file.tensor(named: "one")?.shape == [2, 2])
        let error = #expect(throws: FormatError.self) { try file.requiredTensor(named: "ids") }
        #expect(error?.description.contains("I64") == true)
    }

    @Test(
        "legal oddities open",
        arguments: [
            "\n\t {}  \r\n", "{}", #"{"s":{"dtype":"F32","shape":[],"data_offsets":[0,4]}}"#,
            #"{"b":{"dtype":"F16","shape":[1],"data_offsets":[2,4]},"a":{"dtype":"F16","shape":[1],"data_offsets":[0,2]}}"#,
            #"{"e":{"dtype":"F32","shape":[2,0],"data_offsets":[0,0]},"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#,
            #"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4],"extra":[1,{}]}}"#,
            #"{"../x":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"":{"dtype":"U8","shape":[3],"data_offsets":[1,4]}}"#,
        ])
    func legal(header: String) throws {
        var image = SafetensorsImage()
        image.header = Array(header.utf8)
        if header.contains("dtype") { image.data = [1, 2, 3, 4] }
        #expect(throws: Never.self) { try openSafetensors(image.bytes) }
    }

    @Test("data at any alignment is read")
    func unaligned() throws {
        for pad in 0..<8 {
            var image = smallSafetensors()
            image.metadata = "{\"p\":\"\(String(repeating: "x", count: pad))\"}"
            image.isPadded = false
            let file = try openSafetensors(image.bytes)
            #expect(file.tensor(named: "one").map { Array($0.bytes) } == [UInt8](0..<16))
        }
    }

    @Test("what the writer writes, the reader reads")
    func writer() throws {
        let directory = TemporaryDirectory()
        let path = directory.file("out.safetensors")
        let writer = SafetensorsWriter(path: path, metadata: [("format", "pt"), ("note", "a\"\n")])
        try writer.declare("a.weight", type: .f32, shape: [2, 3])
        try writer.declare("b", type: .f16, shape: [])
        try writer.declare("empty", type: .bf16, shape: [0, 4])
        #expect(throws: FormatError.self) { try writer.declare("a.weight", type: .f32, shape: [1]) }
        #expect(throws: FormatError.self) { try writer.declare("x", type: .f32, shape: [Int.max, 2]) }
        try writer.append([UInt8](0..<24))
        let early = #expect(throws: FormatError.self) { try writer.finish() }
        #expect(early?.description.contains("2 more bytes") == true)
        try writer.append([9, 9])
        #expect(throws: FormatError.self) { try writer.append([9]) }
        try writer.finish()
        let file = try SafetensorsFile(path: path)
        #expect(file.allTensors.map(\.name) == ["a.weight", "b", "empty"])
        #expect(file.tensor(named: "a.weight").map { Array($0.bytes) } == [UInt8](0..<24))
        #expect(file.tensor(named: "a.weight").map { $0.offset % 8 } == 0)
        #expect(file.metadata.map(\.value) == ["pt", "a\"\n"])
    }
}

@Suite("safetensors headers of every length")
struct SafetensorsHeaderLengthTests {
    @Test("no length is taken for another format's first bytes")
    func lengths() throws {
        let directory = TemporaryDirectory()
        for length in 2..<700 {
            var image = SafetensorsImage()
            image.header = Array(("{}" + String(repeating: " ", count: length - 2)).utf8)
            #expect(throws: Never.self) { try openSafetensors(image.bytes) }
            if length % 97 == 60 {
                try ToyModelFile.write(image.bytes, to: directory.file("x"))
                #expect(try FileSummary(path: directory.file("x")).format == "safetensors")
            }
        }
    }
}
