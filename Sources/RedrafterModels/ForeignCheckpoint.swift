import RedrafterFormats

/// Checkpoints that are no model this project runs, and that their tensors tell apart from damaged ones.
enum ForeignCheckpoint {
    /// - Throws: `ModelError.unsupported` that names what the checkpoint is, and the nearest that can be run.
    static func refuse(_ source: some TensorSource) throws(ModelError) {
        func has(_ name: String) -> Bool {
            source.tensor(named: name) != nil || source.unsupportedType(of: name) != nil
        }
        func has(anyOf endings: [String], behind base: String) -> Bool {
            endings.contains { has("model.layers.0.\(base)\($0)") || has("layers.0.\(base)\($0)") }
        }
        // Token and hidden state of the model, side by side, through one matrix.
        if has("fc.weight"),
            has(anyOf: ["q_proj.weight"], behind: "self_attn.") || has("midlayer.self_attn.q_proj.weight")
        {
            throw .unsupported(
                file: source.path,
                what: "an EAGLE head (a drafter for another model, of a kind that is not built here)",
                supported: "whole models; as drafters, recurrent ones and Medusa heads (--drafter-model)")
        }
        let weights: String? =
            if has(anyOf: ["q_proj.scales", "down_proj.scales"], behind: "self_attn.")
                || has(anyOf: ["gate_proj.scales"], behind: "mlp.") || has("model.embed_tokens.scales")
            {
                "weights quantised by MLX (u32 with scales and biases)"
            } else if has(
                anyOf: ["q_proj.qweight"], behind: "self_attn.")
            {
                "weights quantised by GPTQ or AWQ (qweight)"
            } else if has(
                anyOf: ["q_proj.weight.absmax"], behind: "self_attn.")
            { "weights quantised by bitsandbytes (absmax)" } else { nil }
        guard let weights else { return }
        throw .unsupported(
            file: source.path, what: weights,
            supported:
                "safetensors of f32, f16 and bf16, and GGUF with \(ModelConfiguration.supportedTypes): take the "
                + "original checkpoint or a GGUF file of this model")
    }
}
