import Foundation
import HubServer
import RedrafterFormats
import RedrafterTesting
import Testing

@Suite("Models of the hub and of several files, by command") struct HubCommandTests {
    private let directory = TemporaryDirectory()
    private static let commit = String(repeating: "ab", count: 20)

    private static func toy() -> [UInt8] { ToyModelFile().gguf().bytes }

    private func hub(_ files: [(path: String, bytes: [UInt8])]) -> LocalHub {
        LocalHub(LocalHub.Repository(name: "org/toy", commit: Self.commit, files: files))
    }

    private func run(_ command: String, _ server: LocalHub, _ more: [String: String] = [:]) throws -> Run {
        let environment = [
            "HF_ENDPOINT": server.endpoint, "HF_HOME": directory.file("hf"),
            "REDRAFTER_CACHE": "/nonexistent",
            "HF_HUB_OFFLINE": "", "HF_TOKEN": "", "HF_HUB_CACHE": "", "HUGGINGFACE_HUB_CACHE": "",
        ]
        return try Run(shell: command, environment: environment.merging(more) { $1 })
    }

    private var snapshot: String { directory.file("hf/hub/models--org--toy/snapshots/\(Self.commit)") }

    @Test("pull prints the path, generate takes the name with -m and -hf, and models lists it") func pull()
        throws
    {
        let server = hub([("toy-F32.gguf", Self.toy()), ("toy-Q8_0.gguf", Array("GGUF".utf8))])
        let pulled = try run("\"$R\" pull org/toy:f32", server)
        #expect(pulled.code == 0 && pulled.output == "\(snapshot)/toy-F32.gguf\n", "\(pulled.errors)")
        let before = server.requests.count
        for name in ["-m hf:org/toy", "-hf org/toy", "--hf-repo org/toy:F32", "-m hf:org/toy/toy-F32.gguf"] {
            let answer = try run(
                "\"$R\" generate \(name) -p ab -n 3 --no-chat-template --drafter none", server)
            #expect(answer.code == 0 && answer.errors.contains("3 generated"), "\(name): \(answer.errors)")
        }
        for command in [
            "inspect hf:org/toy", "drafters -m hf:org/toy", "convert hf:org/toy x.gguf --type f16",
        ] {
            let other = try run("cd '\(directory.path)' && \"$R\" \(command)", server)
            #expect(other.code == 0, "\(command): \(other.errors)")
        }
        #expect(server.requests.count == before)
        let models = try run("\"$R\" models", server)
        #expect(models.output.contains("| hf:org/toy:F32 | F32  |     1 |"), "\(models.output)")
        let json = try JSONValue(parsing: try run("\"$R\" models --json", server).output.utf8, path: "stdout")
        #expect(json.array?.first?["path"]?.string == "\(snapshot)/toy-F32.gguf")
    }

