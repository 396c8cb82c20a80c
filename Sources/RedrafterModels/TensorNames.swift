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
    public var huggingFaceName: String {
        switch self {
        case .embedding: "model.embed_tokens.weight"
        case .finalNorm: "model.norm.weight"
        case .head: "lm_head.weight"
        case .layer(let index, let role): "model.layers.\(index).\(role.huggingFaceName)"
        }
    }

    /// All names under which such checkpoints have this role; a bare model lacks the `model.` before them.
    public var huggingFaceNames: [String] {
        let name = huggingFaceName
        return self == .head ? [name] : [name, String(name.dropFirst("model.".count))]
    }
}

extension LayerWeightRole {
    fileprivate var ggufName: String {
        switch self {
        case .attentionNorm: "attn_norm.weight"
        case .feedForwardNorm: "ffn_norm.weight"
        case .query: "attn_q.weight"
        case .key: "attn_k.weight"
        case .value: "attn_v.weight"
        case .queryBias: "attn_q.bias"
        case .keyBias: "attn_k.bias"
        case .valueBias: "attn_v.bias"
        case .attentionOutput: "attn_output.weight"
        case .gate: "ffn_gate.weight"
        case .up: "ffn_up.weight"
        case .down: "ffn_down.weight"
        }
    }

    fileprivate var huggingFaceName: String {
        switch self {
        case .attentionNorm: "input_layernorm.weight"
        case .feedForwardNorm: "post_attention_layernorm.weight"
        case .query: "self_attn.q_proj.weight"
        case .key: "self_attn.k_proj.weight"
        case .value: "self_attn.v_proj.weight"
        case .queryBias: "self_attn.q_proj.bias"
        case .keyBias: "self_attn.k_proj.bias"
        case .valueBias: "self_attn.v_proj.bias"
        case .attentionOutput: "self_attn.o_proj.weight"
        case .gate: "mlp.gate_proj.weight"
        case .up: "mlp.up_proj.weight"
        case .down: "mlp.down_proj.weight"
        }
    }
}
