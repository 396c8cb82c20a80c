import RedrafterCore
import RedrafterFormats
import RedrafterTraining

extension TrainingRun {
    private static let momentPrefixes = (first: "adam.first.", second: "adam.second.")

    func save(_ report: (Event) -> Void) throws(DistillationError) {
        var tensors = [TrainingCheckpoint.Tensor]()
        for entry in trainer.layout.entries {
            func add(_ prefix: String, _ values: [Float]) {
                tensors.append(.init(name: prefix + entry.name, shape: entry.shape, values: values))
            }
            add("", Array(parameters.values[entry.range]))
            add(Self.momentPrefixes.first, Array(optimizer.firstMoment[entry.range]))
            add(Self.momentPrefixes.second, Array(optimizer.secondMoment[entry.range]))
        }
        let state = JSONValue.object([
            "settings": settingsRecord, "optimizer_step": .integer(optimizer.step),
            "failures": .integer(failures),
        ])
        try wrapping(DistillationError.training, try log.sync())
        let saved = try wrapping(
            DistillationError.training,
            try checkpoints.save(TrainingCheckpoint(step: step, tensors: tensors, state: state)))
        for warning in saved.warnings { report(.warning(warning)) }
        report(.saved(step: step, path: saved.path))
    }

    func restore(_ checkpoint: TrainingCheckpoint, path: String) throws(DistillationError) {
        let layout = trainer.layout
        var moments = (
            first: [Float](repeating: 0, count: layout.count),
            second: [Float](repeating: 0, count: layout.count)
        )
        let stored = Dictionary(
            checkpoint.tensors.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
        for entry in layout.entries {
            func values(_ prefix: String) throws(DistillationError) -> [Float] {
                guard let tensor = stored[prefix + entry.name], tensor.shape == entry.shape else {
                    throw .format(
                        .missingField(
                            file: path, field: prefix + entry.name, expected: "of shape \(entry.shape)"))
                }
                return tensor.values
            }
            let weights = try values("")
            for (index, value) in zip(entry.range, weights) { parameters.values[index] = value }
            moments.first.replaceSubrange(entry.range, with: try values(Self.momentPrefixes.first))
            moments.second.replaceSubrange(entry.range, with: try values(Self.momentPrefixes.second))
        }
        failures = checkpoint.state["failures"]?.integer ?? 0
        try wrapping(
            DistillationError.training,
            try optimizer.restore(
                step: checkpoint.state["optimizer_step"]?.integer ?? step, firstMoment: moments.first,
                secondMoment: moments.second))
    }
}

extension TrainingRun {
    /// Locks the directory and removes what processes that were stopped have left there half-written or half-removed.
    /// - Throws: `DistillationError.nothingToResume` where there is no trace of a run; nothing is made then.
    static func lock(
        _ store: CheckpointStore, resume: Bool, _ report: (Event) -> Void
    ) throws(DistillationError) -> OutputLock {
        if resume, try !wrapping(DistillationError.training, try store.hasTraces()) {
            throw .nothingToResume(directory: store.directory)
        }
        let lock = try wrapping(
            DistillationError.training, try OutputLock(directory: store.directory))
        let outputs = [logName, plotName, drafterName]
        let problems = store.removeLeftovers() + lock.removeLeftovers { outputs.contains($0) }
        for problem in problems { report(.warning(problem)) }
        return lock
    }

    /// The checkpoint to go on from; nil for a new run.
    static func newest(
        _ store: CheckpointStore, resume: Bool, _ report: (Event) -> Void
    ) throws(DistillationError) -> CheckpointStore.Loaded? {
        guard let loaded = try wrapping(DistillationError.training, try store.load()) else {
            guard !resume else { throw .nothingToResume(directory: store.directory) }
            return nil
        }
        guard resume else {
            throw .outputInUse(directory: store.directory, step: loaded.checkpoint.step)
        }
        for reason in loaded.skipped { report(.warning(reason)) }
        return loaded
    }

    /// Refuses a checkpoint that was made under other settings, or with other data.
    static func check(
        _ loaded: CheckpointStore.Loaded, _ record: JSONValue, _ report: (Event) -> Void
    ) throws(DistillationError) {
        let stored = loaded.checkpoint.state["settings"] ?? .null
        var tolerated: Set = ["threads"]
        if stored["data"]?["sha256"] == nil {
            tolerated.insert("data.sha256")
            report(
                .warning(
                    "the checkpoint has no digest of its data, for an earlier version has made it: that the data are the "
                        + "same is not checked"))
        }
        let differences = try wrapping(
            DistillationError.training,
            try CheckpointSettings.check(
                stored: stored, current: record, file: loaded.path, tolerated: tolerated))
        if differences.contains(where: { $0.key == "threads" }) {
            report(.warning("another number of threads: the weights will differ in their last bits"))
        }
    }
}
