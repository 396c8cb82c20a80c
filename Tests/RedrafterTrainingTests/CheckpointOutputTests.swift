import RedrafterFormats
import RedrafterPlatform
import RedrafterTesting
import Testing

@testable import RedrafterTraining

/// Each test that changes limits of the process, or ends it, runs in a process of its own.
@Suite("Outputs that cannot be written")
struct CheckpointOutputTests {
    @Test(
        "a file beyond the limit of the process ends in exit code 74, with the good checkpoint and nothing else"
    )
    func fileTooLarge() async {
        await #expect(processExitsWith: .success) {
            for earlier in [0, 1, 5] {
                let directory = TemporaryDirectory()
                let store = CheckpointStore(directory: directory.path)
                for step in 0..<earlier { try store.save(CheckpointTests.checkpoint(step)) }
                let before = FileTree.everything(directory.path)
                signal(SIGXFSZ, SIG_IGN)
                var (old, small) = (rlimit(), rlimit())
                getrlimit(fileSizeResource, &old)
                small = old
                // In the header, in the first tensor, and, with a large state, in the second file.
                for (limit, stateBytes) in [(64, 10), (4 << 20, 10), (12 << 20, 16 << 20)] {
                    small.rlim_cur = rlim_t(limit)
                    setrlimit(fileSizeResource, &small)
                    let large = TrainingCheckpoint(
                        step: 9,
                        tensors: [
                            .init(name: "w", shape: [2 << 20], values: [Float](repeating: 1, count: 2 << 20))
                        ], state: .string(String(repeating: "x", count: stateBytes)))
                    let error = #expect(throws: TrainingError.self) { try store.save(large) }
                    setrlimit(fileSizeResource, &old)
                    #expect(caseName(of: error) == "output.inputOutput")
                    #expect(
                        error?.description.contains("cannot write: File too large") == true, "\(error as Any)"
                    )
                    #expect(FileTree.names(directory.path).allSatisfy { !$0.hasSuffix(".partial") })
                    #expect(FileTree.everything(directory.path) == before)
                    #expect(try store.load()?.checkpoint.step == (earlier > 0 ? earlier - 1 : nil))
                }
            }
        }
    }

    @Test(
        "a disk without room is said with both numbers before anything is written",
        .enabled(if: Self.smallDisk != nil))
    func noSpace() throws {
        let disk = try #require(Self.smallDisk)
        let store = CheckpointStore(directory: disk)
        let large = TrainingCheckpoint(
            step: 9,
            tensors: [.init(name: "w", shape: [1 << 24], values: [Float](repeating: 1, count: 1 << 24))],
            state: .null)
        let error = #expect(throws: TrainingError.self) { try store.save(large) }
        #expect(caseName(of: error) == "output.noSpace")
        #expect(error?.description.contains("bytes of disk space") == true)
        #expect(!FileTree.names(disk).contains { $0.hasPrefix("checkpoint-") })
    }

    @Test(
        "a directory that may not be written is an output that cannot be created",
        .enabled(if: geteuid() != 0, "root writes everywhere"))
    func readOnly() throws {
        let directory = TemporaryDirectory()
        let store = CheckpointStore(directory: directory.path)
        try store.save(CheckpointTests.checkpoint(1))
        chmod(directory.path, 0o500)
        defer { chmod(directory.path, 0o700) }
        let error = #expect(throws: TrainingError.self) { try store.save(CheckpointTests.checkpoint(2)) }
        #expect(["output.permission", "output.cannotCreate"].contains(caseName(of: error)))
        #expect(error?.hint != nil)
        #expect(try store.load()?.checkpoint.step == 1)
        let locked = #expect(throws: TrainingError.self) { try OutputLock(directory: directory.path) }
        #expect(["output.permission", "output.cannotCreate"].contains(caseName(of: locked)))
    }

    @Test(
        "a file in the place of the directory, or a place that has no files, is an output that cannot be created"
    )
    func misplaced() throws {
        let directory = TemporaryDirectory()
        FileTree.write([1], to: directory.file("file"))
        var paths = ["", directory.file("file"), directory.file("file/below"), "a\u{0}b"]
        #if os(Linux)
            paths += ["/proc/none/run", "/dev/full"]
        #endif
        for path in paths {
            let error = #expect(throws: TrainingError.self) {
                try CheckpointStore(directory: path).save(CheckpointTests.checkpoint(1))
            }
            #expect(caseName(of: error) == "output.cannotCreate", "\(path): \(error as Any)")
            let locked = #expect(throws: TrainingError.self) { try OutputLock(directory: path) }
            #expect(caseName(of: locked) == "output.cannotCreate", "\(path): \(locked as Any)")
        }
        #expect(FileTree.names(directory.path) == ["file"])
    }

    @Test("a kill at any moment of saving leaves a checkpoint that loads")
    func killed() async throws {
        let directory = TemporaryDirectory()
        let path = directory.path
        try CheckpointStore(directory: path).save(CheckpointTests.checkpoint(1))
        for delay in [1, 3, 5, 8, 13, 21, 34] {
            await #expect(processExitsWith: .signal(SIGKILL)) {
                [path = path as String, delay = delay as Int] in
                let store = CheckpointStore(directory: path)
                let values = [Float](repeating: 1, count: 1 << 18)
                func save(_ step: Int) throws(TrainingError) {
                    try store.save(
                        .init(
                            step: step, tensors: [.init(name: "w", shape: [1 << 18], values: values)],
                            state: .null))
                }
                // One checkpoint is complete, however slow the machine.
                let first = (try store.load()?.checkpoint.step ?? 0) + 1
                try save(first)
                // A thread that ends the process while the main one saves.
                let start = ContinuousClock.now
                Task.detached {
                    while ContinuousClock.now - start < .milliseconds(delay) {}
                    kill(getpid(), SIGKILL)
                }
                for step in first + 1..<first + 100_000 { try save(step) }
            }
            let loaded = try #require(try CheckpointStore(directory: path).load())
            #expect(loaded.skipped.isEmpty, "\(loaded.skipped)")
        }
        let last = try #require(try CheckpointStore(directory: path).load()).checkpoint.step
        #expect(last >= 8)
        try CheckpointStore(directory: path).save(CheckpointTests.checkpoint(last + 1))
        #expect(FileTree.names(path).count == 2)
    }

    /// A file system of some megabytes, prepared outside: `mount -t tmpfs -o size=8m none DIR`.
    private static var smallDisk: String? { getenv("REDRAFTER_SMALL_DISK").map { String(cString: $0) } }
}

