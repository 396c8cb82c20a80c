import RedrafterCore

/// Checks the parts of a drafter against each other.
struct DrafterChecker {
    let path: String
    let configuration: any DrafterConfiguration

    /// The tensors in the order of the configuration.
    func ordered(_ tensors: [DrafterTensor]) throws(FormatError) -> [DrafterTensor] {
        try configuration.checkSizes(path: path)
        var byName = [String: DrafterTensor]()
        for tensor in tensors {
            guard byName.updateValue(tensor, forKey: tensor.name) == nil else {
                throw .duplicate(file: path, what: "tensor", name: tensor.name, offset: nil)
            }
        }
        var result = [DrafterTensor]()
        for specification in configuration.tensors {
            let (name, shape) = (specification.name, specification.shape)
            guard let tensor = byName.removeValue(forKey: name) else {
                throw .missingField(file: path, field: "tensor \"\(name)\"", expected: "a weight of \(shape)")
            }
            guard tensor.shape == shape else {
                throw .invalid(
                    file: path, field: "the shape of tensor \"\(name)\"", expected: "\(shape)",
                    got: "\(tensor.shape)", offset: nil)
            }
            if specification.role.isBias, !tensor.type.isFloat {
                throw .invalid(
                    file: path, field: "the type of tensor \"\(name)\"",
                    expected: "f32, f16 or bf16 for a bias",
                    got: tensor.type.name, offset: nil)
            }
            guard let expected = tensor.expectedByteCount else {
                throw .invalid(
                    file: path, field: "the shape of tensor \"\(name)\"",
                    expected:
                        "rows of a multiple of \(tensor.type.blockLength) elements for \(tensor.type.name)",
                    got: "\(tensor.shape)", offset: nil)
            }
            guard tensor.byteCount == expected else {
                throw .invalid(
                    file: path, field: "the size of tensor \"\(name)\"", expected: "\(expected) bytes",
                    got: "\(tensor.byteCount) bytes", offset: nil)
            }
            result.append(tensor)
        }
        if let surplus = byName.keys.min() {
            throw .invalid(
                file: path, field: "tensor \"\(surplus)\"", expected: "no tensor of this name",
                got: "part of the drafter", offset: nil)
        }
        return result
    }

    /// The draft vocabulary has a token for each row, each token once.
    func check(_ vocabulary: [Int32]?) throws(FormatError) {
        guard let vocabulary else { return }
        guard vocabulary.count == configuration.vocabularySize else {
            throw .invalid(
                file: path, field: "the draft vocabulary",
                expected: "\(configuration.vocabularySize), one for each row of the LM head",
                got: "of \(vocabulary.count) tokens", offset: nil)
        }
        // The head of the model may be wider than its tokenizer, so the limit is a plausible one only.
        let limit = Int32(DrafterSize.vocabularies.upperBound)
        var seen = Set<Int32>(minimumCapacity: vocabulary.count)
        for (row, token) in vocabulary.enumerated() {
            guard token >= 0, token < limit else {
                throw .invalid(
                    file: path, field: "token \(row) of the draft vocabulary", expected: "0 to \(limit - 1)",
                    got: "\(token)", offset: nil)
            }
            guard seen.insert(token).inserted else {
                throw .duplicate(
                    file: path, what: "token of the draft vocabulary", name: "\(token)", offset: nil)
            }
        }
    }

    /// Keys of notes become keys of metadata.
    func check(_ notes: [DrafterNote]) throws(FormatError) {
        var keys = Set<String>()
        for note in notes {
            guard (1...64).contains(note.key.utf8.count),
                note.key.utf8.allSatisfy({
                    (0x61...0x7A).contains($0) || (0x30...0x39).contains($0)
                        || [0x2D, 0x2E, 0x5F].contains($0)
                })
            else {
                throw .invalid(
                    file: path, field: "the key of a note",
                    expected: "1 to 64 small letters, digits, dots, hyphens and underscores",
                    got: "\"\(note.key)\"", offset: nil)
            }
            guard keys.insert(note.key).inserted else {
                throw .duplicate(file: path, what: "note", name: note.key, offset: nil)
            }
        }
    }
}
