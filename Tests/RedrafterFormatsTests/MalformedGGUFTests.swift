import RedrafterCore
import RedrafterFormats
import RedrafterTesting
import Testing

/// One way to damage a file and a part of what must be said of it.
struct Damage<Image>: Sendable, CustomTestStringConvertible {
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

/// Expects an error of bad data, on one line without control characters, that holds `text`.
func expectBadData(_ text: String, _ body: () throws -> Void) {
    let error = #expect(throws: FormatError.self) { try body() }
    guard let error else { return }
    #expect(error.isOfContent)
    let description = error.description
    #expect(description.contains(text), "said: \(description)")
    #expect(!description.unicodeScalars.contains { $0.value < 0x20 || (0x7F...0x9F).contains($0.value) })
}

@Suite("Malformed GGUF files")
struct MalformedGGUFTests {
    static let header: [Damage<GGUFImage>] = [
        Damage("magic FUGG", "swapped byte order") { $0.magic = Array("FUGG".utf8) },
        Damage("magic ggml", "before GGUF") { $0.magic = Array("ggml".utf8) },
        Damage("magic ggjt", "before GGUF") { $0.magic = Array("ggjt".utf8) },
        Damage("version 0", "0, which no GGUF file has") { $0.version = 0 },
        Damage("version 1", "32 bits") { $0.version = 1 },
        Damage("version 4", "newer") { $0.version = 4 },
        Damage("version big-endian", "big-endian") { $0.version = 0x0300_0000 },
        Damage("version garbage", "garbage") { $0.version = 0xDEAD_BEEF },
    ]

    static let counts: [Damage<GGUFImage>] = {
        var result = [Damage<GGUFImage>]()
        let most: [UInt64] = [UInt64.max, 1 << 63, (1 << 63) - 1, 1 << 60, 1 << 40, 1000]
        for count in most {
            result.append(
                Damage("\(count) tensors", "declares \(count) tensors") { $0.tensorCount = count })
            result.append(
                Damage("\(count) pairs", "declares \(count) key/value pairs") { $0.pairCount = count })
        }
        result.append(Damage("one pair more", "") { $0.pairCount = UInt64($0.pairs.count + 1) })
        result.append(Damage("one tensor more", "") { $0.tensorCount = UInt64($0.tensors.count + 1) })
        result.append(
            Damage("counts that fit one by one only", "declares") {
                let size = UInt64($0.bytes.count - 24)
                $0.tensorCount = size / 33
                $0.pairCount = size / 14
            })
        return result
    }()

    static let lengths: [Damage<GGUFImage>] = {
        var result = [Damage<GGUFImage>]()
        let most: [UInt64] = [UInt64.max, 1 << 63, 1 << 30, 1 << 32]
        for length in most {
            let encoded = GGUFImage.encode(length)
            let needs = "needs \(length) bytes"
            result.append(Damage("key of \(length)", "key 1 " + needs) { $0.pairs[1].keyLength = length })
            result.append(
                Damage("string of \(length)", "general.architecture " + needs) {
                    $0.set("general.architecture", type: 8, value: encoded)
                })
            result.append(
                Damage("tensor name of \(length)", "tensor 1 " + needs) { $0.tensors[1].nameLength = length })
            result.append(
                Damage("array element of \(length)", "element 1 of x " + needs) {
                    $0.set("x", type: 9, value: array(8, 2, GGUFImage.encode(UInt64(0)) + encoded))
                })
        }
        return result
    }()

    /// The value of an array: element type, count, elements.
    static func array(_ type: UInt32, _ count: UInt64, _ elements: [UInt8] = []) -> [UInt8] {
        GGUFImage.encode(type) + GGUFImage.encode(count) + elements
    }