@Suite("Output lock")
struct OutputLockTests {
    @Test("the second one is told who holds the lock; it goes with its object")
    func contention() throws {
        let directory = TemporaryDirectory()
        do {
            let lock = try OutputLock(directory: directory.file("a/b"))
            let error = #expect(throws: TrainingError.self) {
                try OutputLock(directory: directory.file("a/b"))
            }
            #expect(error == .locked(directory: directory.file("a/b"), pid: Int(getpid())))
            #expect(error?.description.contains("locked by pid \(getpid())") == true)
            #expect(error?.hint?.contains("kill \(getpid())") == true)
            withExtendedLifetime(lock) {}
        }
        for content in [
            "", "redrafter", "redrafter lock\n", "redrafter lock\n12", "redrafter lock\nno number",
        ] {
            FileTree.write(Array(content.utf8), to: directory.file("a/b/lock"))
            do {
                let lock = try OutputLock(directory: directory.file("a/b"))
                #expect(FileTree.text(directory.file("a/b/lock")) == "redrafter lock\n\(getpid())\n")
                withExtendedLifetime(lock) {}
            }
            #expect(FileTree.text(directory.file("a/b/lock")) == "redrafter lock\n")
        }
    }

    @Test("another process is refused while the lock is held")
    func otherProcess() async throws {
        let directory = TemporaryDirectory()
        let path = directory.path
        let lock = try OutputLock(directory: path)
        await #expect(processExitsWith: .exitCode(73)) {
            [path = path as String, pid = Int(getpid()) as Int] in
            do {
                _ = try OutputLock(directory: path)
            } catch {
                guard let error = error as? TrainingError, error == .locked(directory: path, pid: pid) else {
                    exit(1)
                }
                exit(73)
            }
        }
        withExtendedLifetime(lock) {}
    }

    @Test("a process that is killed leaves no lock")
    func killed() async throws {
        let directory = TemporaryDirectory()
        let path = directory.path
        await #expect(processExitsWith: .signal(SIGKILL)) { [path = path as String] in
            let lock = try OutputLock(directory: path)
            guard FileTree.text("\(path)/lock") == "redrafter lock\n\(getpid())\n" else { exit(1) }
            kill(getpid(), SIGKILL)
            withExtendedLifetime(lock) {}
        }
        #expect(FileTree.names(path) == ["lock"])
        #expect(!FileTree.content("\(path)/lock").isEmpty)
        _ = try OutputLock(directory: path)
    }
}

#if canImport(Glibc)
    private let fileSizeResource = __rlimit_resource_t(RLIMIT_FSIZE.rawValue)
#else
    private let fileSizeResource = RLIMIT_FSIZE
#endif
