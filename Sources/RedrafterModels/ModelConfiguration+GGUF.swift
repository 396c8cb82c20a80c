import RedrafterCore
import RedrafterFormats

extension ModelConfiguration {
    /// Reads and validates the hyper-parameters of a GGUF file of the llama or qwen2 architecture.
    public init(_ gguf: GGUFFile) throws(ModelError) {
        let reader = GGUFKeys(gguf: gguf)
        guard let name = try reader.string("general.architecture") else {
            throw .missingKey(file: gguf.path, key: "general.architecture")
        }
        guard let architecture = Architecture(rawValue: name) else {
            throw .unsupported(file: gguf.path, what: "architecture \"\(name)\"", supported: "llama, qwen2")
        }
        let prefix = architecture.rawValue + "."
        try Self.refuseUnsupported(reader, prefix)
        let hiddenSize = try reader.integer(prefix + "embedding_length")
        let heads = try reader.integer(prefix + "attention.head_count")
        guard heads > 0 else {
            throw .invalidValue(
                file: gguf.path, key: prefix + "attention.head_count", got: "\(heads)", allowed: "1 to 4096")
        }
        let keyLength = try reader.optionalInteger(prefix + "attention.key_length")
        guard keyLength != nil || hiddenSize % heads == 0 else {
            throw .invalidValue(
                file: gguf.path, key: prefix + "embedding_length", got: "\(hiddenSize)",
                allowed: "a multiple of the \(heads) heads")
        }
        let headDimension = keyLength ?? hiddenSize / heads
        if let valueLength = try reader.optionalInteger(prefix + "attention.value_length"),
            valueLength != headDimension
        {
            throw .unsupported(
                file: gguf.path, what: "a value size of \(valueLength) beside a key size of \(headDimension)",
                supported: "equal sizes")
        }
        guard let embedding = gguf.tensor(named: "token_embd.weight") else {
            if let type = gguf.unsupportedTensors["token_embd.weight"] {
                throw .unsupported(
                    file: gguf.path, what: "tensor type \(type)", supported: Self.supportedTypes)
            }
            throw .missingTensors(file: gguf.path, names: ["token_embd.weight"], count: 1)
        }
        let rows = embedding.shape.first ?? 0
        let vocabularyKey = prefix + "vocab_size"
        if let stated = try reader.optionalInteger(vocabularyKey), stated != rows {
            throw .invalidValue(
                file: gguf.path, key: vocabularyKey, got: "\(stated)",
                allowed: "\(rows), the rows of token_embd.weight")
        }
        let context = try reader.integer(prefix + "context_length")
        let window = try reader.optionalInteger(prefix + "attention.sliding_window") ?? 0
        self.init(
            architecture: architecture,
            layers: try reader.integer(prefix + "block_count"),
            hiddenSize: hiddenSize,
            feedForwardSize: try reader.integer(prefix + "feed_forward_length"),
            heads: heads,
            keyValueHeads: try reader.optionalInteger(prefix + "attention.head_count_kv") ?? heads,
            headDimension: headDimension,
            vocabularySize: rows,
            // A window that holds the whole context has no effect.
            contextLength: window > 0 ? min(window, context) : context,
            normEpsilon: try reader.float(prefix + "attention.layer_norm_rms_epsilon"),
            rotaryBase: try reader.optionalFloat(prefix + "rope.freq_base") ?? 10_000,
            rotaryDimension: try reader.optionalInteger(prefix + "rope.dimension_count") ?? headDimension,
            rotaryPairing: architecture == .qwen2 ? .halves : .neighbours,
            rotaryScaling: try Self.rotaryScaling(reader, prefix),
            tiedEmbeddings: gguf.tensor(named: "output.weight") == nil
                && gguf.unsupportedTensors["output.weight"] == nil)
        try validate(
            file: gguf.path,
            keys: KeyNames(
                layers: prefix + "block_count", hiddenSize: prefix + "embedding_length",
                feedForwardSize: prefix + "feed_forward_length", heads: prefix + "attention.head_count",
                keyValueHeads: prefix + "attention.head_count_kv", headDimension: "the head size",
                vocabularySize: vocabularyKey, contextLength: prefix + "context_length",
                normEpsilon: prefix + "attention.layer_norm_rms_epsilon",
                rotaryBase: prefix + "rope.freq_base",
                rotaryDimension: prefix + "rope.dimension_count"))
        if case .divisors(let divisors) = rotaryScaling, divisors.count != rotaryDimension / 2 {
            throw .invalidValue(
                file: gguf.path, key: "rope_freqs.weight", got: "\(divisors.count) divisors",
                allowed: "\(rotaryDimension / 2), half the rotary dimension")
        }
    }

