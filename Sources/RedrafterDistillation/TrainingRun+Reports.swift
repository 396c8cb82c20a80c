import Redrafter
import RedrafterCore
import RedrafterFormats
import RedrafterTraining

extension TrainingRun {
    /// Where the time of steps went; together 1.
    public struct TimeShares: Sendable, Hashable {
        /// Filling batches, with the model's own passes where a drafter reads its layers.
        public var data: Double
        /// The drafter, forward and backward.
        public var gradient: Double
        /// The optimiser.
        public var update: Double
    }

    /// What happened since the last report.
    struct Interval {
        var result: BatchResult
        var positions = 0
        var start = ContinuousClock.now
        /// Time that was not spent on training.
        var pause = Duration.zero
        var data = Duration.zero
        var gradient = Duration.zero
        var update = Duration.zero

        init(_ draftLength: Int) { result = BatchResult(draftLength: draftLength) }

        mutating func add(_ other: BatchResult, positions count: Int) {
            result += other
            positions += count
        }

        var positionsPerSecond: Double {
            Double(positions) / max((start.duration(to: .now) - pause) / .seconds(1), 1e-9)
        }

        /// Does a part of a step and notes its time.
        mutating func time<Result, Failure: Error>(
            _ part: WritableKeyPath<Interval, Duration>, _ work: () throws(Failure) -> Result
        ) throws(Failure) -> Result {
            let start = ContinuousClock.now
            defer { self[keyPath: part] += start.duration(to: .now) }
            return try work()
        }

        var shares: TimeShares {
            let all = max((data + gradient + update) / .seconds(1), 1e-9)
            return TimeShares(
                data: data / .seconds(1) / all, gradient: gradient / .seconds(1) / all,
                update: update / .seconds(1) / all)
        }
    }

    func note(
        _ interval: inout Interval, _ rate: Float, _ report: (Event) -> Void
    ) throws(DistillationError) {
        let accuracy = (0..<settings.draftLength).map(interval.result.accuracy(step:))
        let speed = interval.positionsPerSecond
        let loss = interval.result.loss
        report(
            .report(
                step: step, loss: loss, accuracy: accuracy, stateError: interval.result.stateError,
                learningRate: rate, positionsPerSecond: speed, time: interval.shares))
        try wrapping(
            DistillationError.training,
            try log.append(
                step: step,
                [
                    "loss": .double(loss), "top1": .array(accuracy.map(JSONValue.double)),
                    "learning_rate": .double(Double(rate)), "positions_per_second": .double(speed),
                    "state_error": interval.result.stateError.map(JSONValue.double) ?? .null,
                ]))
        interval = Interval(settings.draftLength)
    }

    /// Reports how the drafter does on held-out texts; nothing where the data have none.
    /// - Throws: `DistillationError.diverged` where the loss is not finite.
    func evaluate(
        _ workspace: TrainingWorkspace, _ interval: inout Interval, _ report: (Event) -> Void
    ) throws(DistillationError) {
        let start = ContinuousClock.now
        defer { interval.pause += start.duration(to: .now) }
        guard batches.heldOutBatches > 0 else { return }
        var total = BatchResult(draftLength: settings.draftLength)
        for index in 0..<batches.heldOutBatches {
            let batch = try wrapping(DistillationError.model, try batches.heldOutBatch(index))
            total += try evaluate(batch, gradient: nil, workspace)
        }
        guard total.loss.isFinite else {
            throw .diverged(step: step, reason: "the loss on held-out texts is not finite")
        }
        let weights = try wrapping(DistillationError.format, try self.weights())
        let drafter = try wrapping(
            DistillationError.drafter, try kind.drafter(weights, for: model.draftTarget))
        let draft = try wrapping(
            DistillationError.model,
            try DraftEvaluation(drafter, of: model, on: reader.data, tokens: Self.evaluatedTokens))
        let evaluation = Evaluation(
            loss: total.loss, accuracy: (0..<settings.draftLength).map(total.accuracy(step:)),
            stateError: total.stateError, draft: draft)
        report(.evaluation(step: step, evaluation))
        try wrapping(
            DistillationError.training,
            try log.append(
                step: step,
                [
                    "eval": .object([
                        "loss": .double(evaluation.loss),
                        "top1": .array(evaluation.accuracy.map(JSONValue.double)),
                        "state_error": evaluation.stateError.map(JSONValue.double) ?? .null,
                        "tokens_per_step": .double(draft.tokensPerStep),
                        "rows_per_step": .double(draft.rowsPerStep),
                    ])
                ]))
    }

    func evaluate(
        _ batch: DraftBatch, gradient: UnsafeMutableBufferPointer<Float>?, _ workspace: TrainingWorkspace
    ) throws(DistillationError) -> BatchResult {
        try wrapping(
            DistillationError.training,
            try embedding.withUnsafeBufferPointer { (embedding) throws(TrainingError) in
                try trainer.evaluate(
                    batch, parameters: UnsafeBufferPointer(parameters.values), embedding: embedding,
                    gradient: gradient, workspace: workspace, threads: settings.threads)
            })
    }

    private static let evaluatedTokens = 8000
    /// The type of the drafter that a run leaves.
    static let drafterType = WeightType.f16

    /// Refuses a drafter that would be written with weights that are no numbers in its file.
    /// - Throws: `DistillationError.diverged`.
    func checkResult() throws(DistillationError) {
        // Held-out texts, where there are some, have said already that the weights give a finite loss.
        guard failures == 0 || batches.heldOutBatches > 0 else {
            throw .diverged(step: step, reason: "loss or gradient was not finite in the last step")
        }
        let limit = Quantization.largestMagnitude(of: Self.drafterType)
        for entry in trainer.layout.entries {
            let count = parameters.values[entry.range].reduce(0) { $0 + (abs($1) <= limit ? 0 : 1) }
            guard count > 0 else { continue }
            throw .diverged(
                step: step,
                reason: "\(entry.name) holds \(count) values that are not finite as \(Self.drafterType.name)")
        }
    }
}
