import BundledDrafters
import Foundation
import MedusaDrafter
import RedrafterFormats
import RedrafterTesting
import Testing

@Suite("The command")
struct CommandTests {
    struct Failure: Sendable, CustomTestStringConvertible {
        var arguments: String
        var code: Int32
        var says: String

        var testDescription: String { arguments }
    }

    static let failures = [
        Failure(arguments: "generate", code: 64, says: "no prompt was given"),
        Failure(arguments: "generate -p a -f b", code: 64, says: "both -p and -f"),
        Failure(arguments: "generate -p x --temp -1", code: 64, says: "temp is -1"),
        Failure(arguments: "generate -p x --temp nan", code: 64, says: "temp is nan"),
        Failure(arguments: "generate -p x --temp 1e999", code: 64, says: "temp is inf"),
        Failure(arguments: "generate -p x --top-p -0.1", code: 64, says: "top-p is -0.1"),
        Failure(arguments: "generate -p x --top-p 1.1", code: 64, says: "top-p is 1.1"),
        Failure(arguments: "generate -p x --top-k -2", code: 64, says: "top-k is -2"),
        Failure(arguments: "generate -p x --seed 18446744073709551616", code: 64, says: "--seed"),
        Failure(arguments: "generate -p x -n -2", code: 64, says: "n-predict is -2"),
        Failure(arguments: "generate -p x --stop ''", code: 64, says: "stop"),
        Failure(arguments: "generate -p x -m /nonexistent", code: 66, says: "no such file"),
        Failure(arguments: "generate -p x -m ''", code: 66, says: "error: "),
        Failure(arguments: "generate -p x -m /tmp", code: 66, says: "/tmp"),
        Failure(arguments: "generate -p x -m /dev/zero", code: 66, says: "device"),
        Failure(arguments: "generate -f /nonexistent", code: 66, says: "/nonexistent"),
        Failure(arguments: "inspect /nonexistent", code: 66, says: "no such file"),
        Failure(arguments: "inspect /bin/sh", code: 65, says: "not a GGUF file"),
        Failure(arguments: "convert /bin/sh /tmp/x.gguf --type q9_9", code: 64, says: "type is q9_9"),
        Failure(arguments: "convert a b --layout x --type f16", code: 64, says: "layout is x"),
        Failure(arguments: "convert /nonexistent b.gguf", code: 66, says: "no such file"),
        Failure(arguments: "bench -r 0", code: 64, says: "repetitions is 0"),
        Failure(arguments: "bench --rows 100", code: 64, says: "rows is 100"),
        Failure(arguments: "bench -p x", code: 64, says: "n-prompt is x"),
        Failure(
            arguments: "bench --kernels portable,nonsense", code: 64,
            says: "kernel set 'nonsense' is not available here; choose one of: "),
        Failure(arguments: "bench --kernels ''", code: 64, says: "portable"),
        Failure(
            arguments: "bench --kernels portable --backend vulkan", code: 64, says: "--backend is vulkan"),
        Failure(arguments: "bench --kernels portable --backend auto", code: 64, says: "--backend is auto"),
        Failure(arguments: "compare -r 0", code: 64, says: "repetitions is 0"),
        Failure(arguments: "compare -n 1", code: 64, says: "n-predict is 1"),
        Failure(arguments: "compare --limit 0", code: 64, says: "limit is 0"),
        Failure(arguments: "compare --max-rows 65", code: 64, says: "max-rows is 65"),
        Failure(arguments: "compare --tree oak", code: 64, says: "cost-aware, dynamic, "),
        Failure(arguments: "compare --tree '[[0],[x]]'", code: 64, says: "tree"),
        Failure(arguments: "compare --tree '[[0],[-1]]'", code: 64, says: "tree path is [-1]"),
        Failure(arguments: "compare --tree '[[]]'", code: 64, says: "tree path"),
        Failure(arguments: "compare --prompts /nonexistent", code: 66, says: "no such file"),
        Failure(arguments: "generate -p x --beam-width 0", code: 64, says: "beam-width is 0"),
        Failure(arguments: "generate -p x --verifier nice", code: 64, says: "verifier"),
        Failure(arguments: "nonsense", code: 64, says: "nonsense"),
        Failure(arguments: "help nonsense", code: 64, says: "'redrafter' has no command 'nonsense'"),
        Failure(arguments: "help -- nonsense", code: 64, says: "no command 'nonsense'"),
        Failure(arguments: "help --help nonsense", code: 64, says: "no command 'nonsense'"),
        Failure(arguments: "help distill nonsense", code: 64, says: "'redrafter distill' has no command"),
    ]

