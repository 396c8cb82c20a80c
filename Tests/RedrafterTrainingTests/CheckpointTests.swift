import RedrafterFormats
import RedrafterPlatform
import RedrafterTesting
import Testing

@testable import RedrafterTraining

@Suite("Checkpoints")
struct CheckpointTests {
    let directory = TemporaryDirectory()
    var store: CheckpointStore { CheckpointStore(directory: directory.path) }

    static func checkpoint(_ step: Int, bias: Float = 0) -> TrainingCheckpoint {
        TrainingCheckpoint(
            step: step,
            tensors: [
                .init(name: "weight", shape: [2, 3], values: [0, 1, 2, 3, 4, Float(step) + bias]),
                .init(name: "moment", shape: [], values: [0.5]),
                .init(name: "none", shape: [0, 4], values: []),
            ], state: .object(["position": .integer(step * 7), "random": .string("18446744073709551615")]))
    }

    @Test("SHA-256 gives the digests of its standard, in pieces of any length")
    func sha256() {
        #expect(
            SHA256.hexadecimal([UInt8]())
                == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
        #expect(
            SHA256.hexadecimal(Array("abc".utf8))
                == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
        #expect(
            SHA256.hexadecimal(Array("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq".utf8))
                == "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1")
        let million = [UInt8](repeating: UInt8(ascii: "a"), count: 1_000_000)
        #expect(
            SHA256.hexadecimal(million) == "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0")
        for length in 0..<200 {
            let bytes = (0..<length).map { UInt8($0) }
            var digest = SHA256()
            var rest = bytes[...]
            while !rest.isEmpty {
                let piece = [UInt8](rest.prefix(1 + rest.count % 7 * 11))
                rest = rest.dropFirst(piece.count)
                piece.withUnsafeBytes { digest.add($0) }
            }
            #expect(digest.finish() == SHA256.hexadecimal(bytes), "\(length) bytes")
        }
    }

    @Test("all finite floats and the state come back bit for bit")
    func roundTrip() throws {
        var bits: [UInt32] = [
            0, 0x8000_0000, 1, 0x8000_0001, 0x007F_FFFF, 0x0080_0000, 0x7F7F_FFFF, 0xFF7F_FFFF,
        ]
        var state: UInt32 = 1
        while bits.count < 300_000 {
            state = state &* 1_664_525 &+ 1_013_904_223
            if Float(bitPattern: state).isFinite { bits.append(state) }
        }
        let values = bits.map { Float(bitPattern: $0) }
        let json = JSONValue.object([
            "text": .string("“\u{1}\n\"”"), "small": .double(.leastNonzeroMagnitude), "rate": .double(0.1),
            "count": .integer(.max),
            "nested": .array([.null, .bool(true), .object([:])]),
        ])
        let saved = TrainingCheckpoint(
            step: 3, tensors: [.init(name: "w/\"ü\"", shape: [3, bits.count / 3], values: values)],
            state: json)
        try store.save(saved)
        let loaded = try #require(try store.load())
        #expect(loaded.checkpoint.tensors[0].values.map(\.bitPattern) == bits)
        #expect(loaded.checkpoint.tensors.map(\.name) == ["w/\"ü\""])
        #expect(loaded.checkpoint.tensors[0].shape == [3, 100_000])
        #expect(loaded.checkpoint.state == json)
        #expect(loaded.checkpoint.step == 3)
        #expect(loaded.skipped.isEmpty)
        #expect(loaded.path == directory.file("checkpoint-00000003"))
    }

    @Test("a directory without checkpoints, or none, holds nothing to resume")
    func nothing() throws {
        #expect(try store.load() == nil)
        #expect(try CheckpointStore(directory: directory.file("absent")).load() == nil)
        for name in [
            "checkpoint-1", "checkpoint-00000001.partial", "checkpoint-0000000x", "checkpoint", "other",
        ] {
            mkdir(directory.file(name), 0o700)
        }
        #expect(try store.load() == nil)
    }

    @Test("the last ones stay, the older ones go", arguments: [1, 2, 3])
    func pruned(keep: Int) throws {
        let store = CheckpointStore(directory: directory.path, keep: keep)
        var removed = [String]()
        for step in [5, 10, 100, 123_456_789, 1_234_567_890] {
            let saved = try store.save(Self.checkpoint(step))
            removed += saved.removed
            #expect(saved.warnings.isEmpty)
        }
        let all = [
            "checkpoint-00000005", "checkpoint-00000010", "checkpoint-00000100", "checkpoint-123456789",
            "checkpoint-1234567890",
        ]
        #expect(FileTree.names(directory.path) == all.suffix(keep).sorted())
        #expect(removed == Array(all.dropLast(keep)))
        #expect(try store.load()?.checkpoint.step == 1_234_567_890)
    }

    @Test("a step that is saved again replaces the first when it is complete")
    func again() throws {
        try store.save(Self.checkpoint(100))
        try store.save(Self.checkpoint(200))
        let saved = try store.save(Self.checkpoint(200, bias: 1))
        #expect(saved.path == directory.file("checkpoint-00000200-2"))
        #expect(saved.removed == ["checkpoint-00000200"])
        #expect(try store.load()?.checkpoint.tensors[0].values.last == 201)
        #expect(FileTree.names(directory.path) == ["checkpoint-00000100", "checkpoint-00000200-2"])
    }

    @Test("what an interrupted save left behind is never read, and goes with the next save")
    func leftovers() throws {
        try store.save(Self.checkpoint(100))
        // Killed between two files, while the name of a file was given, and while an old checkpoint was
        // removed.
        FileTree.copy(
            directory.file("checkpoint-00000100"), to: directory.file("checkpoint-00000200.partial"))
        unlink(directory.file("checkpoint-00000200.partial/manifest.json"))
        try ToyModelFile.write(
            [1, 2], to: directory.file("checkpoint-00000200.partial/state.json.1x.partial"))
        FileTree.copy(
            directory.file("checkpoint-00000100"), to: directory.file("checkpoint-00000050.partial"))
        unlink(directory.file("checkpoint-00000050.partial/tensors.safetensors"))
        try ToyModelFile.write([1], to: directory.file("someone-else.partial"))
        let loaded = try #require(try store.load())
        #expect(loaded.checkpoint.step == 100)
        #expect(loaded.skipped.isEmpty)
        try store.save(Self.checkpoint(200))
        #expect(
            FileTree.names(directory.path) == [
                "checkpoint-00000100", "checkpoint-00000200", "someone-else.partial",
            ])
        #expect(
            FileTree.names(directory.file("checkpoint-00000200")) == [
                "manifest.json", "state.json", "tensors.safetensors",
            ])
    }

    @Test(
        "numbers that are not finite are refused, and the good checkpoint stays",
        arguments: [Float.nan, .infinity])
    func nonFinite(value: Float) throws {
        try store.save(Self.checkpoint(100))
        var bad = Self.checkpoint(200)
        bad.tensors[0].values[4] = value
        bad.tensors[0].values[5] = -.infinity
        let error = #expect(throws: TrainingError.self) { try store.save(bad) }
        #expect(caseName(of: error) == "nonFinite")
        #expect(error?.description.contains("tensor \"weight\" holds 2 values that are not finite") == true)
        #expect(error?.description.contains("\(value) at 4") == true)
        #expect(FileTree.names(directory.path) == ["checkpoint-00000100"])
        #expect(try store.load()?.checkpoint.step == 100)
    }
}
