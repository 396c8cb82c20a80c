import CPUBackend
import RedrafterCore
import RedrafterModels

/// Times the passes that text generation is made of, on random tokens.
public struct Benchmark {
    /// One thing to time.
    public enum Test: Sendable, Hashable {
        /// Prefill of an empty context with this many tokens.
        case prompt(Int)
        /// This many tokens one after the other, from an empty context.
        case generation(Int)
        /// One pass over this many rows with all their logits, behind `Benchmark.rowsContext` tokens.
        case rows(Int)
        /// A plain read of as many bytes as a pass over one token reads, by all threads: the limit of `generation`. The
        /// processor's best kernels read, whatever the model runs on.
        case read

        /// As in reports: `pp512`, `tg128`, `rows8`, `read`.
        public var name: String {
            switch self {
            case .prompt(let count): "pp\(count)"
            case .generation(let count): "tg\(count)"
            case .rows(let count): "rows\(count)"
            case .read: "read"
            }
        }

        /// Tokens that one sample stands for; 1 for a read, which is what one token costs.
        public var tokens: Int {
            switch self {
            case .prompt(let count), .generation(let count), .rows(let count): count
            case .read: 1
            }
        }
    }

    /// Tokens in the cache before a pass over rows.
    public static let rowsContext = 256
    /// Passes that make up one sample of `rows` and `read`: one alone is shorter than the noise of the clock's neighbours.
    private static let passesPerSample = 16

    public let model: Model
    private let runner: PassRunner
    private var readBuffer: ReadBenchmark?

    /// - Throws: `RedrafterError.transformer(.backend(.outOfMemory))`.
    public init(_ model: Model) throws(RedrafterError) {
        self.model = model
        runner = try wrapping(
            RedrafterError.transformer,
            try PassRunner(model.transformer, prefillChunk: model.prefillChunk))
    }

    /// Bytes of weights that a pass over one token reads: all but the embedding, of which it reads one row.
    public var bytesPerToken: Int { model.transformer.weights.bytesPerPass }

    /// The times of `repetitions` samples, after one that warms up.
    /// - Throws: `RedrafterError.promptTooLong` where a test does not fit the context.
    public mutating func run(
        _ test: Test, repetitions: Int, progress: (Double) -> Void = { _ in }
    ) throws(RedrafterError) -> [Duration] {
        var benchmarks = [self]
        let samples = try Self.run(
            test, inTurns: &benchmarks, repetitions: repetitions, progress: progress)
        self = benchmarks[0]
        return samples[0]
    }

    /// The same for several models in alternation: in each repetition each takes one sample, in their order. So samples of
    /// the same repetition are neighbours in time, and a machine whose speed drifts slows all models alike.
    /// - Returns: `[benchmarks][repetitions]`
    /// - Throws: `RedrafterError.promptTooLong` where a test does not fit a context.
    public static func run(
        _ test: Test, inTurns benchmarks: inout [Benchmark], repetitions: Int,
        progress: (Double) -> Void = { _ in }
    ) throws(RedrafterError) -> [[Duration]] {
        for index in benchmarks.indices { try benchmarks[index].prepare(test) }
        var samples = [[Duration]](repeating: [], count: benchmarks.count)
        for repetition in 0...repetitions {
            for index in benchmarks.indices {
                let time = try benchmarks[index].sample(test)
                if repetition > 0 { samples[index].append(time) }
            }
            progress(Double(repetition) / Double(repetitions))
        }
        return samples
    }

    /// What comes before the samples of a test.
    private mutating func prepare(_ test: Test) throws(RedrafterError) {
        let needed =
            switch test {
            case .prompt(let count), .generation(let count): count
            case .rows(let count): Self.rowsContext + count
            case .read: 0
            }
        guard needed <= model.contextLength else {
            throw .promptTooLong(tokens: needed, contextLength: model.contextLength)
        }
        switch test {
        case .prompt, .generation: break
        case .rows: try wrapping(RedrafterError.transformer, try prepareContext())
        case .read where readBuffer == nil:
            readBuffer = try wrapping(
                RedrafterError.backend,
                try ReadBenchmark(byteCount: bytesPerToken, threads: model.backend.threads))
        case .read: break
        }
    }

    private func sample(_ test: Test) throws(RedrafterError) -> Duration {
        switch test {
        case .prompt(let count):
            try wrapping(RedrafterError.transformer, try samplePrompt(randomTokens(count)))
        case .generation(let count):
            try wrapping(RedrafterError.transformer, try sampleGeneration(randomTokens(count)))
        case .rows(let count):
            try wrapping(RedrafterError.transformer, try sampleRows(randomTokens(count)))
        case .read:
            sampleRead()
        }
    }

    private func samplePrompt(_ tokens: [Int32]) throws(TransformerError) -> Duration {
        runner.reset()
        let start = ContinuousClock.now
        try choose(try runner.prefill(tokens).logits)
        return start.duration(to: .now)
    }

    private func sampleGeneration(_ tokens: [Int32]) throws(TransformerError) -> Duration {
        runner.reset()
        let start = ContinuousClock.now
        for (position, token) in tokens.enumerated() {
            try choose(try runner.forward(Row.chain([token], from: position), logitRows: [0]).logits)
            try runner.commit([0])
        }
        return start.duration(to: .now)
    }

    private func sampleRows(_ tokens: [Int32]) throws(TransformerError) -> Duration {
        let start = ContinuousClock.now
        for _ in 0..<Self.passesPerSample {
            let rows = Row.chain(tokens, from: Self.rowsContext)
            try choose(try runner.forward(rows, logitRows: Array(rows.indices)).logits)
        }
        return start.duration(to: .now) / Self.passesPerSample
    }

    private func sampleRead() -> Duration {
        let start = ContinuousClock.now
        for _ in 0..<Self.passesPerSample { readBuffer?.read() }
        return start.duration(to: .now) / Self.passesPerSample
    }

    /// The most likely token of each row, as plain decoding takes it.
    private func choose(_ logits: Tensor) throws(TransformerError) {
        let leading = try wrapping(
            TransformerError.backend,
            try runner.stream.top(1, of: logits, vocabulary: model.tokenCount))
        guard !leading.contains(where: \.isEmpty) else {
            throw .backend(.nonFinite(what: "the logits"))
        }
    }

    private func prepareContext() throws(TransformerError) {
        runner.reset()
        _ = try runner.prefill(randomTokens(Self.rowsContext))
    }

    private func randomTokens(_ count: Int) -> [Int32] {
        (0..<count).map { _ in Int32.random(in: 0..<Int32(model.tokenCount)) }
    }
}
