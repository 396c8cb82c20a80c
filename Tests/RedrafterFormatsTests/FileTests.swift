import BundledDrafters
import RedrafterCore
import RedrafterFormats
import RedrafterPlatform
import RedrafterTesting
import Testing

@Suite("Files")
struct FileTests {
    let directory = TemporaryDirectory()

    /// - Parameter cases: names of cases; nil for any error of the content.
    private func expect(
        _ cases: [String]?, _ text: String, _ body: @autoclosure () throws(FormatError) -> Any
    ) {
        do {
            _ = try body()
            Issue.record("no error; expected \(text)")
        } catch {
            #expect(cases?.contains(caseName(of: error) ?? "") ?? error.isOfContent)
            #expect(error.description.contains(text), "said: \(error)")
        }
    }

    @Test("what is no readable regular file is refused at once, each with its own text")
    func refused() throws {
        mkfifo(directory.file("pipe"), 0o600)
        symlink("nowhere", directory.file("dangling"))
        symlink("loop", directory.file("loop"))
        try ToyModelFile.write([1], to: directory.file("plain"))
        for (path, text) in [
            (directory.file("absent"), "no such file"), (directory.path, "directory"),
            (directory.file("pipe"), "pipe"),
            ("/dev/zero", "character device"), ("/dev/null", "character device"), ("", "empty"),
            ("a\u{0}b", "NUL"),
            (directory.file("dangling"), "symbolic link to a file that does not exist"),
            (directory.file("loop"), "loop"),
            (directory.file("plain/x"), "not a directory"),
            (directory.file(String(repeating: "n", count: 300)), "too long"),
        ] {
            expect(["missing", "notRegular"], text, try MappedFile(path: path))
        }
    }

    @Test(
        "a file without read permission is refused as that",
        .enabled(if: geteuid() != 0, "root reads everything"))
    func unreadable() throws {
        try ToyModelFile.write([1], to: directory.file("secret"))
        chmod(directory.file("secret"), 0)
        expect(["permission"], "permission denied", try MappedFile(path: directory.file("secret")))
    }

    @Test("an empty file maps to no bytes and is said to be empty by every reader")
    func empty() throws {
        let path = directory.file("empty")
        try ToyModelFile.write([], to: path)
        #expect(try MappedFile(path: path).bytes.isEmpty)
        expect(nil, "truncated header", try GGUFFile(path: path))
        expect(nil, "an empty file", try SafetensorsFile(path: path))
        expect(nil, "empty", try JSONValue(path: path))
    }

    @Test("released pages read back the same, and a file that shrinks is noticed")
    func release() throws {
        let content = (0..<100_000).map { UInt8(truncatingIfNeeded: $0) }
        let path = directory.file("data")
        try ToyModelFile.write(content, to: path)
        let file = try MappedFile(path: path)
        #expect(Array(file.bytes) == content)
        file.prefetch(offset: 5, count: 50_000)
        file.release(offset: 5, count: 99_000)
        file.release(offset: 50_000, count: 50_000)
        file.release(offset: -1, count: .max)
        file.release(offset: .max, count: .max)
        #expect(Array(file.bytes) == content)
        try file.checkUnchanged()
        truncate(path, 10)
        expect(nil, "changed while in use", try file.checkUnchanged())
    }

    @Test("a file written anew is the old one until it is committed, and leaves nothing behind on failure")
    func atomic() throws {
        let path = directory.file("out")
        try ToyModelFile.write([1, 2, 3], to: path)
        do {
            let file = try AtomicFile(path: path)
            try file.write([UInt8](repeating: 9, count: 3 << 20))
            #expect(try content(path) == [1, 2, 3])
        }
        #expect(try content(path) == [1, 2, 3])
        let file = try AtomicFile(path: path)
        try file.write([4])
        try file.write([UInt8](repeating: 5, count: 2 << 20))
        try file.write([6])
        try file.commit()
        #expect(try content(path) == [4] + [UInt8](repeating: 5, count: 2 << 20) + [6])
        #expect(entries(directory.path) == ["out"])
    }

