import RedrafterFormats

/// A drafter that guesses a token from a pair: the model's hidden state h and the token before.
///
///     x = mix [h, E[token]] + b        a low-rank map of the pair      [rank]
///     logits = output x                over the draft vocabulary       [vocabulary]
///
/// This type describes its weights: their numbers, tensors and files. Nothing else in the program needs to know them.
///
/// | tensor | shape |
/// |---|---|
/// | `mix.weight`, `mix.bias` | `[rank, 2 hidden]`, `[rank]` |
/// | `output.weight` | `[vocabulary, rank]` |
public struct PairConfiguration: DrafterConfiguration {
    public var hiddenSize: Int
    /// Size between the two matrices.
    public var rank: Int
    public var vocabularySize: Int

    public init(hiddenSize: Int, rank: Int, vocabularySize: Int) {
        self.hiddenSize = hiddenSize
        self.rank = rank
        self.vocabularySize = vocabularySize
    }

    public static let kindName = "pair"
    public static let layouts = [DrafterLayout.pair]
    public static let exampleNames = ["pair.mix"]

    public var sizes: [DrafterSize] {
        [
            DrafterSize("hidden_size", hiddenSize, DrafterSize.widths),
            DrafterSize("rank", rank, DrafterSize.widths),
            DrafterSize("vocab_size", vocabularySize, DrafterSize.vocabularies),
        ]
    }

    public var tensors: [TensorSpecification] {
        [
            TensorSpecification(.mix, "mix.weight", shape: [rank, 2 * hiddenSize]),
            TensorSpecification(.mixBias, "mix.bias", shape: [rank]),
            TensorSpecification(.pairOutput, "output.weight", shape: [vocabularySize, rank]),
        ]
    }
}

extension DrafterKind {
    public static let pair = DrafterKind(PairConfiguration.self)
}

extension DrafterRole {
    public static let mix = DrafterRole("mix")
    public static let mixBias = DrafterRole("mix", isBias: true)
    public static let pairOutput = DrafterRole("pair output")
}

// MARK: GGUF and reports

extension PairConfiguration {
    public init(_ metadata: GGUFMetadata) throws(FormatError) {
        hiddenSize = try metadata.size("redrafter.hidden_size")
        rank = try metadata.size("redrafter.rank")
        vocabularySize = try metadata.size("redrafter.vocab_size")
    }

    public var metadata: [(key: String, value: GGUFWriter.Value)] {
        [
            ("redrafter.hidden_size", .size(hiddenSize)), ("redrafter.rank", .size(rank)),
            ("redrafter.vocab_size", .size(vocabularySize)),
        ]
    }

    public var facts: [(name: String, value: String)] {
        [("drafter", "pair, rank \(rank)"), ("hidden size", "\(hiddenSize)")]
    }

    public var summary: [(key: String, value: JSONValue)] {
        [
            ("hidden_size", .integer(hiddenSize)), ("rank", .integer(rank)),
            ("vocab_size", .integer(vocabularySize)),
        ]
    }
}
