import RedrafterCore

extension ModelConfiguration {
    /// The largest value any hyper-parameter may have: far above real models, far below what overflows.
    private static let ceiling = 1 << 24
    static let maximumLayers = 1024
    private static let maximumHeadDimension = 1024

    /// Names of the hyper-parameters in a kind of file, so that errors speak its language.
    struct KeyNames {
        var layers, hiddenSize, feedForwardSize, heads, keyValueHeads, headDimension, vocabularySize: String
        var contextLength, normEpsilon, rotaryBase, rotaryDimension: String
    }

    /// Checks every number against its range and against the others.
    /// - Throws: `ModelError.invalidValue` for the first that fails.
    func validate(file: String, keys: KeyNames) throws(ModelError) {
        func require(_ condition: Bool, _ key: String, _ got: some CustomStringConvertible, _ allowed: String)
            throws(ModelError)
        {
            guard condition else {
                throw .invalidValue(file: file, key: key, got: got.description, allowed: allowed)
            }
        }
        func size(_ key: String, _ value: Int, atMost limit: Int = ModelConfiguration.ceiling)
            throws(ModelError)
        {
            try require((1...limit).contains(value), key, value, "1 to \(limit)")
        }
        try size(keys.layers, layers, atMost: Self.maximumLayers)
        try size(keys.hiddenSize, hiddenSize)
        try size(keys.feedForwardSize, feedForwardSize)
        try size(keys.vocabularySize, vocabularySize)
        try size(keys.contextLength, contextLength)
        try size(keys.heads, heads, atMost: 4096)
        try size(keys.keyValueHeads, keyValueHeads, atMost: heads)
        try require(
            heads % keyValueHeads == 0, keys.keyValueHeads, keyValueHeads, "a divisor of the \(heads) heads")
        try size(keys.headDimension, headDimension, atMost: Self.maximumHeadDimension)
        try require(headDimension % 2 == 0, keys.headDimension, headDimension, "an even number")
        try require(
            rotaryDimension >= 2 && rotaryDimension <= headDimension && rotaryDimension % 2 == 0,
            keys.rotaryDimension, rotaryDimension, "an even number from 2 to the head size \(headDimension)")
        try require(
            normEpsilon.isFinite && normEpsilon > 0 && normEpsilon < 1, keys.normEpsilon, normEpsilon,
            "a number above 0 and below 1")
        for base in [rotaryBase, localRotaryBase ?? rotaryBase] {
            try requireBase(base, keys.rotaryBase, file: file)
        }
    }

    /// Checks the base of rotary frequencies; beyond the range angles overflow, or are the same for all pairs.
    func requireBase(_ base: Float, _ key: String, file: String) throws(ModelError) {
        guard (1...1e15).contains(base) else {
            throw .invalidValue(file: file, key: key, got: "\(base)", allowed: "a number from 1 to 1e15")
        }
    }

    /// What a factor of activations, scores, logits or angles can be: far beyond real models, and far from what overflows.
    static let factors: ClosedRange<Float> = 1e-9...1e9
}
