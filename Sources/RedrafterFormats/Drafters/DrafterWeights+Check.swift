import RedrafterCore

extension DrafterWeights {
    /// Checks that these weights can draft for a model.
    ///
    /// Weights with a fingerprint must have the model's (see `ModelFingerprint.check`). Weights without one, from another
    /// program, must have its hidden size and its vocabulary, padded or not.
    /// - Throws: `DrafterError.mismatch` naming the first difference.
    public func check(against target: DraftTarget) throws(DrafterError) {
        try fingerprint?.check(against: target.fingerprint, drafter: path)
        guard configuration.hiddenSize == target.fingerprint.hiddenSize else {
            throw mismatch(
                "hidden size", "\(configuration.hiddenSize)", "\(target.fingerprint.hiddenSize)")
        }
        if let draftVocabulary {
            let largest = draftVocabulary.max() ?? 0
            guard Int(largest) < target.fingerprint.vocabularySize else {
                throw mismatch(
                    "vocabulary", "of at least \(Int(largest) + 1) tokens",
                    "\(target.fingerprint.vocabularySize)")
            }
        } else if fingerprint == nil {
            let rows = configuration.vocabularySize
            guard rows == target.fingerprint.vocabularySize || rows == target.tokenCount else {
                throw mismatch("vocabulary", "\(rows)", "\(target.fingerprint.vocabularySize)")
            }
        }
    }

    private func mismatch(_ what: String, _ got: String, _ expected: String) -> DrafterError {
        .mismatch(drafter: path, what: what, got: got, expected: expected)
    }
}
