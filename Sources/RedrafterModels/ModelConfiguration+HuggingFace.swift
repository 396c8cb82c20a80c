import RedrafterCore
import RedrafterFormats
import RedrafterPlatform

extension ModelConfiguration {
    /// Model types of Hugging Face transformers that this project runs.
    static let supportedModelTypes = Architecture.allCases.flatMap(\.traits.modelTypes)
        .joined(separator: ", ")

    /// Reads and validates a `config.json`, as transformers 4 (`rope_theta`, `rope_scaling`) or 5 (`rope_parameters`)
    /// writes it.
    ///
    /// Features that would change the result and are not implemented are refused unless they are inactive.
    /// - Parameters:
    ///   - json: the text of `config.json`.
    ///   - path: shown in errors.
    ///   - tensors: the checkpoint; tells whether the head is tied where the file leaves that open.
    /// - Throws: `ModelError.missingKey`, `.invalidValue`, `.unsupported`.
    public init(
        huggingFace json: JSONValue, path: String, tensors: (any TensorSource)? = nil
    ) throws(ModelError) {
        let config = ConfigKeys(file: path, json: json)
        guard json.object != nil else {
            throw .invalidValue(file: path, key: "the document", got: json.summary, allowed: "an object")
        }
        guard let modelType = try config.string("model_type") else {
            throw .missingKey(file: path, key: "model_type")
        }
        guard let architecture = Architecture(modelType: modelType) else {
            throw Self.unknown("model_type", modelType, file: path, supported: Self.supportedModelTypes)
        }
        let traits = architecture.traits
        try Self.refuseUnsupported(config, traits)
        let hiddenSize = try config.integer("hidden_size")
        let heads = try config.integer("num_attention_heads")
        guard heads > 0 else {
            throw .invalidValue(
                file: path, key: "num_attention_heads", got: "\(heads)", allowed: "1 to 4096")
        }
        let statedDimension = try config.optionalInteger("head_dim") ?? traits.headDimension
        guard statedDimension != nil || hiddenSize % heads == 0 else {
            throw .invalidValue(
                file: path, key: "hidden_size", got: "\(hiddenSize)",
                allowed: "a multiple of the \(heads) heads")
        }
        let headDimension = statedDimension ?? hiddenSize / heads
        let rotary = try RotaryKeys(config, traits, headDimension: headDimension)
        let head = tensors.flatMap { WeightRole.head.huggingFaceTensor(in: $0) }
        // Gemma's configurations tie head and embedding unless they say otherwise.
        let tiesByDefault = traits.scalesEmbeddings
        self.init(
            architecture: architecture,
            layers: try config.integer("num_hidden_layers"),
            hiddenSize: hiddenSize,
            feedForwardSize: try config.integer("intermediate_size"),
            heads: heads,
            keyValueHeads: try config.optionalInteger("num_key_value_heads") ?? heads,
            headDimension: headDimension,
            vocabularySize: try config.integer("vocab_size"),
            contextLength: try config.integer("max_position_embeddings"),
            normEpsilon: try config.float("rms_norm_eps"),
            rotaryBase: rotary.base,
            rotaryDimension: rotary.dimension,
            rotaryPairing: .halves,
            rotaryScaling: rotary.scaling,
            tiedEmbeddings: try config.bool("tie_word_embeddings")
                ?? (tensors == nil ? tiesByDefault : head == nil))
        // As in transformers, a head of its own counts, whatever the configuration says.
        if tiedEmbeddings, let head,
            let embedding = tensors.flatMap({ WeightRole.embedding.huggingFaceTensor(in: $0) })
        {
            tiedEmbeddings = head.holdsTheSame(as: embedding)
        }
        localRotaryBase = rotary.localBase
        try readBlock(config, traits)
        try validate(file: path, keys: .huggingFace(base: rotary.baseKey))
        try readLayerKinds(config, traits, modelType)
    }

