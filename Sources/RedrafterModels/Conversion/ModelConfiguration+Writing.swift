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
        try setRotaryScaling(configuration, prefix)
        try setLayers(configuration, prefix)
    }

    private func setRotaryScaling(_ configuration: ModelConfiguration, _ prefix: String) throws(FormatError) {
        let scaling = prefix + "rope.scaling."
        switch configuration.rotaryScaling {
        case .none, .llama3, .divisors, .dynamic:
            break
        case .yarn(_, _, _, _, let magnitude, roundsToPairs: false):
            // As divisors: GGUF files know pairs that are rounded alone.
            try set(scaling + "attn_factor", .float(magnitude))
        case .linear(let factor):
            try set(scaling + "type", .string("linear"))
            try set(scaling + "factor", .float(factor))
        case .yarn(let factor, let fastTurns, let slowTurns, let originalContext, let magnitude, _):
            try set(scaling + "type", .string("yarn"))
            try set(scaling + "factor", .float(factor))
            try set(scaling + "original_context_length", .uint32(UInt32(clamping: originalContext)))
            // Beside the factor that llama.cpp takes from the other keys.
            try set(
                scaling + "attn_factor",
                .float(magnitude / ModelConfiguration.yarnMagnitude(factor: factor)))
            try set(scaling + "yarn_beta_fast", .float(fastTurns))
            try set(scaling + "yarn_beta_slow", .float(slowTurns))
        case .longRope(_, _, let originalContext, let magnitude):
            try set(scaling + "type", .string("longrope"))
            try set(scaling + "original_context_length", .uint32(UInt32(clamping: originalContext)))
            try set(scaling + "attn_factor", .float(magnitude))
        }
    }

    /// Windows, scales and caps, where the architecture has them.
    private func setLayers(_ configuration: ModelConfiguration, _ prefix: String) throws(FormatError) {
        let (traits, block) = (configuration.architecture.traits, configuration.block)
        let windows = configuration.layerKinds.map(\.window)
        if let window = windows.compactMap(\.self).first {
            try set(prefix + "attention.sliding_window", .uint32(UInt32(clamping: window)))
            try set(prefix + "attention.sliding_window_pattern", .bools(windows.map { $0 != nil }))
        } else if traits.defaultWindow != nil {
            try set(prefix + "attention.sliding_window", .uint32(0))
        }
        if configuration.hasOwnPositionlessLayers {
            try set(
                ModelConfiguration.positionlessKey,
                .bools(configuration.layerKinds.map { $0.positions == .none }))
        }
        if let base = configuration.localRotaryBase { try set(prefix + "rope.freq_base_swa", .float(base)) }
        if traits.keys.contains(.attentionSoftcap) {
            try set(prefix + "attn_logit_softcapping", .float(block.attentionSoftcap ?? 0))
        }
        if traits.keys.contains(.logitSoftcap) {
            try set(prefix + "final_logit_softcapping", .float(configuration.logitSoftcap ?? 0))
        }
        if traits.keys.contains(.queryScalar) || traits.keys.contains(.multipliers),
            let scale = block.attentionScale
        {
            try set(prefix + "attention.scale", .float(scale))
        }
        if traits.keys.contains(.multipliers) {
            try set(prefix + "embedding_scale", .float(configuration.embeddingScale))
            try set(prefix + "residual_scale", .float(block.residualScale))
            try set(prefix + "logit_scale", .float(1 / configuration.logitScale))
        }
    }
}

extension ModelConfiguration {
    /// Heads of a matrix whose rows hold rotary pairs that GGUF orders otherwise than Hugging Face; nil for others.
    func pairedHeads(of role: WeightRole) -> Int? {
        guard architecture.traits.pairingInGGUF == .neighbours, rotaryPairing == .halves else { return nil }
        return switch role {
        case .layer(_, .query), .layer(_, .queryBias): heads
        case .layer(_, .key), .layer(_, .keyBias): keyValueHeads
        default: nil
        }
    }

    /// What each rotary frequency is divided by, for scalings that GGUF stores as tensors, by their names.
    /// `[rotaryDimension / 2]` each
    var rotaryDivisors: [(name: String, divisors: [Float])] {
        switch rotaryScaling {
        case .none, .linear, .dynamic, .yarn(_, _, _, _, _, roundsToPairs: true): return []
        case .divisors(let divisors): return [("rope_freqs.weight", divisors)]
        case .longRope(let short, let long, _, _):
            return [("rope_factors_short.weight", short), ("rope_factors_long.weight", long)]
        case .llama3, .yarn:
            var plain = self
            plain.rotaryScaling = .none
            let divisors = zip(plain.rotaryFrequencies, rotaryFrequencies).map { Float($0 / $1) }
            return [("rope_freqs.weight", divisors)]
        }
    }
}
