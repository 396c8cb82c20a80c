import RedrafterCore
import RedrafterFormats
import RedrafterPlatform
import RedrafterTesting
import Testing

@testable import RedrafterTraining

/// What is in an output directory under a name that the program uses, and is not the program's.
@Suite("Names of outputs that are taken")
struct OutputNameTests {
    let directory = TemporaryDirectory()
    private let text = Array("somebody's own text\n".utf8)

    private func lock() throws(TrainingError) { _ = try OutputLock(directory: directory.path) }

    private func log() throws(TrainingError) {
        _ = try TrainingLog(path: directory.file("log.jsonl"), keepingThrough: 0)
    }

    private var opened: [(name: String, open: () throws(TrainingError) -> Void)] {
        [("lock", lock), ("log.jsonl", log)]
    }

    @Test("a file that is written in place is never one that a link points to, nor a pipe")
    func links() throws {
        let target = directory.file("target")
        for (name, open) in opened {
            let path = directory.file(name)
            for content in [text, [], Array("redrafter lock\n".utf8), Array("{\"step\":1}\n".utf8)] {
                FileTree.write(content, to: target)
                #expect(symlink(target, path) == 0)
                let error = #expect(throws: TrainingError.self) { try open() }
                #expect(error == .foreignFile(file: path, found: "a symbolic link"))
                #expect(error?.hint != nil)
                #expect(FileTree.content(target) == content)
                unlink(path)
            }
            #expect(symlink(directory.file("nowhere"), path) == 0)
            #expect(throws: TrainingError.self) { try open() }
            unlink(path)
            #expect(mkfifo(path, 0o600) == 0)
            #expect(caseName(of: #expect(throws: TrainingError.self) { try open() }) == "foreignFile")
            unlink(path)
            unlink(target)
        }
        #expect(FileTree.names(directory.path).isEmpty)
    }

    @Test("a file of another program is refused and stays as it is")
    func foreign() throws {
        let long = Array("redrafter lock\n".utf8) + [UInt8](repeating: 0x31, count: 100)
        for (name, contents) in [
            ("lock", [text, Array("4711\n".utf8), [0], long]),
            ("log.jsonl", [text, [0], Array("{}\n".utf8)]),
        ] {
            let open = try #require(opened.first { $0.name == name }).open
            for content in contents {
                let path = directory.file(name)
                FileTree.write(content, to: path)
                let error = #expect(throws: TrainingError.self) { try open() }
                #expect(caseName(of: error) == "foreignFile")
                #expect(error?.description.contains("was not touched") == true)
                #expect(FileTree.content(path) == content)
                unlink(path)
            }
        }
        // An empty file may be a lock whose disk was full; with a second name it is somebody's.
        FileTree.write([], to: directory.file("mine"))
        #expect(link(directory.file("mine"), directory.file("lock")) == 0)
        #expect(throws: TrainingError.self) { try lock() }
        #expect(FileTree.content(directory.file("mine")).isEmpty)
        unlink(directory.file("mine"))
        try lock()
    }

    @Test("outputs that appear complete take the place of a link, and leave what it points to")
    func replaced() throws {
        let target = directory.file("target")
        FileTree.write(text, to: target)
        let manifest = DistillationManifest(
            fingerprint: ModelFingerprint(
                tokenizer: "t", vocabularySize: 16, hiddenSize: 4, layers: 1, heads: 1, keyValueHeads: 1,
                feedForwardSize: 4), model: "m", settings: .null,
            shape: DistillationShape(topCount: 1, hiddenSize: 0))
        var answer = DistilledAnswer(item: 0, prompt: [1], isGreedy: true)
        (answer.tokens, answer.topTokens, answer.topLogProbabilities) = ([2], [2], [0])
        let writes: [(String, () throws -> Void)] = [
            (
                "progress.svg",
                { try TrainingPlot(title: "t", entries: []).write(to: directory.file("progress.svg")) }
            ),
            ("manifest.json", { try manifest.write(to: directory.path) }),
            (
                "answers-00000.safetensors",
                {
                    try DistillationShard.write(
                        [answer], shape: manifest.shape, to: directory.file("answers-00000.safetensors"))
                }
            ),
        ]
        for (name, write) in writes {
            #expect(symlink(target, directory.file(name)) == 0)
            try write()
            #expect(FileTree.content(directory.file(name)) != text, "\(name)")
            #expect(FileTree.content(target) == text, "\(name)")
        }
    }

    @Test("a checkpoint is never written into the directory that a link of its name points to")
    func checkpoints() throws {
        mkdir(directory.file("other"), 0o700)
        for name in ["tensors.safetensors", "state.json", "manifest.json"] {
            FileTree.write(text, to: directory.file("other/\(name)"))
        }
        let run = directory.file("run")
        mkdir(run, 0o700)
        for name in ["checkpoint-00000002", "checkpoint-00000002.partial", "checkpoint-00000002-2.partial"] {
            #expect(symlink(directory.file("other"), "\(run)/\(name)") == 0)
        }
        let before = FileTree.everything(directory.file("other"))
        let store = CheckpointStore(directory: run)
        try store.save(CheckpointTests.checkpoint(2))
        #expect(FileTree.everything(directory.file("other")) == before)
        #expect(try store.load()?.checkpoint.step == 2)
    }

    @Test("what stopped processes have left is removed, and nothing else")
    func leftovers() throws {
        let store = CheckpointStore(directory: directory.path)
        try store.save(CheckpointTests.checkpoint(1))
        let ours = ["checkpoint-00000001.partial", "checkpoint-00000003-2.partial"]
        let files = ["log.jsonl.3w5e11264sgsf.partial", "drafter.gguf.0.partial"]
        let others = [
            "checkpoint-1.partial", "checkpoint-00000001.partial.old", "notes.txt.abc.partial",
            "log.jsonl.partial",
            "log.jsonl.Abc.partial", "log.jsonl.abcdefghijklmn.partial", "drafter.gguf.x.part",
        ]
        for name in ours {
            FileTree.copy(directory.file("checkpoint-00000001"), to: directory.file(name))
        }
        for name in files + others { FileTree.write(text, to: directory.file(name)) }
        #expect(try store.hasTraces())
        let lock = try OutputLock(directory: directory.path)
        #expect(store.removeLeftovers().isEmpty)
        #expect(lock.removeLeftovers { ["log.jsonl", "drafter.gguf"].contains($0) }.isEmpty)
        #expect(
            Set(FileTree.names(directory.path)) == Set(others + ["lock", "checkpoint-00000001"]))
        #expect(try store.load()?.checkpoint.step == 1)
    }
}