    @Test("Wrong use ends with its exit code and a line that names what is wrong", arguments: failures)
    func failure(_ failure: Failure) throws {
        let run = try Run(
            shell: "\"$R\" \(failure.arguments)", environment: ["REDRAFTER_CACHE": "/nonexistent"])
        #expect(run.exited && run.code == failure.code, "\(run.code): \(run.errors)")
        #expect(run.errors.contains(failure.says), "\(run.errors)")
        #expect(run.output.isEmpty)
        let lines = run.errors.split(separator: "\n")
        #expect(lines.first?.hasPrefix("error: ") == true && lines.count <= 2, "\(run.errors)")
        #expect(!run.errors.unicodeScalars.contains { $0.value < 32 && $0 != "\n" })
    }

    @Test(
        "Help explains each command",
        arguments: [
            "", "generate", "chat", "compare", "drafters", "bench", "inspect", "convert", "pull", "models",
            "tokenize", "detokenize", "serve",
        ])
    func help(command: String) throws {
        let run = try Run(shell: "\"$R\" \(command) --help")
        #expect(run.code == 0)
        #expect(run.output.contains("USAGE") && run.output.contains("OVERVIEW"))
    }

    #if !Server
        @Test("Without the server, serve says how to get it")
        func serve() throws {
            let run = try Run(shell: "\"$R\" serve")
            #expect(run.code == 69 && run.errors.contains("make serve"))
        }
    #endif

    @Test("--version names the version, the commit and the kernel sets")
    func version() throws {
        let run = try Run(shell: "\"$R\" --version")
        #expect(run.code == 0 && run.errors.isEmpty)
        let lines = run.output.split(separator: "\n")
        #expect(lines.count == 2, "\(run.output)")
        #expect(lines[0].hasPrefix("redrafter 0.1.0 (") && lines[0].contains("commit"), "\(run.output)")
        #expect(lines[1].hasPrefix("kernels: ") && lines[1].hasSuffix("portable"), "\(run.output)")
    }

    @Test(
        "Help, the version and a table that cannot be written are exit code 74, a reader that has gone is none"
    )
    func fullOutput() throws {
        for arguments in ["--help", "generate --help", "help bench", "--version", "drafters", "distill"] {
            let full = try Run(
                shell: "\"$R\" \(arguments) > /dev/full", environment: ["REDRAFTER_CACHE": "/nonexistent"])
            #expect(full.exited && full.code == 74, "\(arguments): \(full.code)")
            #expect(full.errors == "error: cannot write to stdout: No space left on device\n")
            let closed = try Run(
                shell: "(sleep 0.1; \"$R\" \(arguments); echo $? >&2) | true",
                environment: ["REDRAFTER_CACHE": "/nonexistent"])
            #expect(closed.errors == "0\n", "\(arguments): \(closed.errors)")
        }
    }

    @Test("inspect says whether a model can be run, why not, and which drafters fit")
    func inspection() throws {
        let directory = TemporaryDirectory()
        let path = try ToyModelFile().writeGGUF(to: directory.path)
        let runs = try Run(shell: "\"$R\" inspect \(path) && \"$R\" inspect \(path) --json")
        #expect(runs.code == 0, "\(runs.errors)")
        for line in ["can be run    yes", "drafters      none, lookup; auto is lookup", "decoder       "] {
            #expect(runs.output.contains(line), "\(runs.output)")
        }
        #expect(runs.output.contains("\"can_be_run\": true"))
        var image = ToyModelFile().gguf()
        image.set("general.architecture", type: 8, value: GGUFImage.encode(string: "qwen3moe".utf8))
        try ToyModelFile.write(image.bytes, to: directory.file("other.gguf"))
        let refused = try Run(shell: "\"$R\" inspect \(directory.file("other.gguf"))")
        #expect(refused.code == 0, "\(refused.errors)")
        #expect(refused.output.contains("can be run    no: "), "\(refused.output)")
        #expect(
            refused.output.contains("a mixture of experts, is not supported")
                && refused.output.contains("nearest of them is qwen3"), "\(refused.output)")
    }

    @Test("A drafter is converted to GGUF and back, and inspected")
    func drafter() throws {
        let directory = TemporaryDirectory()
        try DrafterWriter.write(
            ToyDrafter.medusa().weights(), to: directory.file("medusa"), layout: .medusa)
        let run = try Run(
            shell: """
                cd \(directory.path) && "$R" convert medusa x.gguf --type q8_0 && "$R" convert x.gguf vllm --layout vllm --json \
                && "$R" inspect x.gguf && "$R" convert medusa y --layout apple
                """)
        #expect(run.code == 65 && run.errors.contains("medusa drafter in the layout apple"), "\(run.errors)")
        #expect(run.output.contains("\"layout\":\"vllm\"") && run.output.contains("medusa, 3 heads"))
    }

    @Test("Without -m and without the default model the remedy is named")
    func noModel() throws {
        let run = try Run(shell: "\"$R\" generate -p x", environment: ["REDRAFTER_CACHE": "/nonexistent"])
        #expect(run.code == 66)
        #expect(run.errors.contains("make demo"))
    }
}

