import RedrafterFormats
import RedrafterPlatform
import RedrafterTesting
import Testing

@testable import RedrafterTraining

@Suite("Damaged checkpoints")
struct CheckpointDamageTests {
    let directory = TemporaryDirectory()
    var store: CheckpointStore { CheckpointStore(directory: directory.path) }
    var newest: String { directory.file("checkpoint-00000200") }

    private func prepare() throws {
        try store.save(CheckpointTests.checkpoint(100))
        try store.save(CheckpointTests.checkpoint(200))
    }

    /// The newest is skipped with a reason and the one before it is used.
    private func expectSkipped(_ text: String, _ comment: String = "") throws {
        let loaded = try #require(try store.load(), "\(comment)")
        #expect(loaded.checkpoint.step == 100, "\(comment)")
        #expect(loaded.checkpoint.tensors == CheckpointTests.checkpoint(100).tensors)
        #expect(loaded.skipped.count == 1)
        let reason = loaded.skipped.first ?? "nothing"
        #expect(reason.hasPrefix("checkpoint-00000200: "), "said: \(reason)")
        #expect(reason.contains(text), "said: \(reason) \(comment)")
    }

    @Test(
        "one bit in any place of any file is noticed",
        arguments: ["manifest.json", "state.json", "tensors.safetensors"])
    func bit(name: String) throws {
        try prepare()
        let path = "\(newest)/\(name)"
        let good = FileTree.content(path)
        #expect(!good.isEmpty)
        for place in good.indices {
            var bad = good
            bad[place] ^= 1 << UInt8(place % 8)
            FileTree.write(bad, to: path)
            try expectSkipped(name, "bit \(place % 8) of byte \(place)")
        }
        FileTree.write(good, to: path)
        #expect(try store.load()?.checkpoint.step == 200)
    }

    @Test(
        "a file that is cut, empty, longer or missing is noticed",
        arguments: ["manifest.json", "state.json", "tensors.safetensors"])
    func length(name: String) throws {
        try prepare()
        let path = "\(newest)/\(name)"
        let good = FileTree.content(path)
        for bad in [[], Array(good.dropLast()), Array(good.prefix(1)), good + [0x20], good + good] {
            FileTree.write(bad, to: path)
            try expectSkipped(name, "\(bad.count) bytes")
        }
        unlink(path)
        try expectSkipped("\(name): no such file")
        mkdir(path, 0o700)
        try expectSkipped("directory")
    }

    @Test("files of another run, or of another step, are noticed")
    func swapped() throws {
        try prepare()
        let other = TemporaryDirectory()
        let elsewhere = CheckpointStore(directory: other.path)
        try elsewhere.save(CheckpointTests.checkpoint(200, bias: 1))
        var state = CheckpointTests.checkpoint(200)
        state.state = .object(["position": .integer(1401), "random": .string("18446744073709551615")])
        for name in ["state.json", "tensors.safetensors", "manifest.json"] {
            let good = FileTree.content("\(newest)/\(name)")
            let foreign = FileTree.content(other.file("checkpoint-00000200/\(name)"))
            if name != "state.json" {
                #expect(foreign.count == good.count && foreign != good)
                FileTree.write(foreign, to: "\(newest)/\(name)")
                try expectSkipped("the SHA-256", name)
            }
            FileTree.write(
                FileTree.content(directory.file("checkpoint-00000100/\(name)")), to: "\(newest)/\(name)")
            try expectSkipped(name == "manifest.json" ? "step is 100, expected 200" : name)
            FileTree.write(good, to: "\(newest)/\(name)")
        }
        #expect(try store.load()?.checkpoint.step == 200)
    }

    @Test("a file or a link in the place of a checkpoint is noticed")
    func misplaced() throws {
        try prepare()
        FileTree.write([], to: directory.file("checkpoint-00000300"))
        symlink("nowhere", directory.file("checkpoint-00000400"))
        mkdir(directory.file("checkpoint-00000500"), 0o700)
        let loaded = try #require(try store.load())
        #expect(loaded.checkpoint.step == 200)
        #expect(loaded.skipped.count == 3)
        #expect(loaded.skipped[0].hasPrefix("checkpoint-00000500: manifest.json: no such file"))
    }

