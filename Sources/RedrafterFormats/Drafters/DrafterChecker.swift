import RedrafterCore

/// Checks the parts of a drafter against each other.
struct DrafterChecker {
    let path: String
    let configuration: DrafterConfiguration

    /// Far above every drafter; what is larger is damage.
    static let largestSize = 1 << 20
    static let largestVocabulary = 1 << 24
    static let largestCount = 256

    /// The tensors in the order of the configuration's roles.
    func ordered(_ tensors: [DrafterTensor]) throws(FormatError) -> [DrafterTensor] {
        try checkSizes()
        let (kind, layers) = (configuration.kind, configuration.layers)
        var byName = [String: DrafterTensor]()
        for tensor in tensors {
            guard byName.updateValue(tensor, forKey: tensor.name) == nil else {
                throw .duplicate(file: path, what: "tensor", name: tensor.name, offset: nil)
            }
        }
        var result = [DrafterTensor]()
        for role in configuration.roles {
            let name = role.canonicalName(kind: kind, layers: layers)
            let shape = configuration.shape(of: role)
            guard let tensor = byName.removeValue(forKey: name) else {
                throw .missingField(file: path, field: "tensor \"\(name)\"", expected: "a weight of \(shape)")
            }
            guard tensor.shape == shape else {
                throw .invalid(
                    file: path, field: "the shape of tensor \"\(name)\"", expected: "\(shape)",
                    got: "\(tensor.shape)", offset: nil)
            }
            if role.isBias, !tensor.type.isFloat {
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
        let limit = Int32(Self.largestVocabulary)
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

    private func checkSizes() throws(FormatError) {
        let c = configuration
        try check("hidden_size", c.hiddenSize, 1...Self.largestSize)
        try check("exit_dim", c.exitDimension, 1...2 * Self.largestSize)
        try check("the number of residual blocks", c.layers, 0...Self.largestCount)
        try check("the number of heads", c.heads, c.kind == .recurrent ? 1...1 : 1...Self.largestCount)
        try check("the rows of the LM head", c.vocabularySize, 1...Self.largestVocabulary)
        if c.kind == .medusa {
            try check("the size of Medusa's heads", c.exitDimension, c.hiddenSize...c.hiddenSize)
            guard !c.isRecurrent else {
                throw .invalid(
                    file: path, field: "rnn", expected: "false for Medusa heads", got: "true", offset: nil)
            }
        }
    }

    private func check(_ what: String, _ value: Int, _ range: ClosedRange<Int>) throws(FormatError) {
        guard range.contains(value) else {
            throw .invalid(
                file: path, field: what,
                expected: range.count == 1
                    ? "\(range.lowerBound)" : "\(range.lowerBound) to \(range.upperBound)",
                got: "\(value)", offset: nil)
        }
    }
}
