import Foundation
import RedrafterFormats
import RedrafterTesting
import Testing

@testable import RedrafterTraining

/// Calls of the system that fail while a checkpoint is saved, one after the other, as strace makes them.
@Suite("Saving on a failing disk")
struct CheckpointFaultTests {
    @Test(
        "each call that fails ends in an error of the output, with the good checkpoint and no other files",
        .enabled(if: Self.canInject, "needs strace and the right to trace"),
        arguments: ["?fsync", "?rename,?renameat,?renameat2", "?linkat,?link", "?mkdir,?mkdirat"])
    func injected(calls: String) throws {
        for number in 1...40 {
            let directory = TemporaryDirectory()
            let store = CheckpointStore(directory: directory.path, keep: 1)
            try store.save(CheckpointTests.checkpoint(1))
            let code = try Self.run(
                [
                    "-f", "-o", "/dev/null", "-e", "trace=\(calls)",
                    "-e", "inject=\(calls):error=EIO:when=\(number)",
                    CommandLine.arguments[0], "--testing-library", "swift-testing",
                    "--filter", "saveFromOutside",
                ], environment: [Self.variable: directory.path])
            let place = "\(calls), call \(number), exit \(code)"
            let loaded = try #require(try store.load())
            #expect(loaded.skipped.isEmpty)
            // Nothing but the last flush and the removal of the older one comes after the name.
            #expect([1, 2].contains(loaded.checkpoint.step))
            #expect(FileTree.names(directory.path).allSatisfy { !$0.hasSuffix(".partial") }, "\(place)")
            guard code != 0 || FileTree.names(directory.path).count != 1 else {
                #expect(number > 1 && loaded.checkpoint.step == 2)
                return
            }
            #expect(code == 74 || (code == 0 && loaded.checkpoint.step == 2), "\(place)")
        }
        Issue.record("more than 40 calls")
    }

    @Test(
        "an error or a kill while an older checkpoint is removed leaves a rest, which the next start removes",
        .enabled(if: Self.canInject, "needs strace and the right to trace"),
        arguments: ["?unlink,?unlinkat", "?rmdir"], ["error=EIO", "signal=SIGKILL"])
    func injectedInRemoval(calls: String, fault: String) throws {
        let directory = TemporaryDirectory()
        let store = CheckpointStore(directory: directory.path, keep: 1)
        try store.save(CheckpointTests.checkpoint(1))
        _ = try Self.run(
            [
                "-f", "-o", "/dev/null", "-e", "trace=\(calls)", "-e", "inject=\(calls):\(fault):when=1",
                CommandLine.arguments[0], "--testing-library", "swift-testing", "--filter", "saveFromOutside",
            ], environment: [Self.variable: directory.path])
        #expect(
            FileTree.names(directory.path) == ["checkpoint-00000001.partial", "checkpoint-00000002"])
        #expect(store.removeLeftovers().isEmpty)
        #expect(FileTree.names(directory.path) == ["checkpoint-00000002"])
        #expect(try store.load()?.checkpoint.step == 2)
    }

    @Test("(run by the tests above) a save into a directory", .enabled(if: Self.outside != nil))
    func saveFromOutside() {
        do {
            try CheckpointStore(directory: Self.outside ?? "", keep: 1).save(CheckpointTests.checkpoint(2))
            exit(0)
        } catch {
            exit(caseName(of: error) == "output.inputOutput" ? 74 : 1)
        }
    }

    private static let variable = "REDRAFTER_SAVE_INTO"
    private static var outside: String? { ProcessInfo.processInfo.environment[variable] }

    static var canInject: Bool {
        #if os(Linux)
            CommandLine.arguments[0].hasSuffix(".xctest")
                && (try? run(["-o", "/dev/null", "true"])) == 0
        #else
            false
        #endif
    }

    /// The exit code of strace, which is that of what it runs.
    private static func run(_ arguments: [String], environment: [String: String] = [:]) throws -> Int32 {
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = ["strace"] + arguments
        process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        try process.run()
        process.waitUntilExit()
        return process.terminationStatus
    }
}
