import Redrafter
import RedrafterCore
import RedrafterFormats
import RedrafterModels
import RedrafterTraining

/// Answers many prompts at once: one pass over the weights serves a row of every sequence, so that tokens cost a fraction of
/// what they cost one sequence at a time.
///
/// A sequence that ends makes room for the next prompt, whose tokens join the running pass. By row invariance an answer does not
/// depend on the sequences beside it: it is what the model says alone.
public final class BatchGenerator {
    /// What to answer.
    public struct Request: Sendable {
        /// Without an answer yet.
        public var answer: DistilledAnswer
        public var sampling: SamplingParameters
        public var maximumTokens: Int

        /// - Parameters:
        ///   - answer: item and prompt; the prompt has at least one token.
        ///   - sampling: see `BatchGenerator.init`.
        ///   - maximumTokens: of the answer.
        public init(_ answer: DistilledAnswer, sampling: SamplingParameters, maximumTokens: Int) {
            precondition(!answer.prompt.isEmpty && maximumTokens > 0, "a prompt and room for an answer")
            self.answer = answer
            self.sampling = sampling
            self.maximumTokens = maximumTokens
        }
    }

    private struct Sequence {
        var request: Request
        let sampler: Sampler
        /// Tokens that are not in the cache yet: the rest of the prompt, or the last token.
        var pending: [Int32]
    }

    private let model: Model
    private let shape: DistillationShape
    private let runner: PassRunner
    private var sequences: [Sequence?]

    /// Rows of one pass: the sequences' next tokens, and what fits of new prompts.
    private static let rowsPerPass = 256

    /// Sequences that one generator can serve.
    public static let maximumSequences = TreeLimits.maximumRows

    /// - Parameters:
    ///   - model: answers.
    ///   - sequences: 1 to `maximumSequences`.
    ///   - shape: how many of the model's likeliest tokens are kept, and whether hidden states are. Samplers must need no
    ///     more logits than that (`Sampler.isServed(byLeading:)`).
    /// - Throws: `RedrafterError.transformer(.backend(.outOfMemory))`.
    public init(_ model: Model, sequences: Int, shape: DistillationShape) throws(RedrafterError) {
        precondition((1...Self.maximumSequences).contains(sequences) && shape.topCount > 0)
        self.model = model
        self.shape = shape
        runner = try wrapping(
            RedrafterError.transformer,
            try PassRunner(model.transformer, sequences: sequences, maximumRows: Self.rowsPerPass))
        self.sequences = [Sequence?](repeating: nil, count: sequences)
    }

    /// Answers requests until there are no more.
    /// - Parameters:
    ///   - next: the next request; nil when there is none for now. Asked whenever a sequence is free.
    ///   - finished: receives each answer as it ends, in no particular order.
    ///   - proceed: asked before each pass with the number of tokens that the last one gave; false ends the run.
    /// - Throws: `RedrafterError.transformer`, and what the closures throw.
    public func run(
        next: () throws(RedrafterError) -> Request?,
        finished: (DistilledAnswer) throws(RedrafterError) -> Void, proceed: (Int) -> Bool
    ) throws(RedrafterError) {
        var newTokens = 0
        while true {
            for slot in sequences.indices where sequences[slot] == nil {
                guard let request = try next() else { break }
                sequences[slot] = try begin(request, in: slot)
            }
            guard sequences.contains(where: { $0 != nil }), proceed(newTokens) else { break }
            newTokens = try pass(finished)
        }
        for slot in sequences.indices { sequences[slot] = nil }
        runner.reset()
    }

    private func begin(_ request: Request, in slot: Int) throws(RedrafterError) -> Sequence {
        let needed = request.answer.prompt.count + request.maximumTokens
        guard needed <= model.contextLength else {
            throw .promptTooLong(tokens: needed, contextLength: model.contextLength)
        }
        let sampler = try wrapping(
            RedrafterError.parameter, try Sampler(request.sampling, tokenCount: model.tokenCount))
        precondition(
            sampler.isServed(byLeading: shape.topCount), "the sampler needs more logits than are kept")
        return Sequence(request: request, sampler: sampler, pending: request.answer.prompt)
    }

