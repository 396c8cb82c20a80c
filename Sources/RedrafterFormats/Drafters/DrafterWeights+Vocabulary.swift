import RedrafterCore

extension DrafterWeights {
    /// Tokens of the model: the rows of the head where they are all tokens, else what the fingerprint or a note says.
    public var modelVocabularySize: Int? {
        guard draftVocabulary != nil else { return configuration.vocabularySize }
        if let fingerprint { return fingerprint.vocabularySize }
        return notes.first { $0.key == DrafterNote.vocabularySizeKey }.flatMap { Int($0.value) }
    }

    /// The same for writing: a number that all tokens of the draft vocabulary are below.
    /// - Throws: `FormatError.missingField` where nothing says how many tokens the model has.
    public func requiredModelVocabularySize() throws(FormatError) -> Int {
        guard let size = modelVocabularySize else {
            throw .missingField(
                file: path, field: "the size of the model's vocabulary",
                expected: "a fingerprint, for the drafter has a draft vocabulary")
        }
        let largest = Int(draftVocabulary?.max() ?? -1)
        let limit = DrafterSize.vocabularies.upperBound
        guard size > largest, size <= limit else {
            throw .invalid(
                file: path, field: "the size of the model's vocabulary",
                expected: "\(largest + 1) to \(limit)", got: "\(size)", offset: nil)
        }
        return size
    }

    /// The same drafter with tensors of another configuration whose rows are all tokens of the model.
    public func expanded(
        _ configuration: some DrafterConfiguration, tensors: [DrafterTensor]
    ) throws(FormatError) -> DrafterWeights {
        try DrafterWeights(
            path: path, configuration: configuration, tensors: tensors, fingerprint: fingerprint,
            notes: notes, warnings: warnings)
    }

    /// The same drafter without the tensors that another configuration has not.
    public func reduced(to configuration: some DrafterConfiguration) throws(FormatError) -> DrafterWeights {
        try DrafterWeights(
            path: path, configuration: configuration, tensors: configuration.tensors.map { self[$0.role] },
            draftVocabulary: draftVocabulary, fingerprint: fingerprint, notes: notes, warnings: warnings)
    }
}
