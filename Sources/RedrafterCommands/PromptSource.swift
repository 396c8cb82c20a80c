import RedrafterCore
import RedrafterPlatform

/// Where a prompt comes from: the flag, stdin, a file or a pipe.
enum PromptSource {
    /// Largest prompt that is read.
    private static let limit = 64 << 20

    static func read(prompt: String?, file: String?) throws -> String {
        String(decoding: try bytes(prompt: prompt, file: file), as: UTF8.self)
    }

    /// The same byte for byte.
    static func bytes(prompt: String?, file: String?) throws -> [UInt8] {
        switch (prompt, file) {
        case (nil, nil):
            throw CommandFailure(
                .usage, "no prompt was given", hint: "pass -p TEXT, -p - for stdin, or -f FILE")
        case (.some, .some):
            throw CommandFailure(.usage, "both -p and -f were given", hint: "pass one of them")
        case ("-"?, nil): return try read(descriptor: STDIN_FILENO, name: "stdin")
        case (let text?, nil): return Array(text.utf8)
        case (nil, let path?):
            // Opening a pipe waits for its writer, as every program does that reads one.
            let descriptor = open(path, O_RDONLY | O_CLOEXEC)
            guard descriptor >= 0 else {
                let code = errno
                throw CommandFailure(
                    code == EACCES ? .noPermission : .noInput,
                    "\(TerminalText.escaped(path)): \(String(cString: strerror(code)))")
            }
            defer { close(descriptor) }
            var status = stat()
            guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT != S_IFDIR else {
                throw CommandFailure(.noInput, "\(TerminalText.escaped(path)): is a directory")
            }
            return try read(descriptor: descriptor, name: path)
        }
    }

    private static func read(descriptor: Int32, name: String) throws -> [UInt8] {
        var bytes = [UInt8]()
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = buffer.withUnsafeMutableBytes { systemRead(descriptor, $0) }
            if count == 0 { break }
            if count < 0 {
                if errno == EINTR { continue }
                throw CommandFailure(
                    .inputOutput,
                    "cannot read \(TerminalText.escaped(name)): \(String(cString: strerror(errno)))")
            }
            bytes += buffer[..<count]
            guard bytes.count <= limit else {
                throw CommandFailure(
                    .usage, "\(TerminalText.escaped(name)) is longer than \(limit >> 20) MiB")
            }
        }
        return bytes
    }
}

private func systemRead(_ descriptor: Int32, _ buffer: UnsafeMutableRawBufferPointer) -> Int {
    read(descriptor, buffer.baseAddress, buffer.count)
}
