import RedrafterFormats

extension ParameterLayout {
    /// Copies the weights of another drafter of the same kind. Tensors that it lacks stay as they are, such as those of a context
    /// block that the new drafter gains.
    /// - Parameters:
    ///   - start: the other drafter.
    ///   - values: `[count]`
    /// - Throws: `TrainingError.unsuitableStart` where it is of another kind or built otherwise, or holds values that are not finite.
    public func take(_ start: DrafterWeights, into values: inout [Float]) throws(TrainingError) {
        func refuse(_ reason: String) -> TrainingError { .unsuitableStart(file: start.path, reason: reason) }
        try start.check(isOf: configuration.kind.name)
        let own = Dictionary(configuration.summary.map { ($0.key, $0.value) }) { first, _ in first }
        for (key, value) in start.configuration.summary where own[key] != value {
            throw refuse("its \(key) is \(value.text()), the new drafter's \(own[key]?.text() ?? "absent")")
        }
        for tensor in start.tensors {
            guard let entry = entries.first(where: { $0.name == tensor.name }) else {
                throw refuse("it has \(tensor.name), which the new drafter has not")
            }
            guard entry.shape == tensor.shape else {
                throw refuse(
                    "its \(tensor.name) has the shape \(tensor.shape), the new drafter's \(entry.shape)")
            }
            let taken = tensor.values
            guard taken.allSatisfy(\.isFinite) else {
                throw refuse("its \(tensor.name) holds NaN or infinity")
            }
            values.replaceSubrange(entry.range, with: taken)
        }
    }
}

extension DrafterWeights {
    /// Refuses weights of another kind than those that are to begin with them.
    /// - Throws: `TrainingError.unsuitableStart`.
    public func check(isOf kind: String) throws(TrainingError) {
        guard configuration.kind.name == kind else {
            throw .unsuitableStart(file: path, reason: "it holds \(configuration.kind.name), not \(kind)")
        }
    }

    /// SHA-256 of the tensors' names and bytes.
    public var digest: String {
        var all = SHA256()
        for tensor in tensors {
            Array(tensor.name.utf8).withUnsafeBytes { all.add($0) }
            tensor.withBytes { all.add($0) }
        }
        return all.finish()
    }
}
