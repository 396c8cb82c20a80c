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

    /// The tensor of this role in a checkpoint of Hugging Face transformers, without the `model.` that may stand before it.
    public var huggingFaceName: String {
        switch self {
        case .embedding: "embed_tokens.weight"
        case .finalNorm: "norm.weight"
        case .head: "lm_head.weight"
        case .layer(let index, let role): "layers.\(index).\(role.huggingFaceName)"
        }
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

/// The weights of a model by role, from a GGUF file or a Hugging Face checkpoint.
public struct ModelTensors: Sendable {
    private let views: [WeightRole: TensorView]

    /// Finds every weight the configuration asks for.
    /// - Throws: `ModelError.missingTensors` with the first names, `.unsupported` for a tensor type.
    public init(
        _ configuration: ModelConfiguration, in source: some TensorSource, unsupported: [String: String] = [:],
        name: (WeightRole) -> [String]
    ) throws(ModelError) {
        var views = [WeightRole: TensorView]()
        var missing = [String]()
        for role in configuration.weightRoles {
            let candidates = name(role)
            if let view = candidates.lazy.compactMap({ source.tensor(named: $0) }).first {
                views[role] = view
            } else if let type = candidates.lazy.compactMap({ unsupported[$0] }).first {
                throw .unsupported(
                    file: source.path, what: "tensor type \(type) of \(candidates[0])",
                    supported: ModelConfiguration.supportedTypes)
            } else {
                missing.append(candidates[0])
            }
        }
        guard missing.isEmpty else {
            throw .missingTensors(file: source.path, names: Array(missing.prefix(3)), count: missing.count)
        }
        self.views = views
    }

    /// The weights of a GGUF file.
    public init(_ configuration: ModelConfiguration, in gguf: GGUFFile) throws(ModelError) {
        try self.init(configuration, in: gguf, unsupported: gguf.unsupportedTensors) { [$0.ggufName] }
    }

    /// The weights as the loader of a transformer takes them; each is released from the file once it was copied.
    public var source: WeightSource {
        { role in
            views[role].map { view in
                StoredWeight(
                    name: view.name, type: view.type, shape: view.shape,
                    bytes: UnsafeRawBufferPointer(
                        rebasing: view.file.bytes[view.offset..<view.offset + view.byteCount]),
                    release: { view.file.release(offset: view.offset, count: view.byteCount) })
            }
        }
    }
}
