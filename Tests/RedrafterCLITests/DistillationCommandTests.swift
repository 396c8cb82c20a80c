import RedrafterFormats
import RedrafterPlatform
import RedrafterTesting
import Testing

@Suite("Distillation on the command line") struct DistillationCommandTests {
    private let directory: TemporaryDirectory
    private let model: String

    init() throws {
        directory = TemporaryDirectory()
        model = try ToyModelFile().writeGGUF(to: directory.path)
        let lines = (0..<60).map {
            "{\"id\": \($0), \"text\": \"\(String(repeating: "ab ", count: 1 + $0 % 5))\"}"
        }
        try ToyModelFile.write(Array(lines.joined(separator: "\n").utf8), to: directory.file("prompts.jsonl"))
    }

    private func run(_ arguments: String) throws -> Run {
        try Run(shell: "cd \(directory.path) && \"$R\" \(arguments)")
    }

    private func generate(_ flags: String = "") throws -> Run {
        try run(
            "distill generate -m \(model) --prompts prompts.jsonl --text-as-question -o data --tokens 600 "
                + "--max-tokens 16 --max-prompt-tokens 64 --top-k 8 --shard-answers 10 --json \(flags)")
    }

    private static let training =
        "--data data --iters 40 --batch-size 32 --layers 1 --draft-length 3 --draft-vocab 0"

    @Test("From prompts to a drafter that compare uses: generate, train, convert, compare")
    func pipeline() throws {
        let data = try generate()
        #expect(data.code == 0, "\(data.errors)")
        let report = try JSONValue(parsing: Array(data.output.utf8), path: "output")
        #expect((report["tokens"]?.integer ?? 0) >= 600 && report["is_complete"]?.bool == true)
        for kind in ["rnn", "medusa"] {
            let trained = try run("train \(kind) -m \(model) \(Self.training) -o \(kind)")
            #expect(trained.code == 0, "\(trained.errors)")
            #expect(trained.output.contains("Iteration 40: training loss"))
            #expect(trained.output.contains("tokens per step"))
            #expect(try run("convert \(kind)/drafter.gguf \(kind).gguf --type q8_0").code == 0)
            let compared = try run(
                "compare -m \(model) --drafters \(kind),none --drafter-model \(kind).gguf --prompts prompts.jsonl "
                    + "--limit 3 -n 20 -r 1 -o json")
            #expect(compared.code == 0, "\(compared.errors)")
            let result = try JSONValue(parsing: Array(compared.output.utf8), path: "output")
            #expect(result["drafters"]?.array?.allSatisfy { $0["identical"]?.bool == true } == true)
        }
        let exported = try run("distill export -m \(model) --data data --prompts prompts.jsonl -o out.json")
        #expect(exported.code == 0, "\(exported.errors)")
        let conversations = try JSONValue(path: directory.file("out.json")).array
        #expect((conversations?.count ?? 0) > 0)
    }

    @Test("A trainer that is killed goes on with --resume and leaves the same drafter")
    func killed() throws {
        #expect(try generate().code == 0)
        let training = "train rnn -m \(model) \(Self.training) --save-every 5 --steps-per-eval 1000 -t 1"
        #expect(try run("\(training) -o whole").code == 0)
        let killed = try Run(
            shell: """
                cd \(directory.path); "$R" \(training) -o part & pid=$!
                while kill -0 $pid && [ ! -e part/checkpoint-00000010/manifest.json ]; do sleep 0.02; done
                kill -9 $pid; wait $pid; exit 0
                """)
        #expect(killed.code == 0)
        let resumed = try run("\(training) -o part --resume")
        #expect(resumed.code == 0, "\(resumed.errors)")
        let compared = try Run(
            shell: "cmp \(directory.path)/whole/drafter.gguf \(directory.path)/part/drafter.gguf")
        #expect(compared.code == 0, "\(compared.output)")
    }