    @Test("outputs that cannot be are refused before anything is written")
    func cannotCreate() throws {
        for (path, text) in [
            (directory.path, "directory is in its place"), ("/dev/full", "character device is in its place"),
            ("", "empty"),
            (directory.file("no/such/out"), "No such file"),
        ] {
            expect(["cannotCreate"], text, try AtomicFile(path: path))
        }
        expect(
            ["inputOutput", "noSpace"], "disk space",
            try AtomicFile(path: directory.file("huge"), expectedBytes: 1 << 60))
        #expect(entries(directory.path).isEmpty)
    }

    @Test("a full disk ends in an error of the output, the old file and no temporary one")
    func fullDisk() throws {
        let path = directory.file("out")
        try ToyModelFile.write([1], to: path)
        signal(SIGXFSZ, SIG_IGN)
        var old = rlimit()
        getrlimit(fileSizeResource, &old)
        // Other tests write at the same time, but nothing nearly as large.
        var small = old
        small.rlim_cur = 64 << 20
        setrlimit(fileSizeResource, &small)
        defer { setrlimit(fileSizeResource, &old) }
        func write() throws(FormatError) {
            let file = try AtomicFile(path: path)
            let block = [UInt8](repeating: 0, count: 8 << 20)
            for _ in 0..<10 { try file.write(block) }
            try file.commit()
        }
        expect(["inputOutput", "noSpace"], "cannot write", try write())
        #expect(try content(path) == [1])
        #expect(entries(directory.path) == ["out"])
    }

    private func content(_ path: String) throws(FormatError) -> [UInt8] {
        let file = try MappedFile(path: path)
        return withExtendedLifetime(file) { Array(file.bytes) }
    }

    private func entries(_ path: String) -> [String] {
        var names = [String]()
        guard let handle = opendir(path) else { return [] }
        defer { closedir(handle) }
        while let entry = readdir(handle) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name != ".", name != ".." { names.append(name) }
        }
        return names.sorted()
    }
}

#if canImport(Glibc)
    private let fileSizeResource = __rlimit_resource_t(RLIMIT_FSIZE.rawValue)
#else
    private let fileSizeResource = RLIMIT_FSIZE
#endif

@Suite("Sharded safetensors")
struct ShardTests {
    let directory = TemporaryDirectory()

    private func shard(_ names: [String]) -> [UInt8] {
        var image = SafetensorsImage()
        for name in names { image.append(name, dtype: "F32", shape: [1], data: [0, 0, 0, 0]) }
        return image.bytes
    }

    private func prepare(_ index: String) throws {
        try ToyModelFile.write(shard(["a", "b"]), to: directory.file("s1.safetensors"))
        try ToyModelFile.write(shard(["c"]), to: directory.file("s2.safetensors"))
        try ToyModelFile.write(Array(index.utf8), to: directory.file("model.safetensors.index.json"))
    }

    private let good =
        #"{"metadata":{"total_size":12},"weight_map":{"a":"s1.safetensors","b":"s1.safetensors","c":"s2.safetensors"}}"#

    @Test("a directory, its index and a single file all open")
    func opens() throws {
        try prepare(good)
        for path in [directory.path, directory.file("model.safetensors.index.json")] {
            let model = try SafetensorsModel(path: path)
            #expect(model.tensors.map(\.name) == ["a", "b", "c"])
            #expect(model.files.count == 2)
            #expect(model.directory == directory.path)
            #expect(model.warnings.isEmpty)
            #expect(try model.requiredTensor(named: "c").shape == [1])
            #expect(try FileSummary(path: path).tensors.count == 3)
        }
        #expect(try SafetensorsModel(path: directory.file("s1.safetensors")).tensors.count == 2)
        #expect(throws: FormatError.self) { try SafetensorsModel(path: directory.file("absent")) }
        try ToyModelFile().writeHuggingFace(to: directory.path)
        #expect(try SafetensorsModel(path: directory.path).tensors.count == 20)
        #expect(try FileSummary(path: directory.path).format == "safetensors")
    }

    @Test("an index with another sum of bytes opens with a warning")
    func wrongTotal() throws {
        try prepare(good.replacing("12", with: "13"))
        let model = try SafetensorsModel(path: directory.path)
        #expect(model.tensors.count == 3)
        #expect(model.warnings == ["the index says that all tensors have 13 bytes, they have 12"])
    }

