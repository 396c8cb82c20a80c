import BundledDrafters
import RedrafterFormats
import RedrafterTesting
import Testing

@Suite("Speculation on the command line") struct SpeculationCommandTests {
    private let directory: TemporaryDirectory
    private let model: String

    init() throws {
        directory = TemporaryDirectory()
        model = try ToyModelFile().writeGGUF(to: directory.path)
    }

    private func run(_ arguments: String) throws -> Run { try Run(shell: "\"$R\" \(arguments)") }

    private func object(_ run: Run) throws -> JSONValue {
        try JSONValue(parsing: Array(run.output.utf8), path: "output")
    }

    @Test(
        "The answer is the same with every drafter and tree, and its counters have llama.cpp's and vLLM's names"
    )
    func generate() throws {
        let common = "generate -m \(model) -p 'ab ab ab' --no-chat-template -n 40 --json"
        let plain = try object(try run("\(common) --drafter none"))
        for flags in [
            "", "--drafter lookup", "--drafter lookup --tree dynamic --max-rows 6", "--tree static",
        ] {
            let answer = try object(try run("\(common) \(flags)"))
            #expect(answer["tokens"] == plain["tokens"], "\(flags)")
            #expect(answer["drafter"]?.string == "lookup" && answer["exact"]?.bool == true)
            #expect(answer["timings"]?["draft_n"]?.integer != nil)
            #expect(answer["timings"]?["draft_n_accepted"]?.integer != nil)
            let metrics = answer["metrics"]?["speculative_decoding"]
            for key in [
                "mean_acceptance_length", "draft_acceptance_rate", "num_spec_steps", "num_draft_tokens",
                "num_accepted_draft_tokens", "num_accepted_tokens_per_pos",
            ] {
                #expect(metrics?[key] != nil, "\(key)")
            }
        }
        #expect(plain["timings"]?["draft_n"]?.integer == 0)
    }

    @Test("Log-probabilities are part of the JSON, one for each token; a bias changes the answer")
    func logProbabilities() throws {
        let common = "generate -m \(model) -p 'ab ab ab' --no-chat-template -n 12 --drafter lookup"
        let plain = try object(try run("\(common) --json"))
        #expect(plain["logprobs"]?.isNull == true)
        let answer = try object(try run("\(common) --json --logprobs 2"))
        #expect(answer["tokens"] == plain["tokens"])
        let entries = try #require(answer["logprobs"]?.array)
        #expect(entries.map { $0["id"] } == answer["tokens"]?.array)
        for entry in entries {
            let top = try #require(entry["top_logprobs"]?.array)
            // Greedy: the token is the most probable one.
            #expect(top.count == 2 && top[0]["id"] == entry["id"])
            #expect(entry["logprob"] == top[0]["logprob"] && (entry["logprob"]?.double ?? 1) <= 0)
        }
        let first = try #require(plain["tokens"]?.array?.first?.integer)
        let other = try object(try run("\(common) --json -l \(first)-100"))
        #expect(other["tokens"]?.array?.contains(.integer(first)) == false)
        for (flags, says) in [
            ("--logprobs 2", "--json"), ("--json --logprobs 21", "logprobs"), ("-l 5", "logit-bias"),
            ("-l x+1", "logit-bias"), ("-l 5+101", "logit-bias"), ("-l 5+nan", "logit-bias"),
            ("-l 99999+1", "logit-bias"),
        ] {
            let run = try run("\(common) \(flags)")
            #expect(run.code == 64 && run.errors.contains(says), "\(flags): \(run.code) \(run.errors)")
        }
    }