    @Test(
        "Mistakes are named with their remedy: no data, a used directory, flags out of range, another model")
    func mistakes() throws {
        #expect(try generate().code == 0)
        #expect(try run("train rnn -m \(model) \(Self.training) -o used").code == 0)
        let other = try ToyModelFile(seed: 5).writeGGUF(to: directory.path, name: "narrow")
        for (arguments, code, says) in [
            ("train rnn -m \(model) --data nowhere -o new", Int32(66), "no such file"),
            ("train rnn -m \(model) \(Self.training) -o used", 73, "--resume"),
            (
                "train rnn -m \(model) \(Self.training) -o used --resume --learning-rate 0.5", 78,
                "learning_rate"
            ),
            ("train rnn -m \(model) \(Self.training) -o absent --resume", 66, "leave out --resume"),
            ("train rnn -m \(model) --data data -o new --draft-length 99", 64, "draft-length"),
            ("train rnn -m \(model) --data data -o new --tokens -1", 64, "tokens is -1; allowed: 1 or more"),
            ("train rnn -m \(model) --data data -o new --tokens 0", 64, "tokens is 0"),
            ("train medusa -m \(model) --data data -o new --exit-dim 8", 64, "exit-dim"),
            ("train rnn -m \(model) --data data -o new --batch-size 100000", 65, "--batch-size"),
            ("distill generate -m \(other) --prompts nowhere.jsonl -o d", 66, "no such file"),
            (
                "distill generate -m \(model) --prompts prompts.jsonl -o d --greedy-share 2", 64,
                "greedy-share"
            ),
        ] {
            let run = try run(arguments)
            #expect(run.code == code && run.errors.contains(says), "\(arguments): \(run.code) \(run.errors)")
        }
        #expect(try generate("--seed 9").code == 78)
        #expect(access(directory.file("absent"), F_OK) != 0)
    }

    @Test("Data that were changed are refused by train, generate and export, with the name of the shard")
    func altered() throws {
        #expect(try generate().code == 0)
        let shard = directory.file("data/answers-00001.safetensors")
        let file = try MappedFile(path: shard)
        var bytes = withExtendedLifetime(file) { [UInt8](file.bytes) }
        bytes[bytes.count - 1] ^= 1
        try ToyModelFile.write(bytes, to: shard)
        let runs = [
            try run("train rnn -m \(model) \(Self.training) -o out"), try generate(),
            try run("distill export -m \(model) --data data --prompts prompts.jsonl -o out.json"),
        ]
        for run in runs {
            #expect(run.code == 65, "\(run.errors)")
            #expect(run.errors.contains("answers-00001.safetensors: was changed or damaged"), "\(run.errors)")
            #expect(run.errors.contains("make the data again"))
        }
    }

    @Test("A lock or a log that is a link, or somebody's file, is refused and stays as it is")
    func foreignFiles() throws {
        #expect(try generate().code == 0)
        let text = Array("precious\n".utf8)
        let target = directory.file("precious")
        try ToyModelFile.write(text, to: target)
        for (name, commands) in [
            ("lock", ["train rnn -m \(model) \(Self.training) -o taken", nil]),
            ("log.jsonl", ["train rnn -m \(model) \(Self.training) -o taken"]),
        ] {
            for command in commands {
                let place = command == nil ? "data" : "taken"
                let made = try Run(
                    shell:
                        "cd \(directory.path) && mkdir -p \(place) && rm -f \(place)/\(name) && ln -s ../precious \(place)/\(name)"
                )
                #expect(made.code == 0)
                let linked = try command.map { try run($0) } ?? generate()
                #expect(
                    linked.code == 73 && linked.errors.contains("a symbolic link is in its place"),
                    "\(linked.errors)")
                let copied = try Run(
                    shell: "cd \(directory.path) && rm \(place)/\(name) && cp precious \(place)/\(name)")
                #expect(copied.code == 0)
                let foreign = try command.map { try run($0) } ?? generate()
                #expect(foreign.code == 73 && foreign.errors.contains("was not touched"), "\(foreign.errors)")
                for path in [target, directory.file("\(place)/\(name)")] {
                    let file = try MappedFile(path: path)
                    #expect(withExtendedLifetime(file) { [UInt8](file.bytes) } == text, "\(path)")
                }
                _ = try Run(shell: "rm \(directory.path)/\(place)/\(name)")
            }
        }
    }

    @Test(
        "Training that diverges ends with exit code 70, without a drafter and without a word that it can be tried"
    )
    func diverged() throws {
        #expect(try generate().code == 0)
        for (number, flags) in ["1e9", "1e30", "1e9 --warmup 0"].enumerated() {
            let run = try run(
                "train rnn -m \(model) \(Self.training) --learning-rate \(flags) -o out\(number)")
            #expect(run.code == 70, "\(flags): \(run.code) \(run.errors)")
            #expect(run.errors.contains("--learning-rate") && !run.errors.contains("try it"), "\(run.errors)")
            #expect(access(directory.file("out\(number)/drafter.gguf"), F_OK) != 0)
        }
    }
}