    /// What changes the result in a way that is not implemented.
    private static func refuseUnsupported(_ config: ConfigKeys, _ traits: ArchitectureTraits)
        throws(ModelError)
    {
        let key = config.mentions("hidden_activation") ? "hidden_activation" : "hidden_act"
        let isGELU = traits.block.activation == .geluTanh
        // `hidden_act` of Gemma was written as "gelu" and always meant the approximation by a tangent.
        let allowed =
            !isGELU ? ["silu", "swish"] : ["gelu_pytorch_tanh"] + (key == "hidden_act" ? ["gelu"] : [])
        let activation = try config.string(key) ?? allowed[0]
        guard allowed.contains(activation) else {
            throw .unsupported(file: config.file, what: "\(key) \"\(activation)\"", supported: allowed[0])
        }
        let biases = traits.keys.contains(.attentionBias) ? ["mlp_bias"] : ["attention_bias", "mlp_bias"]
        for key in biases where try config.bool(key) == true {
            throw .unsupported(
                file: config.file, what: "\(key) = true",
                supported: "no biases in the feed-forward block; biases of attention in some architectures")
        }
        guard try config.bool("use_bidirectional_attention") != true else {
            throw .unsupported(
                file: config.file, what: "use_bidirectional_attention", supported: "causal language models")
        }
        guard config.value("quantization_config") == nil else {
            throw .unsupported(
                file: config.file, what: "a quantised checkpoint (quantization_config)",
                supported: "weights of f32, f16 and bf16; a GGUF file of the model holds quantised ones")
        }
        if config.value("quantization") != nil {
            throw .unsupported(
                file: config.file, what: "a checkpoint that MLX has quantised",
                supported: "weights of f32, f16 and bf16; a GGUF file of the model holds quantised ones")
        }
    }

    /// Parts of the layers and scales that some families name.
    private mutating func readBlock(_ config: ConfigKeys, _ traits: ArchitectureTraits) throws(ModelError) {
        if traits.keys.contains(.attentionBias), try config.bool("attention_bias") == true {
            block.hasQueryKeyValueBias = true
            block.hasOutputBias = true
        }
        if traits.scalesEmbeddings { embeddingScale = Float(hiddenSize).squareRoot() }
        logitSoftcap = traits.logitSoftcap
        if traits.keys.contains(.queryScalar) {
            let scalar = try config.optionalPositive("query_pre_attn_scalar") ?? 256
            block.attentionScale = 1 / scalar.squareRoot()
        }
        // `null` means none, whatever the default.
        if traits.keys.contains(.attentionSoftcap), config.mentions("attn_logit_softcapping") {
            block.attentionSoftcap = try config.optionalPositive("attn_logit_softcapping")
        }
        if traits.keys.contains(.logitSoftcap), config.mentions("final_logit_softcapping") {
            logitSoftcap = try config.optionalPositive("final_logit_softcapping")
        }
        if traits.keys.contains(.multipliers) {
            embeddingScale = try config.optionalPositive("embedding_multiplier") ?? 1
            block.residualScale = try config.optionalPositive("residual_multiplier") ?? 1
            block.attentionScale = try config.optionalPositive("attention_multiplier") ?? 1
            logitScale = 1 / (try config.optionalPositive("logits_scaling") ?? 1)
        }
    }
}

extension ModelConfiguration.KeyNames {
    fileprivate static func huggingFace(base: String) -> Self {
        Self(
            layers: "num_hidden_layers", hiddenSize: "hidden_size", feedForwardSize: "intermediate_size",
            heads: "num_attention_heads", keyValueHeads: "num_key_value_heads", headDimension: "head_dim",
            vocabularySize: "vocab_size", contextLength: "max_position_embeddings",
            normEpsilon: "rms_norm_eps", rotaryBase: base, rotaryDimension: "head_dim")
    }
}

extension WeightRole {
    /// The tensor of this role in a checkpoint, under whichever of its names.
    fileprivate func huggingFaceTensor(in source: any TensorSource) -> TensorView? {
        huggingFaceNames(norms: .before).lazy.compactMap { source.tensor(named: $0) }.first
    }
}

extension TensorView {
    /// Whether all bytes are those of another tensor.
    fileprivate func holdsTheSame(as other: TensorView) -> Bool {
        guard type == other.type, shape == other.shape, byteCount == other.byteCount else { return false }
        guard let one = bytes.baseAddress, let two = other.bytes.baseAddress else { return true }
        return memcmp(one, two, byteCount) == 0
    }
}
