extension DraftBatch {
    /// Checks what pointers will rely on.
    /// - Parameters:
    ///   - layout: of the drafter's parameters.
    ///   - vocabularySize: rows of the embeddings; nil where tokens are not looked up.
    ///   - taps: outputs of layers that the drafter reads; 0 where it reads hidden states.
    ///   - copyLengths: lengths of matches that the drafter tells apart; 0 where it does not copy.
    /// - Throws: `TrainingError.invalidInput`
    func check(
        for layout: ParameterLayout, vocabularySize: Int?, taps: Int, copyLengths: Int
    ) throws(TrainingError) {
        let configuration = layout.configuration
        try expect("the hidden size of the batch", hiddenSize, configuration.hiddenSize)
        guard count >= 0, draftLength > 0, labelsPerStep > 0 else {
            throw .invalidInput(
                what: "the shape of the batch", got: "[\(count), \(draftLength), \(labelsPerStep)]",
                expected: "at least [0, 1, 1]")
        }
        let steps = count * draftLength
        if taps > 0 {
            guard let texts else {
                throw .invalidInput(what: "the batch", got: "positions alone", expected: "texts")
            }
            try check(texts, taps: taps, vocabularySize: vocabularySize)
        } else {
            try expect("the number of hidden values", hidden.count, count * hiddenSize)
        }
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
        if copyLengths > 0 {
            guard let matches else {
                throw .invalidInput(what: "the batch", got: "no matches", expected: "those of each term")
            }
            try expect("the number of terms with matches", matches.starts.count - 1, steps)
            try expect("a matched row", matches.rows, in: 0..<Int32(clamping: configuration.vocabularySize))
            try expect(
                "the length of a match", matches.lengths, in: 1..<Int32(clamping: copyLengths + 1))
        }
        if let weight = weights.first(where: { !($0 >= 0 && $0.isFinite) }) {
            throw .invalidInput(what: "a weight", got: "\(weight)", expected: "a finite number from 0")
        }
    }

    private func check(
        _ texts: BatchTexts, taps: Int, vocabularySize: Int?
    ) throws(TrainingError) {
        let rows = texts.starts[texts.count]
        try expect("the number of tapped layers", texts.taps, taps)
        try expect("the number of following tokens", texts.following.count, rows)
        try expect("the number of tapped values", texts.outputs.count, rows * taps * hiddenSize)
        try expect("the number of positions in texts", texts.positionRows.count, count)
        for text in 0..<texts.count {
            let rows = texts.rows(text)
            let isInside = texts.positions(text).allSatisfy { rows.contains(Int(texts.positionRows[$0])) }
            guard isInside else {
                throw .invalidInput(what: "a position", got: "outside of its text", expected: "a row of it")
            }
        }
        if let vocabularySize {
            try expect("a following token", texts.following, in: 0..<Int32(clamping: vocabularySize))
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
