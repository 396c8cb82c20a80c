import ArgumentParser
import Redrafter
import RedrafterCore
import RedrafterFormats
import RedrafterModels

/// `redrafter bench`: speeds of this machine, in the manner of llama-bench.
struct BenchCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bench",
        abstract: "Measures prefill, decoding and the price of a pass over several rows.",
        discussion: """
            pp512 is a prompt of 512 tokens. tg128 is 128 tokens, one after another. rows8 is one pass over 8 tokens with \
            all their logits, after 256 tokens of context (rows8@4096: after 4,096). read is a plain read of as many bytes of the weights as one \
            token needs: the limit for decoding. Each test warms up once.

              redrafter bench
              redrafter bench -p 0 -n 0 --rows 1,2,4,8,12,16
              redrafter bench -p 0 -n 0 --rows 1,8 --rows-context 256,1024,4096
              redrafter bench -m model.gguf -t 4 -r 10 -o json
              redrafter bench --kernels avx2,portable -p 16 -n 16 --rows 1,8

            With --kernels, sets of kernels take turns: in each repetition every set takes one sample of the test, so that a \
            machine whose speed drifts slows all alike. Speedup is the median, over the repetitions, of a set's tokens/s \
            divided by those of the first set in the same repetition. A set that is named twice shows how far chance goes. \
            Each set loads the weights for itself: two sets need twice the memory. 'redrafter --version' lists the sets of \
            this processor.
            """)

    enum Output: String, ExpressibleByArgument, CaseIterable {
        case md, csv, json, jsonl
    }

    @OptionGroup var modelArguments: ModelArguments

    @Option(
        name: [.customShort("p"), .customLong("n-prompt")], parsing: .unconditional,
        help: ArgumentHelp("Prompt tokens, comma-separated; 0 for none.", valueName: "n"))
    var prompt = "512"

    @Option(
        name: [.customShort("n"), .customLong("n-gen")], parsing: .unconditional,
        help: ArgumentHelp("Generated tokens, comma-separated; 0 for none.", valueName: "n"))
    var generate = "128"

    @Option(help: ArgumentHelp("Rows of one pass, comma-separated.", valueName: "n"))
    var rows = ""

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp(
            """
            Tokens of context before the rows of a pass, comma-separated: each number of rows is timed behind each. \
            Beyond the context that the model was trained for, it warns.
            """,
            valueName: "n"))
    var rowsContext = "\(Benchmark.rowsContext)"

    @Option(
        name: [.short, .long], parsing: .unconditional,
        help: ArgumentHelp("Number of samples of each test.", valueName: "n"))
    var repetitions = 5

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp(
            "Kernel sets of the cpu backend to compare, comma-separated; each loads the weights for itself.",
            valueName: "names"))
    var kernels: String?

    @Flag(name: .customLong("read"), help: "Also time a plain read of the weights' bytes.")
    var read = false

    @Option(name: [.short, .long], parsing: .unconditional, help: "Format of the result.")
    var output = Output.md

    func run() throws {
        guard (1...1000).contains(repetitions) else {
            throw CommandFailure(.usage, "repetitions is \(repetitions); allowed: 1 to 1000")
        }
        var tests = try numbers(prompt, "n-prompt", upTo: 1 << 20).map(Benchmark.Test.prompt)
        tests += try numbers(generate, "n-gen", upTo: 1 << 20).map(Benchmark.Test.generation)
        for context in try numbers(rowsContext, "rows-context", upTo: 1 << 20, keepingZeros: true) {
            tests += try numbers(rows, "rows", upTo: TreeLimits.maximumRows).map {
                .rows($0, context: context)
            }
        }
        if read { tests.append(.read) }
        guard !tests.isEmpty else {
            throw CommandFailure(.usage, "there is nothing to measure", hint: "pass -p, -n or --rows")
        }
        let longest = tests.reduce(Benchmark.rowsContext) { max($0, $1.contextTokens) }
        let sets = try kernelSets()
        var benchmarks = try sets.map {
            try Benchmark(
                try modelArguments.load(
                    contextLength: longest, kernels: $0))
        }
        var report = BenchReport(models: benchmarks.map(\.model))
        for (index, test) in tests.enumerated() {
            var bar = ProgressBar(test.name)
            let samples = try Benchmark.run(test, inTurns: &benchmarks, repetitions: repetitions) {
                bar.update((Double(index) + $0) / Double(tests.count))
            }
            bar.finish()
            report.add(test, samples)
            guard output == .jsonl else { continue }
            for line in report.objects.suffix(samples.count) { try Terminal.write(line.text() + "\n") }
        }
        switch output {
        case .md: try Terminal.write(report.markdown)
        case .csv: try Terminal.write(report.csv)
        case .json: try Terminal.write(JSONValue.array(report.objects).text(isPretty: true) + "\n")
        case .jsonl: break
        }
    }

    /// The kernel sets that take turns, all of which this processor runs; one nil for the backend's own choice.
    private func kernelSets() throws -> [String?] {
        guard let kernels else { return [nil] }
        guard modelArguments.backend == "cpu" else {
            throw CommandFailure(
                .usage, "--kernels names sets of the cpu backend, and --backend is \(modelArguments.backend)",
                hint: "leave out one of the two")
        }
        let names = kernels.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
        // An unknown name is an error before the weights are loaded for those ahead of it.
        for name in names {
            _ = try Plugins.current.registry.makeBackend(
                named: "cpu", options: BackendOptions(threads: 1, kernels: name))
        }
        return names
    }

    private func numbers(
        _ list: String, _ name: String, upTo limit: Int, keepingZeros: Bool = false
    ) throws -> [Int] {
        let numbers = try NumberList.parse(list, name: name, in: 0...limit, omittingEmpty: !keepingZeros)
        return keepingZeros ? numbers : numbers.filter { $0 != 0 }
    }
}
