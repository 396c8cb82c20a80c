import Foundation
import RedrafterTesting
import Testing

@Suite(
    "Signals, and what would be one", .serialized,
    .enabled(if: DefaultModel.isAvailable, "\(DefaultModel.howToGet)"))
struct SignalTests {
    private let directory = TemporaryDirectory()

    @Test(
        "Ctrl-C, SIGQUIT and SIGTERM end with their codes and keep the text so far",
        arguments: [("INT", 130), ("QUIT", 131), ("TERM", 143)])
    func interrupt(signal: String, code: Int) throws {
        let file = directory.file("text")
        let run = try Run(
            shell: """
                "$R" generate -p 'Write a long story.' -n 4000 -c 8000 > '\(file)' & P=$!
                while [ ! -s '\(file)' ]; do sleep 0.1; done
                sleep 1; kill -\(signal) $P; wait $P; echo "code $?"
                """)
        let text = try String(contentsOfFile: file, encoding: .utf8)
        #expect(run.output == "code \(code)\n", "\(run.errors)")
        #expect(text.hasSuffix("\n") && text.count > 10)
        #expect(!run.errors.contains("crashed"), "\(run.errors)")
    }

    @Test("SIGTERM ends a chat that waits for a question")
    func idleChat() throws {
        let run = try Run(
            shell: """
                mkfifo '\(directory.file("questions"))'
                "$R" chat -n 4 < '\(directory.file("questions"))' > '\(directory.file("text"))' & P=$!
                exec 3> '\(directory.file("questions"))'
                echo Hello >&3
                while [ ! -s '\(directory.file("text"))' ]; do sleep 0.1; done
                sleep 1; kill -TERM $P; wait $P; echo "code $?"
                """)
        #expect(run.output == "code 143\n", "\(run.errors)")
    }

    @Test("A file that grows beyond its limit is an error of the output, and nothing of it stays")
    func fileSizeLimit() throws {
        let run = try Run(
            shell: "ulimit -f 16; \"$R\" convert '\(DefaultModel.path)' '\(directory.file("out"))' --type f16"
        )
        #expect(run.exited && run.code == 74, "\(run.code): \(run.errors)")
        #expect(run.errors.contains("File too large"), "\(run.errors)")
        #expect(try FileManager.default.contentsOfDirectory(atPath: directory.path).isEmpty)
    }

    @Test(
        "A conversion that is ended leaves nothing behind, one whose input is cut short says so",
        arguments: [("kill -TERM $P", 143, nil), ("truncate -s 4096 \"$COPY\"", 74, "became shorter")])
    func endedConversion(action: String, code: Int, says: String?) throws {
        let run = try Run(
            shell: """
                cp '\(DefaultModel.path)' "$COPY"
                "$R" convert "$COPY" '\(directory.file("out"))' --type f32 & P=$!
                while kill -0 $P && ! grep -q copy.gguf /proc/$P/maps; do :; done
                sleep 0.05; \(action); wait $P; echo "code $?"
                """, environment: ["COPY": directory.file("copy.gguf")])
        #expect(run.output == "code \(code)\n", "\(run.errors)")
        // The shell may report the killed job.
        if let says { #expect(run.errors.contains(says), "\(run.errors)") }
        #expect(try FileManager.default.contentsOfDirectory(atPath: directory.path) == ["copy.gguf"])
    }
}

@Suite("Signals where there is nothing to keep") struct IdleSignalTests {
    private let directory = TemporaryDirectory()

    @Test(
        "A signal while a prompt is awaited, a model loaded or a speed measured is an exit code",
        arguments: ["generate -p -", "chat -p -", "bench -r 1000"],
        [("INT", 130), ("QUIT", 131), ("TERM", 143)])
    func ended(arguments: String, signal: (name: String, code: Int32)) throws {
        let model = try ToyModelFile().writeGGUF(to: directory.path)
        // The signal comes once the command has taken signals over; it holds both ends of what it reads.
        let run = try Run(
            shell: """
                mkfifo '\(directory.file("questions"))'; exec 3<> '\(directory.file("questions"))'
                (until grep -q 'SigCgt:.*[2367abef]$' /proc/$$/status; do sleep 0.05; done
                sleep 0.2; kill -\(signal.name) $$) > /dev/null 2>&1 &
                exec "$R" \(arguments) -m '\(model)' <&3
                """)
        #expect(run.exited && run.code == signal.code, "\(run.code): \(run.errors)")
        let lines = run.errors.split(separator: "\n")
        #expect(lines.allSatisfy { $0.hasPrefix("warning: ") } && run.output.isEmpty, "\(run.errors)")
    }
}
