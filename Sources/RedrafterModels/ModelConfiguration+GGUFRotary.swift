import RedrafterFormats
import RedrafterPlatform

extension ModelConfiguration {
    /// How frequencies are stretched; the rotary dimension was validated before.
    func rotaryScaling(_ reader: GGUFKeys, _ prefix: String) throws(ModelError) -> RotaryScaling {
        let pairs = rotaryDimension / 2
        let scaling = prefix + "rope.scaling."
        if let divisors = try reader.divisors("rope_freqs.weight", count: pairs) {
            let type = try reader.string(scaling + "type") ?? "none"
            guard type == "none" || type == "longrope" else {
                throw .unsupported(
                    file: reader.gguf.path, what: "rope scaling \"\(type)\" beside rope_freqs.weight",
                    supported: "one of the two")
            }
            return .divisors(divisors)
        }
        if let long = try reader.divisors("rope_factors_long.weight", count: pairs),
            let short = try reader.divisors("rope_factors_short.weight", count: pairs)
        {
            return .longRope(
                short: short, long: long, originalContext: try originalContext(reader, scaling),
                magnitude: 1)
        }
        switch try reader.string(scaling + "type") {
        case nil:
            // Without a type it is linear; the other key is that of files from before there were types.
            for key in [scaling + "factor", prefix + "rope.scale_linear"] {
                guard let factor = try reader.optionalFloat(key), factor != 0 else { continue }
                return .linear(factor: try reader.positive(key))
            }
            return .none
        case "none":
            return .none
        case "linear":
            return .linear(factor: try reader.positive(scaling + "factor"))
        case "yarn":
            let factor = try reader.positive(scaling + "factor")
            let stated = try reader.optionalPositive(scaling + "yarn_attn_factor")
            // Stretched by nothing, the frequencies are the plain ones.
            if factor == 1, stated == nil { return .none }
            return .yarn(
                factor: factor, fastTurns: try reader.optionalPositive(scaling + "yarn_beta_fast") ?? 32,
                slowTurns: try reader.optionalPositive(scaling + "yarn_beta_slow") ?? 1,
                originalContext: try originalContext(reader, scaling),
                magnitude: stated ?? Self.yarnMagnitude(factor: factor), roundsToPairs: true)
        case let other?:
            throw .unsupported(
                file: reader.gguf.path, what: "rope scaling \"\(other)\"",
                supported:
                    "none, linear, yarn, longrope with its tensors, and the divisors of rope_freqs.weight")
        }
    }

    /// Factor of cosines and sines that YaRN suggests (section 3.4).
    static func yarnMagnitude(factor: Float, scale: Float = 1) -> Float {
        factor <= 1 ? 1 : 0.1 * scale * Float(log(Double(factor))) + 1
    }

    private func originalContext(_ reader: GGUFKeys, _ scaling: String) throws(ModelError) -> Int {
        let key = scaling + "original_context_length"
        guard let length = try reader.optionalInteger(key) else { return contextLength }
        guard (1...1 << 24).contains(length) else {
            throw .invalidValue(
                file: reader.gguf.path, key: key, got: "\(length)", allowed: "1 to \(1 << 24)")
        }
        return length
    }
}
