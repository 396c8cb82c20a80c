extension DraftBatch {
    /// Checks what pointers will rely on.
    /// - Parameter vocabularySize: rows of the embeddings; nil where tokens are not looked up.
    /// - Throws: `TrainingError.invalidInput`
    func check(for layout: ParameterLayout, vocabularySize: Int?) throws(TrainingError) {
        let configuration = layout.configuration
        try expect("the hidden size of the batch", hiddenSize, configuration.hiddenSize)
        guard count >= 0, draftLength > 0, labelsPerStep > 0 else {
            throw .invalidInput(
                what: "the shape of the batch", got: "[\(count), \(draftLength), \(labelsPerStep)]",
                expected: "at least [0, 1, 1]")
        }
        let steps = count * draftLength
        try expect("the number of hidden values", hidden.count, count * hiddenSize)
        try expect("the number of tokens", tokens.count, steps)
        try expect("the number of label rows", labelRows.count, steps * labelsPerStep)
        try expect("the number of label probabilities", labelProbabilities.count, steps * labelsPerStep)
        try expect("the number of weights", weights.count, steps)
        try expect("the number of true rows", truth.count, steps)
        if let vocabularySize {
            try expect("a token", tokens, in: 0..<Int32(clamping: vocabularySize))
        }
        let rows = -1..<Int32(clamping: configuration.vocabularySize)
        try expect("a label row", labelRows, in: rows)
        try expect("a true row", truth, in: rows)
        if let weight = weights.first(where: { !($0 >= 0 && $0.isFinite) }) {
            throw .invalidInput(what: "a weight", got: "\(weight)", expected: "a finite number from 0")
        }
    }

    private func expect(_ what: String, _ got: Int, _ expected: Int) throws(TrainingError) {
        guard got == expected else {
            throw .invalidInput(what: what, got: "\(got)", expected: "\(expected)")
        }
    }

    private func expect(_ what: String, _ values: [Int32], in range: Range<Int32>) throws(TrainingError) {
        if let value = values.first(where: { !range.contains($0) }) {
            throw .invalidInput(
                what: what, got: "\(value)", expected: "\(range.lowerBound)...\(range.upperBound - 1)")
        }
    }
}
