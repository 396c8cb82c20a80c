import RedrafterCore
import RedrafterFormats
import RedrafterTesting
import Testing

/// Opens bytes as a GGUF file.
func openGGUF(_ bytes: [UInt8]) throws(FormatError) -> GGUFFile {
    try GGUFFile(file: mapped(bytes, "test.gguf"))
}

/// Bytes as a file in memory.
func mapped(_ bytes: [UInt8], _ path: String) throws(FormatError) -> MappedFile {
    try bytes.withUnsafeBufferPointer { (buffer) throws(FormatError) in
        try MappedFile(copying: UnsafeRawBufferPointer(buffer), path: path)
    }
}

/// A GGUF file of a few hundred bytes with every metadata type and three tensors.
func smallGGUF() -> GGUFImage {
    typealias Pair = GGUFImage.Pair
    var image = GGUFImage()
    image.pairs = [
        GGUFImage.string("general.architecture", "llama"),
        Pair("a.u8", type: 0, value: [200]), Pair("a.i8", type: 1, value: [0xFF]),
        Pair("a.u16", type: 2, value: GGUFImage.encode(UInt16(60_000))),
        Pair("a.i16", type: 3, value: GGUFImage.encode(Int16(-2))),
        GGUFImage.uint32("a.u32", 4_000_000_000), Pair("a.i32", type: 5, value: GGUFImage.encode(Int32(-3))),
        GGUFImage.float32("a.f32", 0.5), GGUFImage.bool("a.bool", true),
        Pair("a.u64", type: 10, value: GGUFImage.encode(UInt64.max)),
        Pair("a.i64", type: 11, value: GGUFImage.encode(Int64.min)),
        Pair("a.f64", type: 12, value: GGUFImage.encode(Double.pi.bitPattern)),
        GGUFImage.strings("a.strings", [[0x61], [], [0xFF, 0x00]]), GGUFImage.int32s("a.ints", [1, -2, 3]),
    ]
    image.tensors = [
        GGUFImage.Tensor("one", type: .f32, shape: [2, 3], data: [UInt8](0..<24)),
        GGUFImage.Tensor("two", type: .q8_0, shape: [2, 32], data: [UInt8](repeating: 7, count: 68)),
        GGUFImage.Tensor("three", type: .f16, shape: [5], data: [UInt8](0..<10)),
    ]
    return image
}

@Suite("GGUF reading and writing")
struct GGUFTests {
    @Test("names that differ only in Unicode normalisation are two names, of keys and of tensors")
    func normalisation() throws {
        let (composed, decomposed) = ("caf\u{e9}", "cafe\u{301}")
        var image = smallGGUF()
        image.pairs += [GGUFImage.uint32(composed, 1), GGUFImage.uint32(decomposed, 2)]
        image.tensors[0].name = Array(composed.utf8)
        image.tensors[2].name = Array(decomposed.utf8)
        let file = try openGGUF(image.bytes)
        #expect(try file.metadata.integer(composed) == 1)
        #expect(try file.metadata.integer(decomposed) == 2)
        #expect(file.tensor(named: composed)?.shape == [2, 3])
        #expect(file.tensor(named: decomposed)?.shape == [5])
    }

    @Test("every metadata type is read with its exact value", arguments: [2, 3] as [UInt32])
    func metadata(version: UInt32) throws {
        var image = smallGGUF()
        image.version = version
        let file = try openGGUF(image.bytes)
        let metadata = file.metadata
        #expect(file.version == Int(version))
        #expect(file.architecture == "llama")
        for (key, value) in [
            ("a.u8", 200), ("a.i8", -1), ("a.u16", 60_000), ("a.i16", -2), ("a.u32", 4_000_000_000),
            ("a.i32", -3),
            ("a.i64", Int.min),
        ] {
            #expect(try metadata.integer(key) == value)
        }
        #expect(try metadata.float("a.f32") == 0.5)
        #expect(try metadata.float("a.f64") == Double.pi)
        #expect(try metadata.bool("a.bool") == true)
        #expect(try metadata.stringArray("a.strings")?.map { Array($0) } == [[0x61], [], [0xFF, 0]])
        #expect(try metadata.integerArray("a.ints") == [1, -2, 3])
        #expect(try metadata.integer("absent") == nil)
        #expect(metadata.keys.count == 14)
        for key in ["a.u64", "a.f32", "a.strings", "general.architecture", "a.bool"] {
            #expect(throws: FormatError.self) { try metadata.integer(key) }
        }
        #expect(throws: FormatError.self) { try metadata.string("a.u8") }
        #expect(throws: FormatError.self) { try metadata.stringArray("a.ints") }
        #expect(throws: FormatError.self) { try metadata.floatArray("a.strings") }
    }

    @Test("tensors have their shape slowest first and their bytes")
    func tensors() throws {
        let file = try openGGUF(smallGGUF().bytes)
        #expect(file.tensors.map(\.name) == ["one", "two", "three"])
        #expect(file.tensors.map(\.shape) == [[2, 3], [2, 32], [5]])
        #expect(file.tensor(named: "one").map { Array($0.bytes) } == [UInt8](0..<24))
        #expect(file.tensor(named: "three").map { Array($0.bytes) } == [UInt8](0..<10))
        #expect(file.tensor(named: "four") == nil)
        #expect(file.warnings.isEmpty)
    }

