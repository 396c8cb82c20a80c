import RedrafterCore
import RedrafterFormats

extension WeightRole {
    /// The tensor of this role in a GGUF file.
    public var ggufName: String {
        switch self {
        case .embedding: "token_embd.weight"
        case .finalNorm: "output_norm.weight"
        case .head: "output.weight"
        case .layer(let index, let role): "blk.\(index).\(role.ggufName)"
        }
    }

    /// The tensor of this role in a checkpoint of Hugging Face transformers: of a causal language model.
    /// - Parameter norms: of the model's layers; names of norms depend on where the others stand.
    public func huggingFaceName(norms: LayerBlock.Norms) -> String {
        switch self {
        case .embedding: "model.embed_tokens.weight"
        case .finalNorm: "model.norm.weight"
        case .head: "lm_head.weight"
        case .layer(let index, let role): "model.layers.\(index).\(role.huggingFaceName(norms))"
        }
    }

    /// All names under which such checkpoints have this role; a bare model lacks the `model.` before them.
    public func huggingFaceNames(norms: LayerBlock.Norms) -> [String] {
        let name = huggingFaceName(norms: norms)
        return self == .head ? [name] : Self.withoutModel(name)
    }

    private static func withoutModel(_ name: String) -> [String] {
        [name, String(name.dropFirst("model.".count))]
    }

    /// Names of the matrix that holds this one and others, one below the other.
    func fusedNames(in form: CheckpointForm) -> [String] {
        guard case .layer(let index, let role) = self, let fused = role.fusedName(form) else { return [] }
        switch form {
        case .gguf: return ["blk.\(index).\(fused)"]
        case .huggingFace: return Self.withoutModel("model.layers.\(index).\(fused)")
        }
    }
}

/// The two forms of a model's weights, which name them differently.
enum CheckpointForm {
    case gguf, huggingFace
}

extension LayerWeightRole {
    fileprivate var ggufName: String {
        switch self {
        case .attentionNorm: "attn_norm.weight"
        case .attentionPostNorm: "post_attention_norm.weight"
        case .feedForwardNorm: "ffn_norm.weight"
        case .feedForwardPostNorm: "post_ffw_norm.weight"
        case .queryNorm: "attn_q_norm.weight"
        case .keyNorm: "attn_k_norm.weight"
        case .query: "attn_q.weight"
        case .key: "attn_k.weight"
        case .value: "attn_v.weight"
        case .queryBias: "attn_q.bias"
        case .keyBias: "attn_k.bias"
        case .valueBias: "attn_v.bias"
        case .attentionOutput: "attn_output.weight"
        case .attentionOutputBias: "attn_output.bias"
        case .gate: "ffn_gate.weight"
        case .up: "ffn_up.weight"
        case .down: "ffn_down.weight"
        }
    }

    fileprivate func fusedName(_ form: CheckpointForm) -> String? {
        switch self {
        case .query, .key, .value: form == .gguf ? "attn_qkv.weight" : "self_attn.qkv_proj.weight"
        case .gate, .up: form == .gguf ? "ffn_up.weight" : "mlp.gate_up_proj.weight"
        default: nil
        }
    }

    fileprivate func huggingFaceName(_ norms: LayerBlock.Norms) -> String {
        switch self {
        case .attentionNorm: "input_layernorm.weight"
        case .attentionPostNorm: "post_attention_layernorm.weight"
        case .feedForwardNorm:
            norms == .both ? "pre_feedforward_layernorm.weight" : "post_attention_layernorm.weight"
        case .feedForwardPostNorm: "post_feedforward_layernorm.weight"
        case .queryNorm: "self_attn.q_norm.weight"
        case .keyNorm: "self_attn.k_norm.weight"
        case .query: "self_attn.q_proj.weight"
        case .key: "self_attn.k_proj.weight"
        case .value: "self_attn.v_proj.weight"
        case .queryBias: "self_attn.q_proj.bias"
        case .keyBias: "self_attn.k_proj.bias"
        case .valueBias: "self_attn.v_proj.bias"
        case .attentionOutput: "self_attn.o_proj.weight"
        case .attentionOutputBias: "self_attn.o_proj.bias"
        case .gate: "mlp.gate_proj.weight"
        case .up: "mlp.up_proj.weight"
        case .down: "mlp.down_proj.weight"
        }
    }
}