    @Test("a Git LFS pointer in the place of a text is named, with what to do")
    func pointer() throws {
        let path = directory.file("config.json")
        let text = "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n"
        try ToyModelFile.write(Array(text.utf8), to: path)
        let error = #expect(throws: FormatError.self) { try JSONValue(path: path) }
        #expect(error?.description.contains("Git LFS pointer") == true)
        #expect(error?.description.contains("git lfs pull") == true)
    }

    @Test("tensors outside the index are a warning")
    func surplus() throws {
        try prepare(#"{"weight_map":{"a":"s1.safetensors","c":"s2.safetensors"}}"#)
        #expect(try SafetensorsModel(path: directory.path).warnings.count == 1)
    }

    @Test(
        "an index that lies or leaves the directory is refused",
        arguments: [
            (#"{"weight_map":{"a":"../x"}}"#, "plain file name"),
            (#"{"weight_map":{"a":"/etc/passwd"}}"#, "plain file name"),
            (#"{"weight_map":{"a":".."}}"#, "plain file name"),
            (#"{"weight_map":{"a":""}}"#, "plain file name"),
            (#"{"weight_map":{"a":"x\u0000y"}}"#, "plain file name"),
            (#"{"weight_map":{"a":"link"}}"#, "link out of"),
            (#"{"weight_map":{"a":"pipe"}}"#, "pipe"), (#"{"weight_map":{"a":"absent"}}"#, "no such file"),
            (#"{"weight_map":{"c":"s1.safetensors"}}"#, "as the index says"),
            (#"{"weight_map":{"a":"s2.safetensors","b":"s1.safetensors"}}"#, "as the index says"),
            (#"{"weight_map":{"a":"s1.safetensors","b":"copy.safetensors"}}"#, "duplicate tensor"),
            (#"{"weight_map":{}}"#, "weight_map"), (#"{"weight_map":[]}"#, "weight_map"),
            ("[]", "weight_map"),
            (#"{"weight_map":{"a":1}}"#, "name of a shard"), ("{", "JSON"),
        ])
    func refused(index: String, text: String) throws {
        try prepare(index)
        symlink("/etc/passwd", directory.file("link"))
        mkfifo(directory.file("pipe"), 0o600)
        try ToyModelFile.write(shard(["a"]), to: directory.file("copy.safetensors"))
        let error = #expect(throws: FormatError.self) { try SafetensorsModel(path: directory.path) }
        #expect(error?.description.contains(text) == true, "said: \(error?.description ?? "nothing")")
        #expect(error?.isOfContent == true || ["missing", "notRegular"].contains(caseName(of: error)))
    }

    @Test("links into the blobs that all models of a Hugging Face cache share are followed")
    func sharedBlobs() throws {
        let home = directory.file("models--org--name")
        let snapshot = home + "/snapshots/abc"
        for path in [
            home, home + "/snapshots", snapshot, home + "/blobs", directory.file("blobs"),
            directory.file("blobs/12"),
        ] { mkdir(path, 0o700) }
        try ToyModelFile.write(shard(["a"]), to: directory.file("blobs/12/1234"))
        symlink("../../blobs/12/1234", home + "/blobs/hash")
        symlink("../../blobs/hash", snapshot + "/s1.safetensors")
        try ToyModelFile.write(
            Array(#"{"weight_map":{"a":"s1.safetensors"}}"#.utf8),
            to: snapshot + "/model.safetensors.index.json")
        #expect(try SafetensorsModel(path: snapshot).tensors.count == 1)
    }

    @Test("links into the blobs of a Hugging Face cache are followed")
    func cache() throws {
        let snapshot = directory.file("snapshots") + "/abc"
        mkdir(directory.file("snapshots"), 0o700)
        mkdir(directory.file("blobs"), 0o700)
        mkdir(snapshot, 0o700)
        try ToyModelFile.write(shard(["a"]), to: directory.file("blobs") + "/1234")
        symlink("../../blobs/1234", snapshot + "/s1.safetensors")
        try ToyModelFile.write(
            Array(#"{"weight_map":{"a":"s1.safetensors"}}"#.utf8),
            to: snapshot + "/model.safetensors.index.json")
        #expect(try SafetensorsModel(path: snapshot).tensors.count == 1)
    }
}