    @Test("where all checkpoints are damaged, the run does not start from scratch")
    func allDamaged() throws {
        try prepare()
        truncate("\(newest)/state.json", 3)
        unlink(directory.file("checkpoint-00000100/manifest.json"))
        let error = #expect(throws: TrainingError.self) { try store.load() }
        #expect(caseName(of: error) == "noUsableCheckpoint")
        let text = error?.description ?? ""
        #expect(text.contains("none of 2 checkpoints can be used"), "said: \(text)")
        #expect(text.contains("checkpoint-00000200: state.json: the size is 3"), "said: \(text)")
        #expect(text.contains("checkpoint-00000100: manifest.json: no such file"), "said: \(text)")
        #expect(error?.hint != nil)
    }

    @Test("a damaged checkpoint does not count among those that stay, and goes once a newer one is complete")
    func pruning() throws {
        try prepare()
        truncate("\(newest)/tensors.safetensors", 3)
        #expect(try store.load()?.checkpoint.step == 100)
        let between = try store.save(CheckpointTests.checkpoint(150))
        #expect(between.removed.isEmpty)
        #expect(try store.load()?.checkpoint.step == 150)
        let again = try store.save(CheckpointTests.checkpoint(200))
        #expect(again.path == newest + "-2")
        #expect(again.removed == ["checkpoint-00000200", "checkpoint-00000100"])
        #expect(FileTree.names(directory.path) == ["checkpoint-00000150", "checkpoint-00000200-2"])
    }

    @Test("a checkpoint of a later version is not passed over for an older one")
    func newer() throws {
        try prepare()
        var manifest = try CheckpointManifest(path: "\(newest)/manifest.json")
        #expect(manifest.step == 200)
        #expect(manifest.files.map(\.name) == ["tensors.safetensors", "state.json"])
        manifest.version = 2
        FileTree.write(manifest.encoded(), to: "\(newest)/manifest.json")
        let error = #expect(throws: TrainingError.self) { try store.load() }
        #expect(caseName(of: error) == "newerCheckpoint")
        #expect(error?.description.contains("checkpoint version is 2, this program reads up to 1") == true)
        manifest.version = 0
        FileTree.write(manifest.encoded(), to: "\(newest)/manifest.json")
        try expectSkipped("version is 0")
    }

    @Test("names in a manifest that lead elsewhere are refused")
    func names() throws {
        try prepare()
        var manifest = try CheckpointManifest(path: "\(newest)/manifest.json")
        manifest.files[0].name = "../checkpoint-00000100/tensors.safetensors"
        FileTree.write(manifest.encoded(), to: "\(newest)/manifest.json")
        try expectSkipped("files is")
    }

    @Test("the first setting that differs is named with both values")
    func settings() throws {
        let stored = JSONValue.object([
            "vocabulary": .integer(49152), "rate": .double(1),
            "betas": .array([.double(0.9), .double(0.95)]),
            "data": .object(["sha256": .string("aa"), "files": .integer(2)]), "threads": .integer(2),
            "seed": .integer(.max),
        ])
        let same = JSONValue.object([
            "threads": .integer(2), "rate": .integer(1), "betas": .array([.double(0.9), .double(0.95)]),
            "data": .object(["files": .integer(2), "sha256": .string("aa")]), "vocabulary": .integer(49152),
            "seed": .integer(.max),
        ])
        #expect(try CheckpointSettings.check(stored: stored, current: same, file: "c").isEmpty)
        let other = JSONValue.object([
            "vocabulary": .integer(49152), "rate": .double(1),
            "betas": .array([.double(0.9), .double(0.99)]),
            "data": .object(["sha256": .string("ab"), "files": .integer(2)]), "threads": .integer(4),
            "seed": .integer(.max - 1), "new": .integer(0), "nothing": .null,
        ])
        #expect(
            CheckpointSettings.differences(stored: stored, current: other).map(\.key) == [
                "betas[1]", "data.sha256", "threads", "seed", "new",
            ])
        let error = #expect(throws: TrainingError.self) {
            try CheckpointSettings.check(
                stored: stored, current: other, file: "c", tolerated: ["threads", "betas"])
        }
        #expect(caseName(of: error) == "mismatch")
        #expect(
            error?.description
                == "c: data.sha256 was \"aa\" when it was written, it is \"ab\" now")
        let tolerated = try CheckpointSettings.check(
            stored: stored, current: other, file: "c", tolerated: ["threads", "betas", "data", "seed", "new"])
        #expect(tolerated.count == 5)
        #expect(CheckpointSettings.differences(stored: stored, current: .null).map(\.key) == [""])
    }
}