    @Test("What is not there is fetched by the command that names it, and what was taken is said")
    func fetches() throws {
        let server = hub([("toy-F16.gguf", Array("GGUF".utf8)), ("toy-Q8_0.gguf", Self.toy())])
        let answer = try run(
            "\"$R\" generate -m hf:org/toy -p ab -n 2 --no-chat-template --drafter none", server)
        #expect(
            answer.code == 0 && answer.errors.contains("took Q8_0; there are also F16"), "\(answer.errors)")
        let json = try run("\"$R\" pull org/toy --revision main --json", server)
        let object = try JSONValue(parsing: json.output.utf8, path: "stdout")
        #expect(object["taken"]?.string == "Q8_0" && object["files"]?.array?.count == 1)
        let offline = try run(
            "\"$R\" pull org/toy", server, ["HF_HUB_OFFLINE": "1", "HF_ENDPOINT": "http://127.0.0.1:1"])
        #expect(offline.code == 0 && offline.output == "\(snapshot)/toy-Q8_0.gguf\n")
    }

    @Test("A model in several files is fetched, inspected, run and converted as one") func parts() throws {
        let parts = ToyModelFile().gguf().parts(3)
        let names = (1...3).map { "F32/toy-F32-0000\($0)-of-00003.gguf" }
        let server = hub(zip(names, parts).map { ($0, $1.bytes) })
        let whole = directory.file("whole.gguf")
        try ToyModelFile.write(Self.toy(), to: whole)
        let tail = "-p abab -n 8 --no-chat-template --drafter none"
        let expected = try run("\"$R\" generate -m '\(whole)' \(tail)", server)
        let answer = try run("\"$R\" generate -m hf:org/toy \(tail)", server)
        #expect(answer.code == 0 && answer.output == expected.output, "\(answer.errors)")
        let third = "\(snapshot)/\(names[2])"
        #expect(try run("\"$R\" generate -m '\(third)' \(tail)", server).output == expected.output)
        let inspected = try run("\"$R\" inspect '\(third)' --tensors", server)
        #expect(
            inspected.output.contains("parts         3")
                && inspected.output.contains(" in toy-F32-00002-of-00003.gguf"))
        let converted = directory.file("converted.gguf")
        #expect(try run("\"$R\" convert '\(third)' '\(converted)' --type f32", server).code == 0)
        #expect(try run("\"$R\" generate -m '\(converted)' \(tail)", server).output == expected.output)
        try FileManager.default.removeItem(atPath: "\(snapshot)/\(names[1])")
        let missing = try run("\"$R\" generate -m '\(third)' \(tail)", server)
        #expect(
            missing.code == 66 && missing.errors.contains("toy-F32-00002-of-00003.gguf"), "\(missing.errors)")
    }

    @Test(
        "Refusals end with their exit code, a line and a hint",
        arguments: [
            ("pull org/none", 66, "no model org/none"), ("pull org/toy:Q4_0", 66, "it has F32"),
            ("pull 'a b'", 64, "names no model"),
            ("pull org/toy@v1 --revision v2", 64, "both @ and --revision"),
            ("generate -p x -m x.gguf -hf org/toy", 64, "both -m and --hf-repo"),
            ("generate -p x -m org/toy", 66, "no such file"),
            ("generate -p x -m hf:../x", 64, "names no model"),
            ("generate -p x --drafter-model hf:org/none", 66, "no model org/none"), ("pull", 64, "model"),
        ])
    func refusals(arguments: String, code: Int32, text: String) throws {
        let server = hub([("toy-F32.gguf", Self.toy())])
        let run = try run("\"$R\" \(arguments)", server)
        let lines = run.errors.split(separator: "\n")
        #expect(run.exited && run.code == code && run.output.isEmpty, "\(run.code): \(run.errors)")
        #expect(
            lines.first?.hasPrefix("error: ") == true && lines.count <= 2 && run.errors.contains(text),
            "\(run.errors)")
    }

    @Test(
        "The codes of a hub that refuses or is not there",
        arguments: [(401, 77), (403, 77), (404, 66), (0, 69)])
    func codes(status: Int, code: Int32) throws {
        let server = hub([])
        server.respond { _, _ in .init(status: status) }
        let endpoint = status == 0 ? "http://127.0.0.1:1" : server.endpoint
        let run = try run("\"$R\" pull org/toy", server, ["HF_ENDPOINT": endpoint])
        #expect(run.exited && run.code == code && run.errors.contains("hint: "), "\(run.code): \(run.errors)")
    }

    @Test("Ctrl-C keeps what came, a second process waits for the first, and both end with the model")
    func processes() throws {
        let content = Self.toy()
        let server = hub([("toy-F32.gguf", content)])
        server.respond { request, usual in
            var response = usual
            response.step = 512
            return request.isForContent ? response : nil
        }
        let interrupted = try run(
            "\"$R\" pull org/toy & pid=$!; sleep 0.3; kill -INT $pid; wait $pid; echo $?", server)
        #expect(
            interrupted.output == "130\n" && interrupted.errors.contains("is kept"), "\(interrupted.errors)")
        server.respond { request, usual in
            var response = usual
            response.step = 4096
            return request.isForContent ? response : nil
        }
        let both = try run("\"$R\" pull org/toy & \"$R\" pull org/toy; wait", server)
        #expect(both.output == "\(snapshot)/toy-F32.gguf\n\(snapshot)/toy-F32.gguf\n", "\(both.errors)")
        let ranges = server.requests.filter(\.isForContent).map { $0.headers["range"] != nil }
        #expect(ranges == [false, true])
        #expect(FileManager.default.contents(atPath: "\(snapshot)/toy-F32.gguf") == Data(content))
    }

    @Test("A disk that fills up ends with 74, and what was written is kept") func fullDisk() throws {
        let content = Self.toy()
        let server = hub([("toy-F32.gguf", content)])
        // A limit on the size of files stands for a disk that fills up while it is written.
        let run = try run("ulimit -f 16; \"$R\" pull org/toy", server)
        #expect(run.exited && run.code == 74, "\(run.code): \(run.errors)")
        let again = try self.run("\"$R\" pull org/toy", server)
        #expect(
            again.code == 0 && server.requests.filter(\.isForContent).last?.headers["range"] != nil,
            "\(again.errors)")
        #expect(FileManager.default.contents(atPath: "\(snapshot)/toy-F32.gguf") == Data(content))
    }

    @Test("A prompt is read from a pipe") func pipe() throws {
        let model = try ToyModelFile().writeGGUF(to: directory.path)
        let pipe = directory.file("pipe")
        let tail = "-n 4 --no-chat-template --drafter none -m '\(model)'"
        let server = hub([])
        let expected = try run("\"$R\" generate -p abab \(tail)", server)
        let piped = try run(
            "mkfifo '\(pipe)'; printf abab > '\(pipe)' & \"$R\" generate -f '\(pipe)' \(tail)", server)
        #expect(piped.code == 0 && piped.output == expected.output, "\(piped.errors)")
        #expect(try run("\"$R\" generate -f / \(tail)", server).code == 66)
    }

    @Test(
        "llama.cpp's values for off and for the model's context are taken",
        arguments: ["-c 0", "--top-k 0", "--top-k -1", "--top-p 0"])
    func llamaFlags(flags: String) throws {
        let model = try ToyModelFile().writeGGUF(to: directory.path)
        let run = try run(
            "\"$R\" generate -p abab -n 4 --temp 1 --seed 3 --no-chat-template --drafter none -m '\(model)' \(flags)",
            hub([]))
        #expect(run.code == 0, "\(run.errors)")
    }

    @Test("With --top-p 0 one token is kept, as without temperature") func topP() throws {
        let model = try ToyModelFile().writeGGUF(to: directory.path)
        let common = "\"$R\" generate -p abab -n 12 --seed 3 --no-chat-template --drafter none -m '\(model)'"
        let server = hub([])
        let greedy = try run("\(common) --temp 0", server)
        #expect(try run("\(common) --temp 5 --top-p 0", server).output == greedy.output)
        #expect(!greedy.output.isEmpty)
    }
}
