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
