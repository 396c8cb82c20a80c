import RedrafterCore
import RedrafterFormats
import RedrafterPlatform
import RedrafterTesting
import Testing

@Suite("GGUF models in several files") struct SplitFileTests {
    private let directory = TemporaryDirectory()

    private static var model: GGUFImage {
        var image = GGUFImage()
        image.pairs = [GGUFImage.string("general.architecture", "llama"), GGUFImage.uint32("a.number", 7)]
        image.tensors = (0..<7).map { number in
            GGUFImage.Tensor(
                "t\(number)", type: .f32, shape: [2, 2], data: [UInt8](repeating: UInt8(number), count: 16))
        }
        return image
    }

    private func path(_ number: Int, of count: Int = 3) -> String {
        directory.file("model-0000\(number)-of-0000\(count).gguf")
    }

    private func write(_ parts: [GGUFImage]) throws {
        for (index, part) in parts.enumerated() { try write(part.bytes, path(index + 1, of: parts.count)) }
    }

    private func write(_ bytes: [UInt8], _ path: String) throws {
        let file = try AtomicFile(path: path)
        try file.write(bytes)
        try file.commit()
    }

    @Test("Any part opens the whole model", arguments: 1...3) func opens(number: Int) throws {
        try write(Self.model.parts(3))
        let file = try GGUFFile(path: path(number))
        #expect(file.parts.count == 3 && file.architecture == "llama" && file.warnings.isEmpty)
        #expect(try file.metadata.integer("a.number") == 7)
        #expect(file.tensors.map(\.name) == (0..<7).map { "t\($0)" } && file.allTensors.count == 7)
        for number in 0..<7 {
            let tensor = try file.requiredTensor(named: "t\(number)")
            #expect(Array(tensor.bytes) == [UInt8](repeating: UInt8(number), count: 16))
        }
    }

    @Test("A first part without tensors and a model said to be in one file open") func unusual() throws {
        var parts = Self.model.parts(3)
        parts[1].tensors = parts[0].tensors + parts[1].tensors
        parts[0].tensors = []
        try write(parts)
        #expect(try GGUFFile(path: path(1)).tensors.count == 7)
        let alone = directory.file("alone.gguf")
        try write(Self.model.parts(1)[0].bytes, alone)
        #expect(try GGUFFile(path: alone).parts.count == 1)
    }

    @Test("A summary shows the parts, and in which of them a tensor is") func summary() throws {
        try write(Self.model.parts(3))
        let summary = try FileSummary(GGUFFile(path: path(2)))
        #expect(summary.parts.map(\.name) == (1...3).map { "model-0000\($0)-of-00003.gguf" })
        #expect(summary.parts.map(\.tensors) == [3, 2, 2])
        #expect(summary.fileBytes == summary.parts.reduce(0) { $0 + $1.byteCount })
        #expect(summary.tensors.map(\.file) == [1, 1, 1, 2, 2, 3, 3].map { "model-0000\($0)-of-00003.gguf" })
        #expect(summary.text().contains("model-00002-of-00003.gguf  2 tensors"))
        #expect(summary.json()["parts"]?.array?.count == 3)
    }

    private func expectError(_ number: Int = 1, of count: Int = 3, says text: String) {
        let error = #expect(throws: FormatError.self) { try GGUFFile(path: path(number, of: count)) }
        #expect(error?.description.contains(text) == true, "\(String(describing: error))")
    }

    @Test("Missing parts are named") func missing() throws {
        try write(Self.model.parts(7))
        for number in [2, 4, 5, 6, 7] { unlink(path(number, of: 7)) }
        expectError(
            of: 7,
            says:
                "5 of the 7 parts of the model are not beside it: model-00002-of-00007.gguf, model-00004-of-00007.gguf, "
                + "model-00005-of-00007.gguf, …")
    }

    @Test("Parts in each other's place, twice, or of another model are refused") func wrongParts() throws {
        let parts = Self.model.parts(3)
        try write([parts[0], parts[2], parts[1]])
        expectError(says: "split.no is 2, expected 1")
        try write([parts[0], parts[1], parts[1]])
        expectError(says: "split.no is 1, expected 2")
        try write([parts[1], parts[1], parts[2]])
        expectError(says: "split.no is 1, expected 0")
        var other = parts[2]
        other.set("split.count", type: 2, value: GGUFImage.encode(UInt16(4)))
        try write([parts[0], parts[1], other])
        expectError(says: "split.count is 4, expected 3")
        expectError(3, says: "split.count is 4, expected the number in the file's name")
        other = parts[2]
        other.set("split.tensors.count", type: 5, value: GGUFImage.encode(Int32(8)))
        try write([parts[0], parts[1], other])
        expectError(says: "split.tensors.count")
        other = parts[2]
        other.tensors[0].name = Array("t0".utf8)
        try write([parts[0], parts[1], other])
        expectError(says: "duplicate tensor, which another part has too, \"t0\"")
        other = parts[2]
        other.tensors.removeLast()
        try write([parts[0], parts[1], other])
        expectError(says: "split.tensors.count is 7, expected 6")
    }

    @Test("Keys of a part that are missing or no numbers are refused") func wrongKeys() throws {
        for key in ["split.no", "split.tensors.count"] {
            var parts = Self.model.parts(2)
            parts[1].pairs.remove(at: parts[1].pair(key))
            try write(parts)
            expectError(of: 2, says: "\(key) is missing")
            parts = Self.model.parts(2)
            parts[0].set(key, type: 8, value: GGUFImage.encode(string: "1".utf8))
            try write(parts)
            expectError(of: 2, says: key)
        }
        for count in [UInt64.max, 1 << 40, 100_000] {
            var part = Self.model.parts(2)[0]
            part.set("split.count", type: 10, value: GGUFImage.encode(count))
            try write(part.bytes, path(1, of: 2))
            expectError(of: 2, says: "split.count")
        }
    }

    @Test("A part under another name says what its name must be") func renamed() throws {
        let path = directory.file("renamed.gguf")
        try write(Self.model.parts(2)[0].bytes, path)
        let error = #expect(throws: FormatError.self) { try GGUFFile(path: path) }
        #expect(error?.description.contains("-0000N-of-0000M.gguf") == true)
    }

    @Test("A part that is cut, a link to nowhere or no file is an error with its name") func damaged() throws
    {
        let parts = Self.model.parts(3)
        try write(parts)
        try write(Array(parts[1].bytes.dropLast(24)), path(2))
        expectError(says: "model-00002-of-00003.gguf")
        unlink(path(2))
        #expect(symlink("/nonexistent", path(2)) == 0)
        expectError(says: "model-00002-of-00003.gguf")
        unlink(path(2))
        #expect(mkfifo(path(2), 0o600) == 0)
        expectError(says: "model-00002-of-00003.gguf")
    }

    @Test(
        "Names of parts are told from others",
        arguments: [
            ("a/m-00002-of-00003.gguf", 2), ("-00001-of-00001.gguf", 1), ("m-00001-of-99999.safetensors", 1),
            ("m-00000-of-00003.gguf", nil), ("m-00004-of-00003.gguf", nil), ("m-0001-of-0003.gguf", nil),
            ("m-00001-of-00003.GGUF", nil), ("m-0000x-of-00003.gguf", nil), ("00001-of-00003.gguf", nil),
            ("", nil),
            ("m-00001-of-00003", nil), ("m-00001_of-00003.gguf", nil),
        ] as [(String, Int?)])
    func names(name: String, number: Int?) {
        let split = SplitName(name)
        #expect(split?.number == number)
        if let split { #expect(split.path(ofPart: split.number) == name) }
    }
}