    @Test("Drafters are compared under load, and every answer is the one that its prompt gets alone")
    func load() throws {
        let prompts = directory.path + "/prompts.jsonl"
        try ToyModelFile.write(
            Array(#"{"prompt": "ab ab ab"}\#n{"prompt": "ba"}"#.utf8), to: prompts)
        let common =
            "compare -m \(model) --no-chat-template --prompts \(prompts) -n 10 -r 1 --drafters lookup"
        let result = try run("\(common) --clients 1,3 -o json")
        let entries = try #require(try object(result).array, "\(result.errors)")
        #expect(entries.map { $0["clients"]?.integer } == [1, 1, 3, 3])
        #expect(entries.map { $0["drafter"]?.string } == ["lookup", "none", "lookup", "none"])
        #expect(entries.allSatisfy { $0["identical"]?.bool == true && $0["speedup"]?.double != nil })
        let table = try run("\(common) --clients 2")
        #expect(table.code == 0 && table.output.contains("| clients |"))
        for flags in ["--clients 0", "--clients 33", "--clients x", "--clients 1 -o html"] {
            let run = try run("\(common) \(flags)")
            #expect(run.code == 64 && run.output.isEmpty, "\(flags): \(run.code) \(run.errors)")
        }
    }

    @Test("A drafter that was asked for and cannot run is an error, never a fallback")
    func refused() throws {
        let other = directory.path + "/other.gguf"
        let toy = try ToyDrafter.recurrent(hidden: 32).weights()
        try DrafterWriter.write(toy, to: other, layout: .gguf, type: nil)
        // Those that the command may carry are for another model than this one.
        let unfit: Int32 = try isShipped("rnn") ? 78 : 64
        let unfitHeads: Int32 = try isShipped("medusa") ? 78 : 64
        for (flags, code, says) in [
            ("--drafter oracle", 64, "oracle"), ("--drafter rnn", unfit, "needs weights"),
            ("--drafter lookup+", 64, "does not exist"),
            ("--drafter rnn --drafter-model /nonexistent", 66, "no such file"),
            ("--drafter none --drafter-model /nonexistent", 66, "no such file"),
            ("--drafter-model lookup=/nonexistent", 66, "/nonexistent: no such file"),
            ("--drafter lookup --drafter-model medusa=/nonexistent/x", 66, "no such file"),
            ("--drafter rnn --drafter-model \(model)", 65, "drafter"),
            ("--drafter rnn --drafter-model \(other)", 78, "hidden size"),
            ("--drafter medusa --drafter-model rnn=\(other)", unfitHeads, "needs weights"),
        ] {
            let run = try run("generate -m \(model) -p ab --no-chat-template -n 4 \(flags)")
            #expect(run.code == code && run.errors.contains(says), "\(flags): \(run.code) \(run.errors)")
            #expect(run.output.isEmpty)
        }
    }

    @Test("A drafter whose weights give no numbers is said on stderr, and the answer is the same")
    func damagedWeights() throws {
        let path = directory.file("damaged.gguf")
        let toy = ToyDrafter.recurrent(hidden: 64, vocabulary: ToyTokenizer.tokens.count)
        try DrafterWriter.write(try toy.weights(), to: path, layout: .gguf, type: nil)
        let file = try MappedFile(path: path)
        var bytes = withExtendedLifetime(file) { [UInt8](file.bytes) }
        bytes.replaceSubrange((bytes.count - 4)..., with: [0, 0, 0xC0, 0x7F])
        try ToyModelFile.write(bytes, to: path)
        let common = "-m \(model) --no-chat-template -n 24 --drafter-model \(path)"
        let warning = "warning: the drafter 'rnn' gave NaN or infinity in "
        let answer = try run("generate \(common) -p ab --drafter rnn")
        #expect(answer.code == 0 && answer.errors.contains(warning), "\(answer.errors)")
        #expect(answer.errors.split(separator: "\n").count { $0.hasPrefix("warning: ") } == 2)
        let loaded = "warning: \(path): the drafter is damaged, it holds NaN or infinity in 1 places"
        #expect(answer.errors.contains(loaded), "\(answer.errors)")
        #expect(try run("generate \(common) -p ab --drafter none").output == answer.output)
        let prompts = directory.file("prompts.jsonl")
        try ToyModelFile.write(Array("{\"text\": \"ab ab\"}\n".utf8), to: prompts)
        let compared = try run("compare \(common) --prompts \(prompts) -r 1 --drafters rnn,none")
        #expect(compared.code == 0 && compared.errors.contains(warning), "\(compared.errors)")
        #expect(compared.errors.contains(loaded), "\(compared.errors)")
        let chat = try Run(
            shell: "echo ab | \"$R\" chat -m \(model) -n 8 --drafter rnn --drafter-model \(path)")
        #expect(chat.code == 0 && chat.errors.contains(warning), "\(chat.errors)")
        #expect(chat.errors.contains(loaded), "\(chat.errors)")
        #expect(try run("inspect \(path)").output.contains("the drafter is damaged"))
        let converted = try run("convert \(path) \(directory.file("copy.gguf"))")
        #expect(converted.code == 0 && converted.errors.contains("1 weights are NaN"), "\(converted.errors)")
    }

    @Test("Weights that fit are used without a name, together with lookup, and the answer stays the same")
    func automatic() throws {
        let common = "generate -m \(model) -p 'ab ab ab' --no-chat-template -n 24 --json"
        let plain = try object(try run("\(common) --drafter none"))
        let toys = [
            ("rnn+lookup", ToyDrafter.recurrent(hidden: 64, vocabulary: ToyTokenizer.tokens.count)),
            ("medusa+lookup", ToyDrafter.medusa(hidden: 64, vocabulary: ToyTokenizer.tokens.count)),
        ]
        for (name, toy) in toys {
            let path = "\(directory.path)/\(name).gguf"
            try DrafterWriter.write(try toy.weights(), to: path, layout: .gguf, type: nil)
            let answer = try object(try run("\(common) --drafter-model \(path)"))
            #expect(answer["drafter"]?.string == name)
            #expect(answer["tokens"] == plain["tokens"])
        }
    }

    @Test("Drafters are compared on the prompts of a file, with every answer checked")
    func compare() throws {
        let prompts = directory.path + "/prompts.jsonl"
        try ToyModelFile.write(Array("{\"text\": \"ab ab\"}\n{\"text\": \"abc\"}\n".utf8), to: prompts)
        let page = directory.path + "/page.html"
        let common = "compare -m \(model) --prompts \(prompts) -n 16 -r 2 --drafters lookup"
        let result = try object(try run("\(common) -o json"))
        #expect(result["drafters"]?.array?.map { $0["drafter"]?.string } == ["lookup", "none"])
        #expect(result["drafters"]?.array?.allSatisfy { $0["identical"]?.bool == true } == true)
        let table = try run(common)
        #expect(table.code == 0 && table.output.hasPrefix("| drafter"))
        let html = try run("\(common) -o html --output \(page)")
        #expect(html.code == 0 && html.output.isEmpty)
        let written = try MappedFile(path: page)
        #expect(String(decoding: written.bytes, as: UTF8.self).hasPrefix("<!DOCTYPE html>"))
    }

    private func isShipped(_ drafter: String) throws -> Bool {
        let entry = try object(try run("drafters --json")).array?.first { $0["name"]?.string == drafter }
        return entry?["shipped"]?.array?.isEmpty == false
    }

    @Test("Drafters are listed, with those shipped and whether they fit the model")
    func drafters() throws {
        let list = try object(try run("drafters -m \(model) --json")).array ?? []
        #expect(list.map { $0["name"]?.string } == ["none", "lookup", "rnn", "medusa"])
        #expect(list.map { $0["automatic"]?.bool } == [false, true, false, false])
        for shipped in list.flatMap({ $0["shipped"]?.array ?? [] }) {
            #expect(shipped["fits"]?.bool == false)
            #expect(shipped["difference"]?.string?.contains("vocabulary") == true)
        }
        let table = try run("drafters -m \(model)")
        #expect(table.code == 0 && table.output.contains("| rnn"))
        #expect(table.errors == "auto is lookup for \(model)\n")
        #expect(try run("drafters -m /nonexistent").code == 66)
        let without = try Run(shell: "\"$R\" drafters", environment: ["REDRAFTER_CACHE": "/nonexistent"])
        #expect(without.code == 0 && without.errors.isEmpty)
    }
}
