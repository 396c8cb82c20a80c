import ArgumentParser
import Redrafter
import RedrafterCore
import RedrafterPlatform

/// Standard output and error, with what can go wrong there.
enum Terminal {
    static let isErrorTTY = isatty(STDERR_FILENO) == 1
    static let isOutputTTY = isatty(STDOUT_FILENO) == 1

    /// Makes errors and exit codes of what would be a signal: no memory to start, a closed pipe, a file beyond the limit of its
    /// size, a file that vanishes under the command, and the user's wish to end it.
    static func prepare() {
        StartMemory.require()
        Interrupt.prepare()
        signal(SIGPIPE, SIG_IGN)
        signal(SIGXFSZ, SIG_IGN)
        FileFault.install()
    }

    /// Writes text to stdout at once.
    /// - Throws: `CommandFailure` where stdout is full, exit 0 where its reader has gone.
    static func write(_ text: String) throws {
        var text = text
        try text.withUTF8 { try writeAll($0) }
    }

    /// The same for bytes as they are.
    static func write(bytes: [UInt8]) throws { try bytes.withUnsafeBufferPointer { try writeAll($0) } }

    /// Text on stderr; what cannot be written there is lost.
    static func note(_ text: String) {
        var text = text
        text.withUTF8 { bytes in
            guard let base = bytes.baseAddress else { return }
            _ = systemWrite(STDERR_FILENO, base, bytes.count)
        }
    }

    private static func writeAll(_ bytes: UnsafeBufferPointer<UInt8>) throws {
        guard let base = bytes.baseAddress else { return }
        var done = 0
        while done < bytes.count {
            let count = systemWrite(STDOUT_FILENO, base + done, bytes.count - done)
            if count >= 0 {
                done += count
            } else if errno == EPIPE {
                throw ExitCode(0)  // the reader has what it wanted
            } else if errno != EINTR && errno != EAGAIN {
                throw CommandFailure(
                    .inputOutput, "cannot write to stdout: \(String(cString: strerror(errno)))")
            }
        }
    }

    /// A line on stderr. What it quotes may come from anywhere: control and format characters are escaped.
    static func say(_ line: String) {
        note(TerminalText.escaped(line, limit: 4000) + "\n")
    }

    static func warn(_ text: String) { say("warning: \(text)") }

    /// Generated text as it may be shown: on a terminal, control characters other than tab and line break are dropped.
    static func shown(_ text: String) -> String {
        guard isOutputTTY else { return text }
        var result = String.UnicodeScalarView()
        for scalar in text.unicodeScalars {
            let isControl = scalar.properties.generalCategory == .control || scalar.properties.isBidiControl
            if !isControl || scalar == "\n" || scalar == "\t" { result.append(scalar) }
        }
        return String(result)
    }

    /// A piece of an answer as it may be shown; what was drafted and confirmed is green on a terminal where asked for.
    static func shown(_ piece: TextPiece, marksDrafted: Bool) -> String {
        let text = shown(piece.text)
        return marksDrafted && piece.isDrafted && isOutputTTY ? "\u{1B}[32m\(text)\u{1B}[0m" : text
    }

    static func fail(_ text: String, hint: String? = nil) {
        say("error: \(text)")
        if let hint { say("hint: \(hint)") }
    }
}

private func systemWrite(_ descriptor: Int32, _ bytes: UnsafePointer<UInt8>, _ count: Int) -> Int {
    write(descriptor, bytes, count)
}
