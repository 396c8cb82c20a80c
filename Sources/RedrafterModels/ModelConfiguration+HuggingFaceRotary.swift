import RedrafterFormats
import RedrafterPlatform

/// The rotary embedding of a `config.json` in either form.
struct RotaryKeys {
    private(set) var base: Float
    private(set) var baseKey: String
    /// Elements of a head that are turned.
    private(set) var dimension: Int
    private(set) var scaling = ModelConfiguration.RotaryScaling.none
    /// Base of the layers with a window; nil where they are as the others.
    private(set) var localBase: Float?

    /// The part of a `config.json` that says how frequencies are stretched, and what surrounds it.
    private let config: ConfigKeys

    init(_ config: ConfigKeys, _ traits: ArchitectureTraits, headDimension: Int) throws(ModelError) {
        self.config = config
        var parameters = try config.nested("rope_parameters")
        if traits.localRotaryBase != nil {
            // One for each kind of layer in transformers 5; the window's has never been stretched.
            let local = try parameters?.nested("sliding_attention")
            let key = local == nil ? "rope_local_base_freq" : "rope_theta"
            localBase = try (local ?? config).optionalFloat(key) ?? traits.localRotaryBase
            if let type = try local?.string("rope_type"), type != "default" {
                throw .unsupported(
                    file: config.file, what: "rope_type \"\(type)\" of layers with a window",
                    supported: "default")
            }
            // What stands there for all layers is not read in transformers either.
            parameters = try parameters?.nested("full_attention")
        }
        // Beside `rope_parameters`, transformers 5 takes `rope_scaling` alone.
        let keys = try config.nested("rope_scaling") ?? parameters
        let nested = keys?.value("rope_theta") == nil ? nil : keys
        baseKey = (nested?.prefix ?? "") + "rope_theta"
        base = try (nested ?? config).optionalFloat("rope_theta") ?? traits.rotaryBase
        dimension = headDimension
        for keys in [config, keys].compactMap(\.self) {
            guard let partial = try keys.optionalFloat("partial_rotary_factor"), partial != 1 else {
                continue
            }
            guard traits.keys.contains(.partialRotation) else {
                throw .unsupported(
                    file: config.file, what: "\(keys.prefix)partial_rotary_factor \(partial)", supported: "1")
            }
            guard partial > 0, partial < 1 else {
                throw .invalidValue(
                    file: config.file, key: keys.prefix + "partial_rotary_factor", got: "\(partial)",
                    allowed: "a number above 0 and at most 1")
            }
            dimension = Int(Float(headDimension) * partial)
        }
        if let keys { scaling = try readScaling(keys) }
    }

    private func readScaling(_ keys: ConfigKeys) throws(ModelError) -> ModelConfiguration.RotaryScaling {
        let oldType = try keys.string("type")
        let type = try keys.string("rope_type") ?? oldType ?? "default"
        switch type {
        case "default", "dynamic":
            guard keys.object?.contains(where: { $0.value.object != nil }) != true else {
                throw .unsupported(
                    file: config.file, what: "\(keys.prefix)… for each kind of layer",
                    supported: "one rotary embedding for all layers, but for gemma3")
            }
            return type == "dynamic" ? .dynamic : .none
        case "linear":
            return .linear(factor: try keys.positive("factor"))
        case "llama3":
            let low = try keys.positive("low_freq_factor")
            let high = try keys.positive("high_freq_factor")
            guard high > low else {
                throw .invalidValue(
                    file: config.file, key: keys.prefix + "high_freq_factor", got: "\(high)",
                    allowed: "a number above low_freq_factor \(low)")
            }
            return .llama3(
                factor: try keys.positive("factor"), lowFrequency: low, highFrequency: high,
                originalContext: try originalContext(keys))
        case "yarn":
            return try yarn(keys)
        case "longrope", "su":
            return try longRope(keys)
        default:
            throw .unsupported(
                file: config.file, what: "\(keys.prefix)rope_type \"\(type)\"",
                supported: "default, linear, llama3, yarn, longrope, dynamic within the trained context")
        }
    }

    private func yarn(_ keys: ConfigKeys) throws(ModelError) -> ModelConfiguration.RotaryScaling {
        let factor = try keys.positive("factor")
        // Stretched by nothing, the frequencies are the plain ones.
        if factor == 1, keys.value("attention_factor") == nil { return .none }
        func magnitude(_ scale: Float) -> Float {
            ModelConfiguration.yarnMagnitude(factor: factor, scale: scale)
        }
        var stated = try keys.optionalPositive("attention_factor")
        if stated == nil, let one = try keys.optionalFloat("mscale"),
            let all = try keys.optionalFloat("mscale_all_dim"), one != 0, all != 0
        {
            stated = magnitude(one) / magnitude(all)
        }
        return .yarn(
            factor: factor, fastTurns: try keys.optionalPositive("beta_fast") ?? 32,
            slowTurns: try keys.optionalPositive("beta_slow") ?? 1,
            originalContext: try originalContext(keys), magnitude: stated ?? magnitude(1),
            roundsToPairs: try keys.bool("truncate") ?? true)
    }

    private func longRope(_ keys: ConfigKeys) throws(ModelError) -> ModelConfiguration.RotaryScaling {
        let original = try originalContext(keys)
        let context = try config.contextLength("max_position_embeddings")
        let factor =
            try keys.optionalPositive("factor").map { Double($0) } ?? Double(context) / Double(original)
        let derived = factor <= 1 ? 1 : (1 + log(factor) / log(Double(max(original, 2)))).squareRoot()
        return .longRope(
            short: try keys.positives("short_factor", count: dimension / 2),
            long: try keys.positives("long_factor", count: dimension / 2), originalContext: original,
            magnitude: try keys.optionalPositive("attention_factor") ?? Float(derived))
    }

    /// The context before it was stretched: beside the other sizes, or with the scaling, or the whole one.
    private func originalContext(_ keys: ConfigKeys) throws(ModelError) -> Int {
        let key = "original_max_position_embeddings"
        for place in [config, keys] where place.value(key) != nil { return try place.contextLength(key) }
        return try config.contextLength("max_position_embeddings")
    }
}
