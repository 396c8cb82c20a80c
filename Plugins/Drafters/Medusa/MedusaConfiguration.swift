import DrafterHeads
import RedrafterFormats

/// Medusa heads (arXiv 2401.10774), described: their numbers, tensors and files.
///
/// | tensor of head k | shape |
/// |---|---|
/// | `{k}.{j}.linear.weight`, `.bias` | `[hidden, hidden]`, `[hidden]`, for block j of n |
/// | `{k}.{n}.weight` | `[vocabulary, hidden]` |
public struct MedusaConfiguration: DrafterConfiguration {
    /// Size of the model's hidden state, which all heads work on.
    public var hiddenSize: Int
    /// Residual blocks in each head.
    public var layers: Int
    /// Heads, one for each token that is drafted.
    public var heads: Int
    /// Rows of each LM head: the draft vocabulary where there is one, else the model's.
    public var vocabularySize: Int

    public init(hiddenSize: Int, layers: Int, heads: Int, vocabularySize: Int) {
        self.hiddenSize = hiddenSize
        self.layers = layers
        self.heads = heads
        self.vocabularySize = vocabularySize
    }

    public static let kindName = "medusa"
    public static let layouts = [DrafterLayout.medusa, .vllm]
    public static let exampleNames = ["blocks.0", "0.0.linear"]

    public var sizes: [DrafterSize] {
        [
            DrafterSize("hidden_size", hiddenSize, DrafterSize.widths),
            DrafterSize("the number of heads", heads, DrafterSize.counts),
        ] + head.sizes
    }

    public var tensors: [TensorSpecification] {
        (0..<heads).flatMap { head.tensors(head: $0, prefix: "\($0)") }
    }

    /// The numbers of every head.
    private var head: HeadSizes {
        HeadSizes(exitDimension: hiddenSize, layers: layers, vocabularySize: vocabularySize)
    }
}

extension DrafterKind {
    /// Medusa heads (arXiv 2401.10774).
    public static let medusa = DrafterKind(MedusaConfiguration.self)
}

// MARK: Files

extension MedusaConfiguration {
    private enum Key {
        static let hiddenSize = "redrafter.hidden_size"
        static let exitDimension = "redrafter.exit_dim"
        static let layers = "redrafter.layer_count"
        static let heads = "redrafter.head_count"
        static let vocabularySize = "redrafter.vocab_size"
        static let isRecurrent = "redrafter.rnn"
    }

    public init(_ metadata: GGUFMetadata) throws(FormatError) {
        hiddenSize = try metadata.size(Key.hiddenSize)
        let exit = try metadata.size(Key.exitDimension)
        layers = try metadata.size(Key.layers)
        heads = try metadata.size(Key.heads)
        vocabularySize = try metadata.size(Key.vocabularySize)
        guard exit == hiddenSize else {
            throw .invalid(
                file: metadata.path, field: "the size of Medusa's heads", expected: "\(hiddenSize)",
                got: "\(exit)", offset: nil)
        }
        guard try metadata.bool(Key.isRecurrent) != true else {
            throw .invalid(
                file: metadata.path, field: "rnn", expected: "false for Medusa heads", got: "true",
                offset: nil)
        }
    }

    public var metadata: [(key: String, value: GGUFWriter.Value)] {
        [
            (Key.hiddenSize, .size(hiddenSize)), (Key.exitDimension, .size(hiddenSize)),
            (Key.layers, .size(layers)), (Key.heads, .size(heads)),
            (Key.vocabularySize, .size(vocabularySize)),
        ]
    }

    public var facts: [(name: String, value: String)] {
        [
            ("drafter", "medusa, \(heads) heads"), ("hidden size", "\(hiddenSize)"),
            ("blocks", "\(layers)" + (heads > 1 ? " in each head" : "")),
        ]
    }

    public var summary: [(key: String, value: JSONValue)] {
        [
            ("hidden_size", .integer(hiddenSize)), ("exit_dim", .integer(hiddenSize)),
            ("layers", .integer(layers)), ("heads", .integer(heads)),
            ("vocab_size", .integer(vocabularySize)), ("rnn", .bool(false)),
        ]
    }

    /// Medusa's heads work on the model's hidden size and have no room for a constant that rules tokens out: rows of tokens outside
    /// the draft vocabulary are zero.
    public func wholeVocabulary(
        of weights: DrafterWeights
    ) throws(FormatError) -> (weights: DrafterWeights, warning: String?) {
        guard let vocabulary = weights.draftVocabulary else { return (weights, nil) }
        var after = self
        after.vocabularySize = try weights.requiredModelVocabularySize()
        let tensors = after.tensors.map { specification in
            let tensor = weights[specification.role]
            guard tensor.shape != specification.shape else { return tensor }
            return TensorGrid(
                tensor, rows: specification.shape[0], columns: specification.shape[1],
                places: vocabulary.map { Int($0) }
            ).tensor(specification)
        }
        return (
            try weights.expanded(after, tensors: tensors),
            "tokens outside the draft vocabulary get the logit 0, for the layout cannot rule them out: guesses may differ where "
                + "no token of the draft vocabulary is likely"
        )
    }
}
