import RedrafterCore
import RedrafterFormats

extension GGUFWriter {
    /// The hyper-parameters under the keys of llama.cpp.
    func set(_ configuration: ModelConfiguration, name: String) throws(FormatError) {
        let prefix = configuration.architecture.rawValue + "."
        try set("general.architecture", .string(configuration.architecture.rawValue))
        try set("general.type", .string("model"))
        try set("general.name", .string(name))
        let sizes: [(String, Int)] = [
            ("block_count", configuration.layers), ("context_length", configuration.contextLength),
            ("embedding_length", configuration.hiddenSize),
            ("feed_forward_length", configuration.feedForwardSize),
            ("attention.head_count", configuration.heads),
            ("attention.head_count_kv", configuration.keyValueHeads),
            ("attention.key_length", configuration.headDimension),
            ("attention.value_length", configuration.headDimension),
            ("rope.dimension_count", configuration.rotaryDimension),
            ("vocab_size", configuration.vocabularySize),
        ]
        // All were validated to be far below 2³².
        for (key, value) in sizes { try set(prefix + key, .uint32(UInt32(clamping: value))) }
        try set(prefix + "rope.freq_base", .float(configuration.rotaryBase))
        try set(prefix + "attention.layer_norm_rms_epsilon", .float(configuration.normEpsilon))
        if case .linear(let factor) = configuration.rotaryScaling {
            try set(prefix + "rope.scaling.type", .string("linear"))
            try set(prefix + "rope.scaling.factor", .float(factor))
        }
    }
}

extension ModelConfiguration {
    /// Heads of a matrix whose rows hold rotary pairs that GGUF orders otherwise than Hugging Face; nil for others.
    func pairedHeads(of role: WeightRole) -> Int? {
        guard architecture == .llama, rotaryPairing == .halves else { return nil }
        return switch role {
        case .layer(_, .query): heads
        case .layer(_, .key): keyValueHeads
        default: nil
        }
    }

    /// What each rotary frequency is divided by, for scalings that GGUF stores as a tensor. `[rotaryDimension / 2]`
    var rotaryDivisors: [Float]? {
        switch rotaryScaling {
        case .none, .linear: return nil
        case .divisors(let divisors): return divisors
        case .llama3:
            var plain = self
            plain.rotaryScaling = .none
            return zip(plain.rotaryFrequencies, rotaryFrequencies).map { Float($0 / $1) }
        }
    }
}