@Suite(
    "The command with the default model", .serialized,
    .enabled(if: DefaultModel.isAvailable, "\(DefaultModel.howToGet)"))
struct ModelCommandTests {
    @Test("stdout holds the text alone, stderr the speed")
    func streams() throws {
        let run = try Run(shell: "\"$R\" generate -p 'The capital of France is' -n 12 --no-chat-template")
        #expect(run.code == 0)
        #expect(run.output.contains("Paris"))
        #expect(!run.output.contains("tokens/s") && run.errors.contains("tokens/s"))
    }

    @Test("JSON holds text, tokens, usage and timings that agree")
    func json() throws {
        let run = try Run(
            shell: "echo 'Name a colour.' | \"$R\" generate -p - -n 5 --json --seed 3 --temp 0.7")
        let object = try #require(
            try JSONSerialization.jsonObject(with: Data(run.output.utf8)) as? [String: Any])
        let tokens = try #require(object["tokens"] as? [Int])
        let usage = try #require(object["usage"] as? [String: Int])
        let timings = try #require(object["timings"] as? [String: Double])
        #expect(usage["completion_tokens"] == tokens.count)
        #expect(usage["total_tokens"] == (usage["prompt_tokens"] ?? 0) + tokens.count)
        #expect(timings["predicted_n"] == Double(tokens.count))
        for name in ["prompt_ms", "prompt_per_second", "predicted_ms", "predicted_per_second", "load_ms"] {
            #expect((timings[name] ?? -1) > 0, "\(name)")
        }
        #expect(["stop", "length"].contains(object["finish_reason"] as? String))
        #expect(object["text"] is String)
    }

    @Test("A seed gives the same text at another number of threads")
    func seeds() throws {
        let texts = try [1, 2, 3].map { threads in
            try Run(shell: "\"$R\" generate -p 'A story.' -n 24 --temp 1 --seed 7 -t \(threads)").output
        }
        #expect(Set(texts).count == 1)
        #expect(texts[0].count > 20)
    }

    @Test("A prompt longer than the context is refused with both numbers")
    func promptTooLong() throws {
        let run = try Run(shell: "\"$R\" generate -p 'one two three' -c 8")
        #expect(run.code == 64)
        #expect(run.errors.contains("the context holds 8"))
        #expect(run.output.isEmpty)
    }

    @Test("A full stdout is an error, a closed one is not, and neither is a signal")
    func brokenOutput() throws {
        let full = try Run(shell: "\"$R\" generate -p Hello -n 8 > /dev/full")
        #expect(full.exited && full.code == 74)
        let closed = try Run(shell: "(\"$R\" generate -p Hello -n 200; echo $? >&2) | head -c 5")
        #expect(closed.errors.split(separator: "\n").last == "0", "\(closed.errors)")
    }

    @Test("A truncated copy of the model is bad data, named with the tensor")
    func truncatedModel() throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "redrafter-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let run = try Run(
            shell:
                "head -c 50000000 '\(DefaultModel.path)' > '\(folder.path)/cut.gguf'; \"$R\" generate -p x -m '\(folder.path)/cut.gguf'"
        )
        #expect(run.code == 65)
        #expect(run.errors.contains("tensor"), "\(run.errors)")
    }

    @Test("bench prints one object a test with llama-bench's names")
    func bench() throws {
        let run = try Run(shell: "\"$R\" bench -p 16 -n 4 --rows 2 --read -r 2 -o json")
        let list = try #require(
            try JSONSerialization.jsonObject(with: Data(run.output.utf8)) as? [[String: Any]])
        #expect(list.map { $0["test"] as? String } == ["pp16", "tg4", "rows2", "read"])
        for entry in list {
            #expect((entry["samples_ns"] as? [Double])?.count == 2)
            #expect((entry["avg_ts"] as? Double ?? 0) > 0)
            #expect(entry["cpu_info"] is String && entry["backend"] as? String == "cpu")
        }
    }
}
