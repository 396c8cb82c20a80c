import RedrafterCore
import RedrafterFormats

/// The form of a drafter that learns: its parameters in one flat array, and the gradient of a batch's loss.
///
/// A drafter implements `accumulate` for some positions on one thread; `evaluate` divides a batch among threads.
public protocol TrainableDrafter: Sendable {
    associatedtype Configuration: DrafterConfiguration

    var configuration: Configuration { get }
    var layout: ParameterLayout { get }
    /// Whether `accumulate` looks tokens up in the embeddings.
    var usesEmbedding: Bool { get }

    /// Layers of the model whose outputs it reads, counted from 0: its batches have texts then, else hidden states.
    var taps: [Int] { get }

    /// Lengths of matches with earlier places of the text that it tells apart: its batches have `matches` then. 0 where it copies
    /// nothing.
    var copyLengths: Int { get }

    /// Values to begin with: the head is the model's own on the draft vocabulary, and everything before it passes h on, so that
    /// the first loss is that of the model's distribution for the token before.
    /// - Parameters:
    ///   - model: what may be taken over.
    ///   - seed: of what is random.
    func initialParameters(_ model: ModelParts, seed: UInt64) -> [Float]

    /// What the learning rate of a parameter is multiplied by; 1 unless the drafter says otherwise.
    func rateScale(_ role: DrafterRole, _ settings: TrainingSettings) -> Float

    /// Steps that it can learn at most; nil for any number.
    var longestDraft: Int? { get }

    /// Rows that each position contributes to the head at most.
    func headRows(draftLength: Int) -> Int

    /// The loss of a chunk's positions, added to `result`, and its gradient, added to the chunk's, where one is wanted.
    func accumulate(_ chunk: TrainingChunk, into result: inout BatchResult)
}

extension TrainableDrafter {
    public var longestDraft: Int? { nil }
    public var taps: [Int] { [] }
    public var copyLengths: Int { 0 }

    public func rateScale(_ role: DrafterRole, _ settings: TrainingSettings) -> Float { 1 }

    /// The loss of a batch, and the gradient of its weighted mean.
    ///
    /// Each thread has a fixed range of positions and a gradient of its own, added in the order of threads: the same number of
    /// threads gives the same bits on every run.
    /// - Parameters:
    ///   - batch: the positions.
    ///   - parameters: `[layout.count]`
    ///   - embedding: the model's, never changed. `[model's vocabulary, hidden]`; may be empty where `usesEmbedding` is false.
    ///   - gradient: overwritten with the gradient of the sum of losses over the sum of the batch's weights; nil to measure only. `[layout.count]`
    ///   - workspace: memory that is used again from batch to batch.
    ///   - threads: threads that share the batch.
    /// - Throws: `TrainingError` where OpenBLAS is missing or an array does not fit; nothing was written then.
    public func evaluate(
        _ batch: DraftBatch, parameters: UnsafeBufferPointer<Float>, embedding: UnsafeBufferPointer<Float>,
        gradient: UnsafeMutableBufferPointer<Float>?, workspace: TrainingWorkspace, threads: Int
    ) throws(TrainingError) -> BatchResult {
        let threads = max(1, threads)
        try requireBLAS(threads: threads)
        try check(batch, parameters: parameters, embedding: embedding, gradient: gradient)
        workspace.prepare(threads: threads)
        let weightSum = batch.weights.reduce(0.0) { $0 + Double($1) }
        let ranges = batch.ranges(threads: threads)
        var results = Array(repeating: BatchResult(draftLength: batch.draftLength), count: threads)
        batch.withView { view in
            results.withUnsafeMutableBufferPointer { results in
                onThreads(threads) { thread in
                    let scratch = workspace.threads[thread]
                    // The first thread adds up where the sum is wanted.
                    let own = gradient.map {
                        thread == 0 ? $0 : scratch.gradient(count: $0.count)
                    }
                    own?.update(repeating: 0)
                    let whole = TrainingChunk(
                        batch: view, positions: ranges[thread], weightSum: weightSum, layout: layout,
                        parameters: parameters, gradientValues: own, embeddingValues: embedding,
                        scratch: scratch)
                    for chunk in whole.pieces(rowsPerPosition: headRows(draftLength: view.draftLength)) {
                        scratch.reset()
                        accumulate(chunk, into: &results[thread])
                    }
                }
            }
        }
        if let gradient { reduce(into: gradient, workspace: workspace, threads: threads) }
        var total = BatchResult(draftLength: batch.draftLength)
        for result in results { total += result }
        return total
    }

    private func reduce(
        into gradient: UnsafeMutableBufferPointer<Float>, workspace: TrainingWorkspace, threads: Int
    ) {
        guard threads > 1, let target = gradient.baseAddress else { return }
        onThreads(threads) { thread in
            let range = piece(thread, of: threads, in: gradient.count)
            guard !range.isEmpty else { return }
            for other in workspace.threads[1..<threads] {
                guard let source = other.gradient?.floats.baseAddress else { continue }
                Matrix(base: target + range.lowerBound, rows: 1, columns: range.count)
                    .add(Matrix(base: source + range.lowerBound, rows: 1, columns: range.count))
            }
        }
    }

    private func check(
        _ batch: DraftBatch, parameters: UnsafeBufferPointer<Float>, embedding: UnsafeBufferPointer<Float>,
        gradient: UnsafeMutableBufferPointer<Float>?
    ) throws(TrainingError) {
        let hidden = configuration.hiddenSize
        guard parameters.count == layout.count, gradient.map({ $0.count == layout.count }) ?? true
        else {
            throw .invalidInput(
                what: "the number of parameters or of gradients",
                got: "\(parameters.count) and \(gradient?.count ?? layout.count)", expected: "\(layout.count)"
            )
        }
        guard !usesEmbedding || (embedding.count % hidden == 0 && !embedding.isEmpty) else {
            throw .invalidInput(
                what: "the number of embedding values", got: "\(embedding.count)",
                expected: "a multiple of the hidden size \(hidden)")
        }
        try batch.check(
            for: layout, vocabularySize: usesEmbedding ? embedding.count / hidden : nil, taps: taps.count,
            copyLengths: copyLengths)
        if let longest = longestDraft, batch.draftLength > longest {
            throw .invalidInput(
                what: "the draft length of the batch", got: "\(batch.draftLength)",
                expected: "at most the \(longest) steps that the drafter has parameters for")
        }
    }
}
