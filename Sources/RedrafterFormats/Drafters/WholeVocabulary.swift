import RedrafterCore

/// A drafter with a draft vocabulary, rewritten for layouts whose LM head has a row for every token of the model.
///
/// No row of a linear head is improbable for every input, so the head gets one input more that is always 1. With E the
/// `exit_dim` before:
///
///     input projection        residual block        LM head
///     ┌ W (or identity) │ b ┐  ┌ W 0 │ b ┐          ┌ row      0     ┐  tokens of the draft vocabulary
///     └ 0               │ 1 ┘  └ 0 0 │ 0 ┘          └ 0   … −10,000  ┘  all others
///
/// A block adds SiLU(0) = 0 to the constant. Probabilities are those of the small head: what is added is zero, and
/// exp(−10,000) is zero. `exit_dim` grows to the next multiple of 32, by zeros. This is for recurrent drafters; see `medusa`
/// for heads that have no such room.
enum WholeVocabulary {
    /// Log-odds of tokens the drafter does not know; finite in every type.
    static let impossible: Float = -10_000
    private static let alignment = 32

    /// The weights as the layout can hold them: unchanged where it has room for a draft vocabulary or there is none.
    /// - Throws: `FormatError.missingField` where nothing says how many tokens the model has.
    static func of(
        _ weights: DrafterWeights, for layout: DrafterLayout
    ) throws(FormatError) -> DrafterWeights {
        guard let vocabulary = weights.draftVocabulary, layout != .vllm, layout != .gguf else {
            return weights
        }
        guard weights.configuration.kind == .recurrent else { return try medusa(weights, vocabulary) }
        return try Expansion(weights, vocabulary).expanded()
    }

    /// What is lost where Medusa heads are written so.
    static let medusaWarning =
        "tokens outside the draft vocabulary get the logit 0, for the layout cannot rule them out: guesses may differ where "
        + "no token of the draft vocabulary is likely"

    /// Medusa's heads work on the model's hidden size and have no room for a constant: rows of other tokens are zero.
    private static func medusa(
        _ weights: DrafterWeights, _ vocabulary: [Int32]
    ) throws(FormatError) -> DrafterWeights {
        var after = weights.configuration
        after.vocabularySize = try weights.requiredModelVocabularySize()
        var tensors = [DrafterTensor]()
        for role in after.roles {
            guard case .output = role else {
                tensors.append(weights[role])
                continue
            }
            let shape = after.shape(of: role)
            let grid = try Grid(
                weights[role], rows: shape[0], columns: shape[1], places: vocabulary.map { Int($0) })
            tensors.append(try grid.tensor(role.canonicalName(kind: after.kind, layers: after.layers), shape))
        }
        return try DrafterWeights(
            path: weights.path, configuration: after, tensors: tensors, fingerprint: weights.fingerprint,
            notes: weights.notes, warnings: weights.warnings)
    }

    private struct Expansion {
        let weights: DrafterWeights
        let vocabulary: [Int32]
        let before: DrafterConfiguration
        let after: DrafterConfiguration

        init(_ weights: DrafterWeights, _ vocabulary: [Int32]) throws(FormatError) {
            self.weights = weights
            self.vocabulary = vocabulary
            before = weights.configuration
            var after = before
            after.vocabularySize = try weights.requiredModelVocabularySize()
            after.exitDimension = (before.exitDimension / alignment + 1) * alignment
            if after.exitDimension == 2 * after.hiddenSize { after.exitDimension += alignment }
            self.after = after
        }

        func expanded() throws(FormatError) -> DrafterWeights {
            var tensors = [DrafterTensor]()
            for role in after.roles { tensors.append(try tensor(role)) }
            return try DrafterWeights(
                path: weights.path, configuration: after, tensors: tensors, fingerprint: weights.fingerprint,
                notes: weights.notes, warnings: weights.warnings)
        }

