import RedrafterCore
import RedrafterFormats

/// The weights of a model by role, from a GGUF file or a Hugging Face checkpoint.
public struct ModelTensors: Sendable {
    /// Path of the file or folder, for errors.
    public let path: String
    private let views: [WeightRole: TensorView]

    /// The weights of a GGUF file.
    /// - Throws: as the form for any source.
    public init(_ configuration: ModelConfiguration, in gguf: GGUFFile) throws(ModelError) {
        try self.init(
            configuration, in: gguf, configurationPath: gguf.path,
            foreign: Self.foreignInGGUF
        ) { [$0.ggufName] }
    }

    /// The weights of a Hugging Face checkpoint; what the model does not need (`rotary_emb.inv_freq`) is left alone.
    /// - Parameters:
    ///   - configuration: which tensors, of which shapes, there must be.
    ///   - source: where they are.
    ///   - configurationPath: the `config.json` that the configuration was read from.
    /// - Throws: as the form for any source.
    public init(
        _ configuration: ModelConfiguration, inHuggingFace source: some TensorSource,
        configurationPath: String
    ) throws(ModelError) {
        try ForeignCheckpoint.refuse(source)
        try self.init(
            configuration, in: source, configurationPath: configurationPath,
            foreign: Self.foreignInHuggingFace
        ) { $0.huggingFaceNames }
    }

    /// Finds every weight the configuration asks for, checks its shape, and that no weight is there which would
    /// change the result but has no place in the architecture.
    /// - Throws: `ModelError.missingTensors` with the first names, `.wrongShape`, `.unsupported` for a tensor type or
    ///   a further weight, `.invalidValue` where the file has more layers than the configuration says.
    init(
        _ configuration: ModelConfiguration, in source: some TensorSource, configurationPath: String,
        foreign: [String], names: (WeightRole) -> [String]
    ) throws(ModelError) {
        var views = [WeightRole: TensorView]()
        var missing = [String]()
        for role in configuration.weightRoles {
            let candidates = names(role)
            if let view = candidates.lazy.compactMap({ source.tensor(named: $0) }).first {
                guard view.shape == configuration.shape(of: role) else {
                    throw .wrongShape(
                        file: source.path, tensor: view.name, got: view.shape,
                        expected: configuration.shape(of: role), configuration: configurationPath)
                }
                views[role] = view
            } else if let found = candidates.lazy.compactMap({ name in
                source.unsupportedType(of: name).map { (name, $0) }
            })
            .first {
                throw .unsupported(
                    file: source.path, what: "tensor type \(found.1) of \(found.0)",
                    supported: ModelConfiguration.supportedTypes)
            } else {
                missing.append(candidates[0])
            }
        }
        guard missing.isEmpty else {
            throw .missingTensors(file: source.path, names: Array(missing.prefix(3)), count: missing.count)
        }
        func isThere(_ names: [String]) -> String? {
            names.first { source.tensor(named: $0) != nil || source.unsupportedType(of: $0) != nil }
        }
        if let beyond = isThere(names(.layer(configuration.layers, .attentionNorm))) {
            throw .invalidValue(
                file: configurationPath, key: "the number of layers", got: "\(configuration.layers)",
                allowed: "all that the file has (\(beyond) lies beyond them)")
        }
        let biases: [LayerWeightRole] =
            configuration.architecture == .qwen2 ? [] : [.queryBias, .keyBias, .valueBias]
        if let extra = isThere(foreign + biases.flatMap { names(.layer(0, $0)) }) {
            throw .unsupported(
                file: source.path, what: "the weight \(extra)",
                supported: "the weights of llama, and biases on queries, keys and values of qwen2")
        }
        path = source.path
        self.views = views
    }

    /// The weight of a role; nil where the architecture has none.
    public subscript(role: WeightRole) -> TensorView? { views[role] }

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

    /// Weights of relatives of the architecture: without them a model would run and answer nonsense.
    private static let foreignInGGUF = [
        "blk.0.attn_output.bias", "blk.0.ffn_gate.bias", "blk.0.ffn_up.bias", "blk.0.ffn_down.bias",
        "blk.0.attn_q_norm.weight", "blk.0.attn_k_norm.weight", "blk.0.attn_norm.bias", "output.bias",
        "blk.0.ffn_gate_inp.weight", "blk.0.attn_post_norm.weight", "blk.0.post_attention_norm.weight",
    ]
    private static let foreignInHuggingFace =
        [
            "self_attn.o_proj.bias", "mlp.gate_proj.bias", "mlp.up_proj.bias", "mlp.down_proj.bias",
            "self_attn.q_norm.weight", "self_attn.k_norm.weight", "input_layernorm.bias",
            "pre_feedforward_layernorm.weight", "block_sparse_moe.gate.weight", "mlp.gate.weight",
        ].flatMap { ["model.layers.0.\($0)", "layers.0.\($0)"] } + ["lm_head.bias"]
}
