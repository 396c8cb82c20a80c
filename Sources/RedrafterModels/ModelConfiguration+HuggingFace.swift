import RedrafterCore
import RedrafterFormats

extension ModelConfiguration {
    /// Model types of Hugging Face transformers that this project runs.
    static let supportedModelTypes = "llama, mistral, qwen2"

    /// Reads and validates a `config.json`, as transformers 4 (`rope_theta`, `rope_scaling`) or 5 (`rope_parameters`)
    /// writes it.
    ///
    /// Features that would change the result and are not implemented are refused unless they are inactive. A sliding
    /// window has no effect on a context that fits into it, so it bounds `contextLength`.
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
        let architecture: Architecture
        switch modelType {
        case "llama", "mistral": architecture = .llama
        case "qwen2": architecture = .qwen2
        default:
            throw .unsupported(
                file: path, what: "model_type \"\(modelType)\"", supported: Self.supportedModelTypes)
        }
        try Self.refuseUnsupported(config)
        let hiddenSize = try config.integer("hidden_size")
        let heads = try config.integer("num_attention_heads")
        guard heads > 0 else {
            throw .invalidValue(
                file: path, key: "num_attention_heads", got: "\(heads)", allowed: "1 to 4096")
        }
        let headDimension = try config.optionalInteger("head_dim")
        guard headDimension != nil || hiddenSize % heads == 0 else {
            throw .invalidValue(
                file: path, key: "hidden_size", got: "\(hiddenSize)",
                allowed: "a multiple of the \(heads) heads")
        }
        let rotary = try RotaryKeys(config)
        let window = try Self.slidingWindow(config, modelType)
        let context = try config.integer("max_position_embeddings")
        let hasHead = tensors.map { source in
            WeightRole.head.huggingFaceNames.contains { source.tensor(named: $0) != nil }
        }
        self.init(
            architecture: architecture,
            layers: try config.integer("num_hidden_layers"),
            hiddenSize: hiddenSize,
            feedForwardSize: try config.integer("intermediate_size"),
            heads: heads,
            keyValueHeads: try config.optionalInteger("num_key_value_heads") ?? heads,
            headDimension: headDimension ?? hiddenSize / heads,
            vocabularySize: try config.integer("vocab_size"),
            contextLength: window.map { min($0, context) } ?? context,
            normEpsilon: try config.float("rms_norm_eps"),
            rotaryBase: rotary.base,
            rotaryDimension: headDimension ?? hiddenSize / heads,
            rotaryPairing: .halves,
            rotaryScaling: rotary.scaling,
            tiedEmbeddings: try config.bool("tie_word_embeddings") ?? hasHead.map { !$0 } ?? false)
        try validate(file: path, keys: .huggingFace(base: rotary.baseKey))
        try Self.checkSpecialTokens(config, vocabularySize: vocabularySize)
    }

    /// What changes the result in a way that is not implemented.
    private static func refuseUnsupported(_ config: ConfigKeys) throws(ModelError) {
        let activation = try config.string("hidden_act") ?? "silu"
        guard ["silu", "swish"].contains(activation) else {
            throw .unsupported(file: config.file, what: "hidden_act \"\(activation)\"", supported: "silu")
        }
        for key in ["attention_bias", "mlp_bias"] where try config.bool(key) == true {
            throw .unsupported(
                file: config.file, what: "\(key) = true",
                supported: "biases on queries, keys and values of qwen2")
        }
        let partial = try config.optionalFloat("partial_rotary_factor") ?? 1
        guard partial == 1 else {
            throw .unsupported(file: config.file, what: "partial_rotary_factor \(partial)", supported: "1")
        }
        guard config.value("quantization_config") == nil else {
            throw .unsupported(
                file: config.file, what: "a quantised checkpoint (quantization_config)",
                supported: "weights of f32, f16 and bf16")
        }
    }

    /// The number of keys a row may look back, where some layer has such a limit.
    private static func slidingWindow(_ config: ConfigKeys, _ modelType: String) throws(ModelError) -> Int? {
        let key = "sliding_window"
        let kinds = try config.strings("layer_types")
        if let kinds, let other = kinds.first(where: { $0 != "full_attention" && $0 != "sliding_attention" })
        {
            throw .unsupported(
                file: config.file, what: "layer_types \"\(other)\"",
                supported: "full_attention, sliding_attention")
        }
        let isUsed = try config.bool("use_sliding_window") ?? false
        let isActive =
            switch modelType {
            case "mistral": true
            case "qwen2": kinds?.contains("sliding_attention") ?? isUsed
            default: kinds?.contains("sliding_attention") ?? false
            }
        guard isActive, let window = try config.optionalInteger(key) else { return nil }
        guard window > 0 else {
            throw .invalidValue(
                file: config.file, key: key, got: "\(window)", allowed: "a number above 0, or null")
        }
        return window
    }

    /// Ids are the tokenizer's business, but one beyond the embedding shows that the files do not belong together.
    private static func checkSpecialTokens(_ config: ConfigKeys, vocabularySize: Int) throws(ModelError) {
        for key in ["bos_token_id", "eos_token_id"] {
            for id in try config.integers(key) where id < 0 || id >= vocabularySize {
                throw .invalidValue(
                    file: config.file, key: key, got: "\(id)", allowed: "0 to \(vocabularySize - 1)")
            }
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

/// The rotary embedding of a `config.json` in either form.
private struct RotaryKeys {
    var base: Float
    var baseKey: String
    var scaling: ModelConfiguration.RotaryScaling

    init(_ config: ConfigKeys) throws(ModelError) {
        let parameters = try config.nested("rope_parameters")
        let old = try config.nested("rope_scaling")
        let nested = parameters?.value("rope_theta") == nil ? nil : parameters
        baseKey = nested == nil ? "rope_theta" : "rope_parameters.rope_theta"
        base = try (nested ?? config).optionalFloat("rope_theta") ?? 10_000
        guard let keys = parameters ?? old else {
            scaling = .none
            return
        }
        let oldType = try keys.string("type")
        let type = try keys.string("rope_type") ?? oldType ?? "default"
        if let partial = try keys.optionalFloat("partial_rotary_factor"), partial != 1 {
            throw .unsupported(
                file: config.file, what: "\(keys.prefix)partial_rotary_factor \(partial)", supported: "1")
        }
        switch type {
        case "default", "dynamic":
            // Dynamic scaling begins beyond `max_position_embeddings`, which no context exceeds here.
            guard keys.object?.contains(where: { $0.value.object != nil }) != true else {
                throw .unsupported(
                    file: config.file, what: "\(keys.prefix)… for each kind of layer",
                    supported: "one rotary embedding for all layers")
            }
            scaling = .none
        case "linear":
            scaling = .linear(factor: try keys.positive("factor"))
        case "llama3":
            let low = try keys.positive("low_freq_factor")
            let high = try keys.positive("high_freq_factor")
            guard high > low else {
                throw .invalidValue(
                    file: config.file, key: keys.prefix + "high_freq_factor", got: "\(high)",
                    allowed: "a number above low_freq_factor \(low)")
            }
            let original = try keys.integer("original_max_position_embeddings")
            guard (1...1 << 24).contains(original) else {
                throw .invalidValue(
                    file: config.file, key: keys.prefix + "original_max_position_embeddings",
                    got: "\(original)", allowed: "1 to \(1 << 24)")
            }
            scaling = .llama3(
                factor: try keys.positive("factor"), lowFrequency: low, highFrequency: high,
                originalContext: original)
        default:
            // Stretched by nothing, the frequencies are the plain ones.
            if type == "yarn", try keys.optionalFloat("factor") == 1 {
                scaling = .none
                return
            }
            throw .unsupported(
                file: config.file, what: "\(keys.prefix)rope_type \"\(type)\"",
                supported: "default, linear, llama3, dynamic within the trained context")
        }
    }
}

/// Members of a JSON object with errors of this module; `null` counts as absent.
struct ConfigKeys {
    let file: String
    let object: JSONObject?
    /// Stands before keys in errors: `rope_scaling.`.
    let prefix: String

    init(file: String, json: JSONValue, prefix: String = "") {
        self.file = file
        object = json.object
        self.prefix = prefix
    }

    func value(_ key: String) -> JSONValue? {
        guard let value = object?[key], !value.isNull else { return nil }
        return value
    }

    func nested(_ key: String) throws(ModelError) -> ConfigKeys? {
        guard let value = value(key) else { return nil }
        guard value.object != nil else { throw wrong(key, value, "an object or null") }
        return ConfigKeys(file: file, json: value, prefix: key + ".")
    }

    func string(_ key: String) throws(ModelError) -> String? {
        guard let value = value(key) else { return nil }
        guard let text = value.string else { throw wrong(key, value, "a string") }
        return text
    }

    func strings(_ key: String) throws(ModelError) -> [String]? {
        guard let value = value(key) else { return nil }
        guard let array = value.array else { throw wrong(key, value, "an array of strings") }
        var result = [String]()
        for element in array {
            guard let text = element.string else { throw wrong(key, element, "an array of strings") }
            result.append(text)
        }
        return result
    }

    func bool(_ key: String) throws(ModelError) -> Bool? {
        guard let value = value(key) else { return nil }
        guard let flag = value.bool else { throw wrong(key, value, "true or false") }
        return flag
    }

    func optionalInteger(_ key: String) throws(ModelError) -> Int? {
        guard let value = value(key) else { return nil }
        guard let number = value.integer else { throw wrong(key, value, "an integer") }
        return number
    }

    /// One integer, a list of them, or nothing.
    func integers(_ key: String) throws(ModelError) -> [Int] {
        guard let value = value(key) else { return [] }
        var result = [Int]()
        for element in value.array ?? [value] {
            guard let number = element.integer else {
                throw wrong(key, element, "an integer or a list of them")
            }
            result.append(number)
        }
        return result
    }

    func optionalFloat(_ key: String) throws(ModelError) -> Float? {
        guard let value = value(key) else { return nil }
        guard let number = value.double else { throw wrong(key, value, "a number") }
        return Float(number)
    }

    func integer(_ key: String) throws(ModelError) -> Int {
        guard let value = try optionalInteger(key) else { throw .missingKey(file: file, key: prefix + key) }
        return value
    }

    func float(_ key: String) throws(ModelError) -> Float {
        guard let value = try optionalFloat(key) else { throw .missingKey(file: file, key: prefix + key) }
        return value
    }

    /// A finite number above 0.
    func positive(_ key: String) throws(ModelError) -> Float {
        let number = try float(key)
        guard number.isFinite, number > 0 else {
            throw .invalidValue(
                file: file, key: prefix + key, got: "\(number)", allowed: "a finite number above 0")
        }
        return number
    }

    private func wrong(_ key: String, _ value: JSONValue, _ allowed: String) -> ModelError {
        .invalidValue(file: file, key: prefix + key, got: value.summary, allowed: allowed)
    }
}
