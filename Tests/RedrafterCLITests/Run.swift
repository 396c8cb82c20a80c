import Foundation

/// Runs the built command and looks at stdout, stderr and exit code.
struct Run {
    var output: String
    var errors: String
    var code: Int32
    /// The process ended by itself, not by a signal.
    var exited: Bool

    /// - Parameter shell: a shell command line in which `$R` is the command.
    init(shell: String, environment: [String: String] = [:]) throws {
        let process = Process()
        process.executableURL = URL(filePath: "/bin/sh")
        process.arguments = ["-c", shell]
        var variables = ProcessInfo.processInfo.environment
        variables["R"] = Self.command
        process.environment = variables.merging(environment) { $1 }
        let (out, err) = (Pipe(), Pipe())
        process.standardOutput = out
        process.standardError = err
        process.standardInput = FileHandle.nullDevice
        try process.run()
        // Both are short: neither fills a pipe before the other is read.
        let output = out.fileHandleForReading.readDataToEndOfFile()
        let errors = err.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        self.output = String(decoding: output, as: UTF8.self)
        self.errors = String(decoding: errors, as: UTF8.self)
        code = process.terminationStatus
        exited = process.terminationReason == .exit
    }

    /// The command lies beside the test bundle.
    private static var command: String {
        let bundle = CommandLine.arguments.first { $0.hasSuffix(".xctest") } ?? CommandLine.arguments[0]
        return URL(filePath: bundle).deletingLastPathComponent().appending(path: "redrafter").path
    }
}
