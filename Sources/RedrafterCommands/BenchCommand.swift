import ArgumentParser
import Redrafter
import RedrafterCore
import RedrafterFormats
import RedrafterModels
import RedrafterReport

/// `redrafter bench`: speeds of this machine, in the manner of llama-bench.
struct BenchCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bench",
        abstract: "Measures prefill, decoding and the price of a pass over several rows.",
        discussion: """
            pp512 is a prompt of 512 tokens. tg128 is 128 tokens, one after another. rows8 is one pass over 8 tokens with \
            all their logits, after 256 tokens of context. read is a plain read of as many bytes of the weights as one \
            token needs: the limit for decoding. Each test warms up once.

              redrafter bench
              redrafter bench -p 0 -n 0 --rows 1,2,4,8,12,16
              redrafter bench -m model.gguf -t 4 -r 10 -o json
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
        name: [.short, .long], parsing: .unconditional,
        help: ArgumentHelp("Number of samples of each test.", valueName: "n"))
    var repetitions = 5

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
        tests += try numbers(rows, "rows", upTo: TreeLimits.maximumRows).map(Benchmark.Test.rows)
        if read { tests.append(.read) }
        guard !tests.isEmpty else {
            throw CommandFailure(.usage, "there is nothing to measure", hint: "pass -p, -n or --rows")
        }
        let longest = tests.map(\.tokens).max() ?? 0
        let model = try modelArguments.load(contextLength: max(longest, Benchmark.rowsContext + 64))
        var benchmark = try Benchmark(model)
        var report = BenchReport(model: model)
        for (index, test) in tests.enumerated() {
            var bar = ProgressBar(test.name)
            let samples = try benchmark.run(test, repetitions: repetitions) {
                bar.update((Double(index) + $0) / Double(tests.count))
            }
            bar.finish()
            report.add(test, samples)
            if output == .jsonl, let line = report.objects.last { try Terminal.write(line.text() + "\n") }
        }
        switch output {
        case .md: try Terminal.write(report.markdown)
        case .csv: try Terminal.write(report.csv)
        case .json: try Terminal.write(JSONValue.array(report.objects).text(isPretty: true) + "\n")
        case .jsonl: break
        }
    }

    private func numbers(_ list: String, _ name: String, upTo limit: Int) throws -> [Int] {
        try list.split(separator: ",").compactMap { part in
            guard let value = Int(part), (0...limit).contains(value) else {
                throw CommandFailure(
                    .usage, "\(name) is \(part); allowed: 0 to \(limit), separated by commas")
            }
            return value == 0 ? nil : value
        }
    }
}

/// Results with llama-bench's names of fields.
private struct BenchReport {
    private let model: Model
    private(set) var objects: [JSONValue] = []
    private var table = Table([
        .init("model"), .init("backend"), .init("threads", isNumeric: true), .init("test"),
        .init("ms", isNumeric: true), .init("t/s", isNumeric: true),
    ])

    init(model: Model) { self.model = model }

    mutating func add(_ test: Benchmark.Test, _ samples: [Duration]) {
        let nanoseconds = Statistics(samples.map { $0 / .nanoseconds(1) })
        let speeds = Statistics(nanoseconds.samples.map { Double(test.tokens) * 1e9 / $0 })
        let (backend, name) = (model.backend, fileName)
        var count = (prompt: 0, generated: 0, rows: 0)
        switch test {
        case .prompt(let tokens): count.prompt = tokens
        case .generation(let tokens): count.generated = tokens
        case .rows(let tokens): count.rows = tokens
        case .read: break
        }
        table.append([
            name, "\(backend.name) (\(backend.kernels))", "\(backend.threads)", test.name,
            "\(Number.fixed(nanoseconds.mean / 1e6, 2)) ± \(Number.fixed(nanoseconds.standardDeviation / 1e6, 2))",
            "\(Number.fixed(speeds.mean, 2)) ± \(Number.fixed(speeds.standardDeviation, 2))",
        ])
        objects.append(
            .object([
                "test": .string(test.name),
                "model_filename": .string(model.path),
                "model_size": .integer(model.transformer.weights.bytesPerPass),
                "cpu_info": .string(backend.device),
                "backend": .string(backend.name),
                "kernels": .string(backend.kernels),
                "blas": backend.blas.map { .string($0) } ?? .null,
                "n_threads": .integer(backend.threads),
                "n_prompt": .integer(count.prompt),
                "n_gen": .integer(count.generated),
                "n_rows": .integer(count.rows),
                "n_depth": .integer(count.rows > 0 ? Benchmark.rowsContext : 0),
                "avg_ns": .double(nanoseconds.mean),
                "stddev_ns": .double(nanoseconds.standardDeviation),
                "avg_ts": .double(speeds.mean),
                "stddev_ts": .double(speeds.standardDeviation),
                "samples_ns": .array(nanoseconds.samples.map { .double($0) }),
                "samples_ts": .array(speeds.samples.map { .double($0) }),
            ]))
    }

    var markdown: String {
        let backend = model.backend
        let blas = backend.blas.map { ", OpenBLAS \($0)" } ?? ""
        return table.markdown
            + "\n\(backend.device), \(backend.threads) threads, kernels \(backend.kernels)\(blas)\n"
    }

    var csv: String { table.csv }

    private var fileName: String { model.path.split(separator: "/").last.map(String.init) ?? model.path }
}