    static let metadata: [Damage<GGUFImage>] = [
        Damage("value type 13", "is 13") { $0.set("x", type: 13, value: [0, 0, 0, 0]) },
        Damage("value type 255", "is 255") { $0.set("x", type: 255, value: [0]) },
        Damage("value type -1", "is 4294967295") { $0.set("x", type: .max, value: [0]) },
        Damage("element type 13", "element type of x is 13") {
            $0.set("x", type: 9, value: array(13, 1 << 60))
        },
        Damage("array in array", "does not nest") {
            $0.set(
                "x", type: 9, value: array(9, 1, [0, 0, 0, 0]))
        },
        Damage("arrays nested 100,000 deep", "does not nest") {
            let level = array(9, 1)
            $0.set("x", type: 9, value: [[UInt8]](repeating: level, count: 100_000).flatMap { $0 })
        },
        Damage("bool 2", "bool 2") { $0.set("x", type: 7, value: [2]) },
        Damage("bool 255 in an array", "bool 255") {
            $0.set("x", type: 9, value: array(7, 2, [1, 255]))
        },
        Damage("2^61 numbers of 8 bytes", "size overflows") {
            $0.set("x", type: 9, value: array(10, 1 << 61))
        },
        Damage("2^64 - 1 bytes", "size overflows") {
            $0.set("x", type: 9, value: array(0, .max))
        },
        Damage("2^31 strings", "declares 2147483648") {
            $0.set("x", type: 9, value: array(8, 1 << 31))
        },
        Damage("empty key", "is empty") { $0.pairs.append(.init("", type: 0, value: [0])) },
        Damage("key of 65,536 bytes", "65536") {
            $0.pairs.append(.init(String(repeating: "k", count: 65_536), type: 0, value: [0]))
        },
        Damage("duplicate key", "duplicate key \"a.u8\"") {
            $0.pairs.append(.init("a.u8", type: 0, value: [0]))
        },
        Damage("key not UTF-8", "UTF-8") { $0.pairs[1].key = [0x61, 0xFF] },
        Damage("key with a surrogate", "UTF-8") { $0.pairs[1].key = [0xED, 0xA0, 0x80] },
        Damage("key with NUL", "\\x00") { $0.pairs[1].key = [0x61, 0] },
        Damage("key with escapes", "\\n\\x1b[2J") { $0.pairs[1].key = Array("a\n\u{1b}[2J".utf8) },
        Damage("key with a bidirectional control", "\\u{202e}") {
            $0.pairs[1].key = Array("a\u{202e}b".utf8)
        },
    ]

    static let alignment: [Damage<GGUFImage>] =
        wrongAlignments + [
            Damage("alignment as i32", "general.alignment is i32 32") {
                $0.set("general.alignment", type: 5, value: GGUFImage.encode(Int32(32)))
            },
            Damage("alignment as u64", "general.alignment is u64 32") {
                $0.set("general.alignment", type: 10, value: GGUFImage.encode(UInt64(32)))
            },
            Damage("alignment as string", "general.alignment is str") {
                $0.set("general.alignment", type: 8, value: GGUFImage.encode(string: "32".utf8))
            },
            Damage("alignment 32 over data laid out for 1", "misaligned") { $0.alignment = 1 },
            Damage("alignment 1 over data laid out for 32", "gap") {
                $0.pairs.append(GGUFImage.uint32("general.alignment", 1))
            },
        ]

    static let wrongAlignments: [Damage<GGUFImage>] = ([0, 3, 13, 1 << 17, 1 << 31, .max] as [UInt32]).map {
        alignment in
        Damage("alignment \(alignment)", "general.alignment is u32 \(alignment)") {
            $0.pairs.append(GGUFImage.uint32("general.alignment", alignment))
        }
    }

    static let tensors: [Damage<GGUFImage>] = [
        Damage("empty name", "is empty") { $0.tensors[0].name = [] },
        Damage("name of 64 bytes", "at most 63") { $0.tensors[0].name = [UInt8](repeating: 0x61, count: 64) },
        Damage("name with escapes", "\\n\\x1b[2J") { $0.tensors[0].name = Array("a\n\u{1b}[2J".utf8) },
        Damage("name not UTF-8", "UTF-8") { $0.tensors[0].name = [0xC0, 0xAF] },
        Damage("duplicate tensor", "duplicate tensor \"one\"") { $0.tensors[1].name = Array("one".utf8) },
        Damage("no dimensions", "is 0, expected 1 to 4") { $0.tensors[0].dimensionCount = 0 },
        Damage("5 dimensions", "is 5, expected 1 to 4") { $0.tensors[0].dimensionCount = 5 },
        Damage("2^32 - 1 dimensions", "is 4294967295") { $0.tensors[0].dimensionCount = .max },
        Damage("dimension -1", "is -1, expected a positive") { $0.tensors[0].dimensions[1] = .max },
        Damage("dimension 2^63", "expected a positive") { $0.tensors[0].dimensions[1] = 1 << 63 },
        Damage("dimension 0", "is 0, expected a positive") { $0.tensors[0].dimensions = [4, 0] },
        Damage("row no multiple of the block", "multiple of 32") { $0.tensors[1].dimensions[0] = 33 },
        Damage("row of 250 in a K-quant", "multiple of 256") {
            $0.tensors[1].type = WeightType.q4_K.rawValue
            $0.tensors[1].dimensions[0] = 250
        },
        Damage("type -1", "4294967295") { $0.tensors[0].type = .max },
        Damage("type 4, withdrawn", "withdrawn") { $0.tensors[0].type = 4 },
        Damage("type 36, withdrawn", "withdrawn") { $0.tensors[0].type = 36 },
        Damage("type 999", "999") { $0.tensors[0].type = 999 },
        Damage("two dimensions of 2^33", "size overflows") { $0.tensors[0].dimensions = [1 << 33, 1 << 33] },
        Damage("four dimensions of 2^31 - 1", "size overflows") {
            $0.tensors[0].dimensions = [UInt64](repeating: (1 << 31) - 1, count: 4)
        },
        Damage("bytes overflow, elements do not", "size overflows") {
            $0.tensors[0].type = 28  // f64
            $0.tensors[0].dimensions = [1 << 31, 1 << 30]
        },
        Damage("stride wraps to a small number", "size overflows") {
            $0.tensors[0].dimensions = [1 << 22, (1 << 42) + 1]
        },
        Damage("two sizes overflow together", "") { image in
            for index in 0..<2 {
                image.tensors[index].type = 24  // i8
                image.tensors[index].dimensions = [0x7FFF_FFFF_FFFF_FFC0]
            }
            image.tensors[1].offset = 0x7FFF_FFFF_FFFF_FFC0
        },
    ]

