import DrafterHeads
import RedrafterFormats

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
/// exp(−10,000) is zero. `exit_dim` grows to the next multiple of 32, by zeros.
extension RecurrentConfiguration {
    /// Log-odds of tokens the drafter does not know; finite in every type.
    private static let impossible: Float = -10_000
    private static let alignment = 32

    public func wholeVocabulary(
        of weights: DrafterWeights
    ) throws(FormatError) -> (weights: DrafterWeights, warning: String?) {
        guard let vocabulary = weights.draftVocabulary else { return (weights, nil) }
        var after = self
        after.vocabularySize = try weights.requiredModelVocabularySize()
        after.exitDimension = (exitDimension / Self.alignment + 1) * Self.alignment
        if after.exitDimension == 2 * hiddenSize { after.exitDimension += Self.alignment }
        var tensors = [DrafterTensor]()
        for specification in after.tensors {
            tensors.append(try expanded(specification, weights, vocabulary))
        }
        return (try weights.expanded(after, tensors: tensors), nil)
    }

    private func expanded(
        _ specification: TensorSpecification, _ weights: DrafterWeights, _ vocabulary: [Int32]
    ) throws(FormatError) -> DrafterTensor {
        let (role, shape) = (specification.role, specification.shape)
        switch role {
        case .state, .stateBias, .token: return weights[role]
        case .inputProjection where !hasInputProjection:
            var values = [Float](repeating: 0, count: shape[0] * shape[1])
            for row in 0..<exitDimension { values[row * shape[1] + row] = 1 }
            return DrafterTensor(name: specification.name, shape: shape, values: values)
        case .inputProjectionBias where !hasInputProjection:
            var values = [Float](repeating: 0, count: shape[0])
            values[exitDimension] = 1
            return DrafterTensor(name: specification.name, shape: shape, values: values)
        case .inputProjectionBias:
            var grid = TensorGrid(weights[role], rows: shape[0], columns: 1)
            try grid.set(row: exitDimension, column: 0, 1)
            return grid.tensor(specification)
        case .output(head: 0):
            var grid = TensorGrid(
                weights[role], rows: shape[0], columns: shape[1], places: vocabulary.map { Int($0) })
            var isKnown = [Bool](repeating: false, count: shape[0])
            for token in vocabulary { isKnown[Int(token)] = true }
            for row in 0..<shape[0] where !isKnown[row] {
                try grid.set(row: row, column: exitDimension, Self.impossible)
            }
            return grid.tensor(specification)
        default:
            return TensorGrid(weights[role], rows: shape[0], columns: role.isBias ? 1 : shape[1])
                .tensor(specification)
        }
    }
}
