import RedrafterCore

extension DrafterWeights {
    /// i32 array: the token of each row of the LM head.
    static let draftVocabularyKey = "redrafter.draft_vocabulary"

    init(_ gguf: GGUFFile, path: String, kinds: [DrafterKind]) throws(FormatError) {
        guard let kind = kinds.first(where: { $0.architecture == gguf.architecture }) else {
            throw .invalid(
                file: gguf.path, field: "general.architecture",
                expected: kinds.map { "\"\($0.architecture)\"" }.joined(separator: " or "),
                got: gguf.metadata["general.architecture"]?.summary ?? "absent; this is not a drafter",
                offset: nil)
        }
        let metadata = gguf.metadata
        let configuration = try kind.configuration.init(metadata)
        for info in gguf.allTensors {
            if let type = gguf.unsupportedType(of: info.name) {
                throw .unsupported(
                    file: gguf.path, what: "type \(type) of tensor \"\(info.name)\"",
                    supported: WeightType.allCases.map(\.name).joined(separator: ", "))
            }
        }
        var vocabulary: [Int32]?
        if let stored = try metadata.integerArray(Self.draftVocabularyKey) {
            vocabulary = try Self.tokens(stored, file: gguf.path, field: Self.draftVocabularyKey)
        }
        let record = try DrafterRecord(metadata)
        try self.init(
            path: path, configuration: configuration,
            tensors: gguf.tensors.map { DrafterTensor(name: $0.name, $0) }, draftVocabulary: vocabulary,
            fingerprint: record.fingerprint, notes: record.notes, warnings: gguf.warnings)
    }

    /// Numbers of a file as tokens.
    static func tokens(_ numbers: [Int], file: String, field: String) throws(FormatError) -> [Int32] {
        var tokens = [Int32]()
        tokens.reserveCapacity(numbers.count)
        for (row, number) in numbers.enumerated() {
            guard let token = Int32(exactly: number) else {
                throw .invalid(
                    file: file, field: "token \(row) of \(field)", expected: "a token id", got: "\(number)",
                    offset: nil)
            }
            tokens.append(token)
        }
        return tokens
    }
}