    static let offsets: [Damage<GGUFImage>] = [
        Damage("offset 2^64 - 1", "size overflows") { $0.tensors[1].offset = .max },
        Damage("offset 2^64 - 32", "size overflows") { $0.tensors[1].offset = UInt64.max - 31 },
        Damage("offset 2^63 - 32", "size overflows") { $0.tensors[1].offset = (1 << 63) - 32 },
        Damage("misaligned", "misaligned") { $0.tensors[1].offset = 33 },
        Damage("past the end", "tensor \"two\" needs bytes") { $0.tensors[1].offset = 1 << 20 },
        Damage("two tensors at one place", "overlaps") { $0.tensors[1].offset = 0 },
        Damage("a gap", "gap") { $0.tensors[1].offset = 64 },
        Damage("out of order", "gap") {
            $0.tensors[0].offset = 32
            $0.tensors[1].offset = 0
        },
        Damage("no data", "tensor \"one\" needs bytes") { image in
            for index in image.tensors.indices { image.tensors[index].data = [] }
        },
        Damage("one byte short", "tensor \"three\" needs bytes") { image in
            image.tensors[2].data.removeLast(1)
            image.alignment = 32
            image.tensors[2].dimensions = [100]
        },
    ]

    @Test(
        "each is rejected with a text of its own",
        arguments: [header, counts, lengths, metadata, alignment, tensors, offsets].flatMap { $0 })
    func rejected(damage: Damage<GGUFImage>) {
        var image = smallGGUF()
        damage.apply(&image)
        expectBadData(damage.text) { _ = try openGGUF(image.bytes) }
    }

    @Test("dimensions whose product overflows are rejected for every type", arguments: WeightType.allCases)
    func overflow(type: WeightType) {
        for dimensions: [UInt64] in [
            [1 << 62], [1 << 32, 1 << 32], [1 << 32, 1 << 31], [1 << 20, 1 << 20, 1 << 20, 1 << 20],
        ] {
            var image = smallGGUF()
            image.tensors[0].type = type.rawValue
            image.tensors[0].dimensions = dimensions
            expectBadData("tensor \"one\"") { _ = try openGGUF(image.bytes) }
        }
    }

    @Test("the smallest float products that overflow say so")
    func smallestOverflow() {
        var image = smallGGUF()
        image.tensors[0].dimensions = [1 << 61, 1]
        expectBadData("size overflows") { _ = try openGGUF(image.bytes) }
        image.tensors[0].dimensions = [1 << 60, 1]
        expectBadData("needs bytes") { _ = try openGGUF(image.bytes) }
    }

    @Test("a file cut at any length is rejected, with the bytes that are missing")
    func truncation() throws {
        let bytes = smallGGUF().bytes
        let end = try #require(
            GGUFFile(file: mapped(bytes, "x")).tensors.last.map { $0.offset + $0.byteCount })
        for length in 0..<end {
            expectBadData(length >= 4 && length < 24 ? "truncated header" : "") {
                _ = try openGGUF(Array(bytes.prefix(length)))
            }
        }
        expectBadData("tensor \"three\" needs bytes \(end - 10)…\(end), file has \(end - 1)") {
            _ = try openGGUF(Array(bytes.prefix(end - 1)))
        }
    }

    @Test(
        "other files are named for what they look like",
        arguments: [
            ("<!DOCTYPE html><html>", "HTML"), ("version https://git-lfs.github.com/spec/v1\noid", "Git LFS"),
            ("PK\u{3}\u{4}rest of it", "ZIP"), ("{\"a\": 1}", "JSON"), ("", "truncated header"),
            ("GG", "truncated header"),
            ("\u{1}\u{2}\u{3}\u{4}\u{5}", "01 02 03 04"),
        ])
    func foreign(content: String, text: String) {
        expectBadData(text) { _ = try openGGUF(Array(content.utf8)) }
    }

    @Test("pickles and renamed safetensors are not opened")
    func foreignBinary() {
        expectBadData("pickle") { _ = try openGGUF([0x80, 0x02, 0x8A, 0x0A, 0x6C, 0xFC]) }
        var image = SafetensorsImage()
        image.append("a", dtype: "F32", shape: [1], data: [0, 0, 0, 0])
        expectBadData("safetensors") { _ = try openGGUF(image.bytes) }
    }
}
