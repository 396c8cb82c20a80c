import RedrafterFormats

extension DrafterLayout {
    /// A folder with `pair.mix.weight`, `pair.mix.bias`, `pair.output.weight`, and a `token_map` for a draft vocabulary.
    public static let pair = DrafterLayout(PairLayout())
}

extension PairConfiguration {
    private static let prefix = "pair."

    /// No other kind begins its names so: there is no doubt.
    public static func recognize(_ names: [String], configuration: JSONValue?) -> DrafterRecognition {
        names.contains { $0.hasPrefix(prefix) } ? .certain(.pair) : .foreign
    }

    public static func isDescribed(by configuration: JSONValue) -> Bool {
        configuration["model_type"]?.string == "pair_drafter"
    }
}

struct PairLayout: SafetensorsLayout {
    let name = "pair"
    let draftVocabularyName: String? = "token_map"

    func role(ofName name: String) -> DrafterRole? {
        switch name {
        case "pair.mix.weight": .mix
        case "pair.mix.bias": .mixBias
        case "pair.output.weight": .pairOutput
        default: nil
        }
    }

    func name(of tensor: TensorSpecification) -> String { "pair.\(tensor.name)" }

    func read(_ parts: DrafterParts) throws(FormatError) -> DrafterWeights {
        guard let mix = parts.views[.mix], let output = parts.views[.pairOutput] else {
            throw .missingField(
                file: parts.path, field: "tensor \"pair.mix.weight\" or \"pair.output.weight\"",
                expected: "the two matrices of a pair drafter")
        }
        let sizes = PairConfiguration(
            hiddenSize: mix.shape[1] / 2, rank: mix.shape[0], vocabularySize: output.shape[0])
        try parts.settings.check("hidden_size", against: sizes.hiddenSize)
        try parts.settings.check("rank", against: sizes.rank)
        return try parts.weights(sizes, draftVocabulary: try parts.draftVocabulary())
    }

    func configuration(
        _ sizes: PairConfiguration, of weights: DrafterWeights
    ) throws(FormatError) -> [(key: String, value: JSONValue)] {
        [
            ("model_type", .string("pair_drafter")), ("hidden_size", .integer(sizes.hiddenSize)),
            ("rank", .integer(sizes.rank)),
            ("vocab_size", .integer(try weights.requiredModelVocabularySize())),
        ]
    }
}