    @Test("foreign types open, are listed, and refuse to be weights by name")
    func foreignTypes() throws {
        var image = smallGGUF()
        image.tensors[2].type = 16  // iq2_xxs: blocks of 256 in 66 bytes
        image.tensors[2].dimensions = [256]
        image.tensors[2].data = [UInt8](repeating: 0, count: 66)
        let file = try openGGUF(image.bytes)
        #expect(file.tensors.count == 2)
        #expect(file.allTensors.count == 3)
        #expect(file.unsupportedTensors == ["three": "iq2_xxs"])
        let error = #expect(throws: FormatError.self) { try file.requiredTensor(named: "three") }
        #expect(error?.description.contains("iq2_xxs") == true)
        #expect(throws: FormatError.self) { try file.requiredTensor(named: "four") }
    }

    @Test("any power of two up to 65536 is an alignment", arguments: [1, 2, 8, 64, 4096, 65_536])
    func alignments(alignment: Int) throws {
        var image = smallGGUF()
        image.alignment = alignment
        image.pairs.append(GGUFImage.uint32("general.alignment", UInt32(alignment)))
        let file = try openGGUF(image.bytes)
        #expect(file.alignment == alignment)
        #expect(file.tensor(named: "three").map { Array($0.bytes) } == [UInt8](0..<10))
    }

    @Test("a file of nothing is a GGUF file, and bytes after the end are a warning")
    func edges() throws {
        #expect(try openGGUF(GGUFImage().bytes).tensors.isEmpty)
        var image = smallGGUF()
        image.trailing = [UInt8](repeating: 0, count: 1 << 20)
        #expect(try openGGUF(image.bytes).warnings.count == 1)
        // The padding behind the last tensor may be missing.
        image.trailing = []
        let bytes = image.bytes
        #expect(throws: Never.self) { try openGGUF(Array(bytes.dropLast(22))) }
    }

    @Test("the toy model opens and sums up", arguments: [WeightType.f32, .f16, .bf16])
    func toyModel(type: WeightType) throws {
        let directory = TemporaryDirectory()
        let toy = ToyModelFile(type: type)
        let file = try GGUFFile(path: toy.writeGGUF(to: directory.path))
        #expect(file.tensors.count == 20)
        #expect(try file.requiredTensor(named: "blk.1.ffn_down.weight").shape == [64, 128])
        #expect(toy.gguf().bytes == ToyModelFile(type: type).gguf().bytes)
        let summary = FileSummary(file)
        let layer = 3 * 128 * 64 + 2 * 64 * 64 + 2 * 32 * 64 + 2 * 64
        #expect(summary.parameters == ToyTokenizer.tokens.count * 64 + 2 * layer + 64)
        #expect(summary.text(listsTensors: true).contains("token_embd.weight"))
        let json = try parse(summary.json(listsTensors: true).text(isPretty: true))
        #expect(json["tensors"]?.array?.count == 20)
        #expect(json["metadata"]?["llama.block_count"]?["value"]?.integer == 2)
        #expect(json["metadata"]?["tokenizer.ggml.tokens"]?["count"]?.integer == ToyTokenizer.tokens.count)
    }

    @Test("what the writer writes, the reader reads, and other files' metadata pass through unchanged")
    func writer() throws {
        let directory = TemporaryDirectory()
        let source = try openGGUF(smallGGUF().bytes)
        let path = directory.file("out.gguf")
        let writer = try GGUFWriter(path: path, alignment: 64)
        for entry in source.metadata.entries { try writer.set(entry.key, .stored(entry.value)) }
        try writer.set("b.strings", .strings([ByteSlice("x"), ByteSlice([0xFE])]))
        try writer.set("b.floats", .floats([1, -.infinity]))
        try writer.set("b.doubles", .doubles([2]))
        try writer.set("b.bools", .bools([true, false]))
        for (number, type) in [GGUFValueType.uint8, .int8, .uint16, .int16, .uint32, .int32, .uint64, .int64]
            .enumerated()
        {
            try writer.set("b.i\(number)", .integers(type, [1, 2, 127]))
        }
        #expect(throws: FormatError.self) { try writer.set("b.bad", .integers(.uint8, [256])) }
        #expect(throws: FormatError.self) { try writer.set("b.floats", .bool(true)) }
        for tensor in source.tensors {
            try writer.declare(tensor.name, type: tensor.type, shape: tensor.shape)
        }
        #expect(throws: FormatError.self) { try writer.declare("one", type: .f32, shape: [1]) }
        #expect(throws: FormatError.self) { try writer.declare("odd", type: .q8_0, shape: [33]) }
        #expect(throws: FormatError.self) { try writer.declare("huge", type: .f32, shape: [Int.max, 2]) }
        for tensor in source.tensors {
            try writer.append(UnsafeRawBufferPointer(rebasing: tensor.bytes.prefix(5)))
            try writer.append(UnsafeRawBufferPointer(rebasing: tensor.bytes.dropFirst(5)))
        }
        #expect(throws: FormatError.self) { try writer.append([0]) }
        try writer.finish()

        let copy = try GGUFFile(path: path)
        #expect(copy.alignment == 64)
        #expect(copy.warnings.isEmpty || copy.warnings.count == 1)
        for entry in source.metadata.entries {
            #expect(copy.metadata[entry.key].map { "\($0.summary)" } == entry.value.summary)
        }
        #expect(try copy.metadata.stringArray("a.strings")?.map { Array($0) } == [[0x61], [], [0xFF, 0]])
        #expect(try copy.metadata.floatArray("b.floats") == [1, -.infinity])
        for number in 0..<8 { #expect(try copy.metadata.integerArray("b.i\(number)") == [1, 2, 127]) }
        for tensor in source.tensors {
            #expect(copy.tensor(named: tensor.name).map { Array($0.bytes) } == Array(tensor.bytes))
        }
    }
}