    /// What changes the result in a way that is not implemented.
    private static func refuseUnsupported(_ reader: GGUFKeys, _ prefix: String) throws(ModelError) {
        if let experts = try reader.optionalInteger(prefix + "expert_count"), experts > 0 {
            throw .unsupported(
                file: reader.gguf.path, what: "a mixture of \(experts) experts", supported: "dense models")
        }
        if try reader.bool(prefix + "attention.causal") == false {
            throw .unsupported(
                file: reader.gguf.path, what: "attention that is not causal",
                supported: "causal language models")
        }
    }

    static let supportedTypes = WeightType.allCases.map(\.name).joined(separator: ", ")

    private static func rotaryScaling(_ reader: GGUFKeys, _ prefix: String) throws(ModelError)
        -> RotaryScaling
    {
        if let tensor = reader.gguf.tensor(named: "rope_freqs.weight") {
            guard tensor.type == .f32, tensor.shape.count == 1 else {
                throw .invalidValue(
                    file: reader.gguf.path, key: "rope_freqs.weight",
                    got: "\(tensor.type.name) of \(tensor.shape)",
                    allowed: "a vector of f32")
            }
            let divisors = (0..<tensor.shape[0]).map { index in
                tensor.file.bytes.loadUnaligned(fromByteOffset: tensor.offset + 4 * index, as: Float.self)
            }
            guard divisors.allSatisfy({ $0.isFinite && $0 > 0 }) else {
                throw .invalidValue(
                    file: reader.gguf.path, key: "rope_freqs.weight", got: "a divisor that is not",
                    allowed: "finite numbers above 0")
            }
            return .divisors(divisors)
        }
        let factorKey = prefix + "rope.scaling.factor"
        let type = try reader.string(prefix + "rope.scaling.type")
        switch type {
        case nil:
            // The key of files from before the scaling had a type.
            guard let factor = try reader.optionalFloat(prefix + "rope.scale_linear"), factor != 0 else {
                return .none
            }
            guard factor.isFinite, factor > 0 else {
                throw .invalidValue(
                    file: reader.gguf.path, key: prefix + "rope.scale_linear", got: "\(factor)",
                    allowed: "a finite number above 0")
            }
            return .linear(factor: factor)
        case "none":
            return .none
        case "linear":
            let factor = try reader.float(factorKey)
            guard factor.isFinite, factor > 0 else {
                throw .invalidValue(
                    file: reader.gguf.path, key: factorKey, got: "\(factor)",
                    allowed: "a finite number above 0")
            }
            return .linear(factor: factor)
        case let other?:
            // Stretched by nothing, the frequencies are the plain ones.
            if other == "yarn", try reader.optionalFloat(factorKey) == 1 { return .none }
            throw .unsupported(
                file: reader.gguf.path, what: "rope scaling \"\(other)\"",
                supported: "none, linear, and the divisors of rope_freqs.weight")
        }
    }
}

/// Metadata with errors of this module, and with required keys.
private struct GGUFKeys {
    let gguf: GGUFFile

    func string(_ key: String) throws(ModelError) -> String? {
        do { return try gguf.metadata.string(key) } catch { throw .format(error) }
    }

    func bool(_ key: String) throws(ModelError) -> Bool? {
        do { return try gguf.metadata.bool(key) } catch { throw .format(error) }
    }

    func optionalInteger(_ key: String) throws(ModelError) -> Int? {
        do { return try gguf.metadata.integer(key) } catch { throw .format(error) }
    }

    func optionalFloat(_ key: String) throws(ModelError) -> Float? {
        do { return try gguf.metadata.float(key).map { Float($0) } } catch { throw .format(error) }
    }

    func integer(_ key: String) throws(ModelError) -> Int {
        guard let value = try optionalInteger(key) else { throw .missingKey(file: gguf.path, key: key) }
        return value
    }

    func float(_ key: String) throws(ModelError) -> Float {
        guard let value = try optionalFloat(key) else { throw .missingKey(file: gguf.path, key: key) }
        return value
    }
}
