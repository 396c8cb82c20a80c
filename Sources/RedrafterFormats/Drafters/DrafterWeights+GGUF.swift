import RedrafterCore

/// Keys of a drafter in GGUF; `general.architecture` is `redrafter-recurrent` or `redrafter-medusa`.
enum DrafterKey {
    static let hiddenSize = "redrafter.hidden_size"
    static let exitDimension = "redrafter.exit_dim"
    static let layers = "redrafter.layer_count"
    static let heads = "redrafter.head_count"
    static let vocabularySize = "redrafter.vocab_size"
    static let isRecurrent = "redrafter.rnn"
    /// i32 array: the token of each row of the LM head.
    static let draftVocabulary = "redrafter.draft_vocabulary"
}

extension DrafterWeights {
    init(_ gguf: GGUFFile, path: String) throws(FormatError) {
        guard let kind = DrafterKind(architecture: gguf.architecture) else {
            throw .invalid(
                file: gguf.path, field: "general.architecture",
                expected: DrafterKind.allCases.map { "\"\($0.architecture)\"" }.joined(separator: " or "),
                got: gguf.metadata["general.architecture"]?.summary ?? "absent, this is no drafter",
                offset: nil)
        }
        let metadata = gguf.metadata
        func size(_ key: String) throws(FormatError) -> Int {
            try metadata.required(key, try metadata.integer(key), expected: "a size")
        }
        let configuration = DrafterConfiguration(
            kind: kind, hiddenSize: try size(DrafterKey.hiddenSize),
            exitDimension: try size(DrafterKey.exitDimension), layers: try size(DrafterKey.layers),
            heads: try size(DrafterKey.heads), vocabularySize: try size(DrafterKey.vocabularySize),
            isRecurrent: try metadata.bool(DrafterKey.isRecurrent) ?? (kind == .recurrent))
        for info in gguf.allTensors {
            if let type = gguf.unsupportedType(of: info.name) {
                throw .unsupported(
                    file: gguf.path, what: "type \(type) of tensor \"\(info.name)\"",
                    supported: WeightType.allCases.map(\.name).joined(separator: ", "))
            }
        }
        var vocabulary: [Int32]?
        if let stored = try metadata.integerArray(DrafterKey.draftVocabulary) {
            vocabulary = try Self.tokens(stored, file: gguf.path, field: DrafterKey.draftVocabulary)
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
