import Redrafter
import RedrafterFormats
import RedrafterReport

/// Results of `redrafter bench`, with llama-bench's names of fields. Where several models took turns, each has a line for
/// each test and its speedup over the first.
struct BenchReport {
    private let models: [Model]
    private(set) var objects: [JSONValue] = []
    private var table: Table

    /// - Parameter models: at least one; of the same file.
    init(models: [Model]) {
        self.models = models
        var columns: [Table.Column] = [
            .init("model"), .init("backend"), .init("threads", isNumeric: true), .init("test"),
            .init("ms", isNumeric: true), .init("t/s", isNumeric: true),
        ]
        if models.count > 1 {
            columns += [.init("speedup", isNumeric: true), .init("min – max", isNumeric: true)]
        }
        table = Table(columns)
    }

    /// - Parameter samples: `[models][repetitions]`
    mutating func add(_ test: Benchmark.Test, _ samples: [[Duration]]) {
        for (model, own) in zip(models, samples) {
            let speedup = models.count > 1 ? Statistics(zip(samples[0], own).map { $0 / $1 }) : nil
            add(test, model, Statistics(own.map { $0 / .nanoseconds(1) }), speedup)
        }
    }

    private mutating func add(
        _ test: Benchmark.Test, _ model: Model, _ nanoseconds: Statistics, _ speedup: Statistics?
    ) {
        let speeds = Statistics(nanoseconds.samples.map { Double(test.tokens) * 1e9 / $0 })
        let backend = model.backend
        var cells = [
            Self.fileName(model), "\(backend.name) (\(backend.kernels))", "\(backend.threads)", test.name,
            "\(Number.fixed(nanoseconds.mean / 1e6, 2)) ± \(Number.fixed(nanoseconds.standardDeviation / 1e6, 2))",
            "\(Number.fixed(speeds.mean, 2)) ± \(Number.fixed(speeds.standardDeviation, 2))",
        ]
        var members = Self.members(test, model) + Self.members(nanoseconds, speeds)
        if let speedup {
            let (least, most) = (Number.fixed(speedup.minimum, 2), Number.fixed(speedup.maximum, 2))
            cells += [Number.fixed(speedup.median, 2) + " ×", "\(least) – \(most)"]
            members += [
                ("speedup", .double(speedup.median)),
                (
                    "speedup_spread",
                    .object([
                        "median": .double(speedup.median), "min": .double(speedup.minimum),
                        "max": .double(speedup.maximum),
                    ])
                ),
            ]
        }
        table.append(cells)
        objects.append(.object(JSONObject(members.map { (ByteSlice($0.0), $0.1) })))
    }

    /// What was measured, and on what.
    private static func members(_ test: Benchmark.Test, _ model: Model) -> [(String, JSONValue)] {
        let backend = model.backend
        var count = (prompt: 0, generated: 0, rows: 0)
        switch test {
        case .prompt(let tokens): count.prompt = tokens
        case .generation(let tokens): count.generated = tokens
        case .rows(let tokens): count.rows = tokens
        case .read: break
        }
        return [
            ("test", .string(test.name)),
            ("model_filename", .string(model.path)),
            ("model_size", .integer(model.transformer.weights.bytesPerPass)),
            ("cpu_info", .string(backend.device)),
            ("backend", .string(backend.name)),
            ("kernels", .string(backend.kernels)),
            ("blas", backend.blas.map { .string($0) } ?? .null),
            ("n_threads", .integer(backend.threads)),
            ("n_prompt", .integer(count.prompt)),
            ("n_gen", .integer(count.generated)),
            ("n_rows", .integer(count.rows)),
            ("n_depth", .integer(count.rows > 0 ? Benchmark.rowsContext : 0)),
        ]
    }

    private static func members(_ nanoseconds: Statistics, _ speeds: Statistics) -> [(String, JSONValue)] {
        [
            ("avg_ns", .double(nanoseconds.mean)),
            ("stddev_ns", .double(nanoseconds.standardDeviation)),
            ("avg_ts", .double(speeds.mean)),
            ("stddev_ts", .double(speeds.standardDeviation)),
            ("samples_ns", .array(nanoseconds.samples.map { .double($0) })),
            ("samples_ts", .array(speeds.samples.map { .double($0) })),
        ]
    }

    var markdown: String {
        let backend = models[0].backend
        let kernels = models.map(\.backend.kernels).joined(separator: ", ")
        let blas = backend.blas.map { ", OpenBLAS \($0)" } ?? ""
        let speedup =
            models.count > 1
            ? "; speedup: tokens/s ÷ those of \(backend.kernels) in the same repetition, median" : ""
        return table.markdown
            + "\n\(backend.device), \(backend.threads) threads, kernels \(kernels)\(blas)\(speedup)\n"
    }

    var csv: String { table.csv }

    private static func fileName(_ model: Model) -> String {
        model.path.split(separator: "/").last.map(String.init) ?? model.path
    }
}