    /// One pass; returns the number of tokens it gave.
    private func pass(
        _ finished: (DistilledAnswer) throws(RedrafterError) -> Void
    ) throws(RedrafterError) -> Int {
        let (rows, ends) = nextRows()
        try forward(rows, ends: ends)
        for end in ends { try finish(end.slot, finished) }
        return ends.count
    }

    /// What the next pass computes, and the rows of it that a sequence's tokens end with.
    private func nextRows() -> (rows: [Row], ends: [(slot: Int, row: Int)]) {
        var rows = [Row]()
        var ends = [(slot: Int, row: Int)]()
        // Single tokens first: a long prompt may fill the rest of the pass, but holds up nobody.
        let order = sequences.indices.filter { sequences[$0] != nil }.sorted {
            pendingCount($0) < pendingCount($1)
        }
        for slot in order {
            guard let pending = sequences[slot]?.pending else { continue }
            let count = min(pending.count, Self.rowsPerPass - rows.count)
            guard count > 0 else { break }
            let first = rows.count
            for index in 0..<count {
                rows.append(
                    Row(
                        sequence: slot, token: pending[index], position: runner.lengths[slot] + index,
                        parent: index == 0 ? -1 : first + index - 1))
            }
            if count == pending.count { ends.append((slot, rows.count - 1)) }
            sequences[slot]?.pending.removeFirst(count)
        }
        return (rows, ends)
    }

    /// Runs rows and adds a token to the sequences whose last token is among them.
    private func forward(_ rows: [Row], ends: [(slot: Int, row: Int)]) throws(RedrafterError) {
        let output: PassOutput
        do {
            output = try runner.forward(rows, logitRows: ends.map(\.row))
            try runner.commit(Array(rows.indices))
        } catch {
            throw .transformer(error)
        }
        guard !ends.isEmpty else { return }
        let lists = try wrapping(
            RedrafterError.backend,
            try runner.stream.topLogProbabilities(
                shape.topCount, of: output.logits, vocabulary: model.tokenCount))
        try wrapping(RedrafterError.backend, try keepHidden(output.hidden, ends.map(\.slot)))
        for (end, list) in zip(ends, lists) {
            guard !list.isEmpty else { throw .backend(.nonFinite(what: "the logits")) }
            choose(end.slot, list)
        }
    }

    private func pendingCount(_ slot: Int) -> Int { sequences[slot]?.pending.count ?? 0 }

    private func keepHidden(_ hidden: Tensor, _ slots: [Int]) throws(BackendError) {
        guard shape.hiddenSize > 0 else { return }
        try runner.stream.withValues(hidden) { values in
            for (row, slot) in slots.enumerated() {
                for index in row * hidden.columns..<(row + 1) * hidden.columns {
                    sequences[slot]?.request.answer.hidden.append(values[index].halfBits)
                }
            }
        }
    }

    /// Adds a token to a sequence.
    private func choose(_ slot: Int, _ list: [TokenLogit]) {
        guard var sequence = sequences[slot] else { return }
        sequences[slot] = nil  // the arrays grow in place
        let token = sequence.sampler.sample(leading: list, position: runner.lengths[slot])
        sequence.request.answer.tokens.append(token)
        for entry in list {
            sequence.request.answer.topTokens.append(entry.token)
            sequence.request.answer.topLogProbabilities.append(entry.logit.halfBits)
        }
        sequence.pending = [token]
        sequences[slot] = sequence
    }

    private func finish(
        _ slot: Int, _ finished: (DistilledAnswer) throws(RedrafterError) -> Void
    ) throws(RedrafterError) {
        guard let request = sequences[slot]?.request, let last = request.answer.tokens.last else { return }
        let isComplete = model.tokenizer.endOfGeneration.contains(last)
        guard isComplete || request.answer.tokens.count == request.maximumTokens else { return }
        sequences[slot] = nil
        runner.truncate(sequence: slot, to: 0)
        var answer = request.answer
        answer.isComplete = isComplete
        try finished(answer)
    }
}