        private func tensor(_ role: DrafterRole) throws(FormatError) -> DrafterTensor {
            let name = role.canonicalName(kind: after.kind, layers: after.layers)
            let shape = after.shape(of: role)
            switch role {
            case .state, .stateBias, .token: return weights[role]
            case .inputProjection:
                guard before.hasInputProjection else { return try identity(name, shape) }
                return try Grid(weights[role], rows: shape[0], columns: shape[1]).tensor(name, shape)
            case .inputProjectionBias:
                let one = before.exitDimension
                guard before.hasInputProjection else {
                    var values = [Float](repeating: 0, count: shape[0])
                    values[one] = 1
                    return DrafterTensor(name: name, shape: shape, values: values)
                }
                // A bias is a column here: its elements follow each other as rows do.
                var grid = try Grid(weights[role], rows: shape[0], columns: 1)
                try grid.set(row: one, column: 0, 1)
                return try grid.tensor(name, shape)
            case .block:
                return try Grid(weights[role], rows: shape[0], columns: shape[1]).tensor(name, shape)
            case .blockBias: return try Grid(weights[role], rows: shape[0], columns: 1).tensor(name, shape)
            case .output:
                var grid = try Grid(
                    weights[role], rows: shape[0], columns: shape[1], places: vocabulary.map { Int($0) })
                var isKnown = [Bool](repeating: false, count: shape[0])
                for token in vocabulary { isKnown[Int(token)] = true }
                for row in 0..<shape[0] where !isKnown[row] {
                    try grid.set(row: row, column: before.exitDimension, impossible)
                }
                return try grid.tensor(name, shape)
            }
        }

        private func identity(_ name: String, _ shape: [Int]) throws(FormatError) -> DrafterTensor {
            var values = [Float](repeating: 0, count: shape[0] * shape[1])
            for row in 0..<before.exitDimension { values[row * shape[1] + row] = 1 }
            return DrafterTensor(name: name, shape: shape, values: values)
        }
    }

    /// A matrix of a float type in the upper left corner of a larger one of zeros; quantised ones become F32.
    private struct Grid {
        private let type: WeightType
        private let columns: Int
        private var bytes: [UInt8]

        /// - Parameter places: the row of the result for each row of the source; nil for the same.
        init(
            _ tensor: DrafterTensor, rows: Int, columns: Int, places: [Int]? = nil
        ) throws(FormatError) {
            type = tensor.type.isFloat ? tensor.type : .f32
            self.columns = columns
            bytes = [UInt8](repeating: 0, count: rows * columns * type.blockBytes)
            let (size, rowBytes) = (type.blockBytes, tensor.columns * type.blockBytes)
            let isCopied = tensor.type.isFloat
            guard let sourceBytes = tensor.type.rowBytes(columns: tensor.columns) else { return }
            bytes.withUnsafeMutableBytes { target in
                tensor.withBytes { source in
                    for row in 0..<tensor.rows {
                        let from = UnsafeRawBufferPointer(
                            rebasing: source[row * sourceBytes..<(row + 1) * sourceBytes])
                        let start = (places?[row] ?? row) * columns * size
                        let to = UnsafeMutableRawBufferPointer(rebasing: target[start..<start + rowBytes])
                        if isCopied {
                            to.copyMemory(from: from)
                        } else {
                            Quantization.dequantize(
                                type: tensor.type, bytes: from, into: to.bindMemory(to: Float.self))
                        }
                    }
                }
            }
        }

        mutating func set(row: Int, column: Int, _ value: Float) throws(FormatError) {
            let start = (row * columns + column) * type.blockBytes
            let (type, size) = (type, type.blockBytes)
            try bytes.withUnsafeMutableBufferPointer { (target) throws(FormatError) in
                try [value].withUnsafeBufferPointer { (values) throws(FormatError) in
                    try Quantization.quantize(
                        type: type, values: values,
                        into: UnsafeMutableRawBufferPointer(
                            UnsafeMutableBufferPointer(rebasing: target[start..<start + size])))
                }
            }
        }

        func tensor(_ name: String, _ shape: [Int]) throws(FormatError) -> DrafterTensor {
            DrafterTensor(name: name, type: type, shape: shape, content: ByteSlice(bytes))
        }
    }
}

extension DrafterWeights {
    /// Tokens of the model: the rows of the head where they are all tokens, else what the fingerprint or a note says.
    public var modelVocabularySize: Int? {
        guard draftVocabulary != nil else { return configuration.vocabularySize }
        if let fingerprint { return fingerprint.vocabularySize }
        return notes.first { $0.key == DrafterNote.vocabularySizeKey }.flatMap { Int($0.value) }
    }

    /// The same for writing: a number that all tokens of the draft vocabulary are below.
    func requiredModelVocabularySize() throws(FormatError) -> Int {
        guard let size = modelVocabularySize else {
            throw .missingField(
                file: path, field: "the size of the model's vocabulary",
                expected: "a fingerprint, for the drafter has a draft vocabulary")
        }
        let largest = Int(draftVocabulary?.max() ?? -1)
        guard size > largest, size <= DrafterChecker.largestVocabulary else {
            throw .invalid(
                file: path, field: "the size of the model's vocabulary",
                expected: "\(largest + 1) to \(DrafterChecker.largestVocabulary)", got: "\(size)", offset: nil
            )
        }
        return size
    }
}
