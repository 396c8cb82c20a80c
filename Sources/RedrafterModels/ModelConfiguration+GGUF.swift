import RedrafterCore
import RedrafterFormats

extension ModelConfiguration {
    /// Reads and validates the hyper-parameters of a GGUF file.
    public init(_ gguf: GGUFFile) throws(ModelError) {
        let reader = GGUFKeys(gguf: gguf)
        guard let name = try reader.string("general.architecture") else {
            throw .missingKey(file: gguf.path, key: "general.architecture")
        }
        guard let architecture = Architecture(rawValue: name) else {
            throw Self.unknown(
                "architecture", name, file: gguf.path,
                supported: Architecture.allCases.map(\.rawValue).joined(separator: ", "))
        }
        let traits = architecture.traits
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
            guard !gguf.allTensors.isEmpty else {
                throw .unsupported(
                    file: gguf.path, what: "a file that holds a vocabulary and no weights",
                    supported: "whole models; tokenize, detokenize and template need no weights")
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
        self.init(
            architecture: architecture,
            layers: try reader.integer(prefix + "block_count"),
            hiddenSize: hiddenSize,
            feedForwardSize: try reader.integer(prefix + "feed_forward_length"),
            heads: heads,
            keyValueHeads: try reader.optionalInteger(prefix + "attention.head_count_kv") ?? heads,
            headDimension: headDimension,
            vocabularySize: rows,
            contextLength: context,
            normEpsilon: try reader.float(prefix + "attention.layer_norm_rms_epsilon"),
            rotaryBase: try reader.optionalFloat(prefix + "rope.freq_base") ?? 10_000,
            rotaryDimension: try reader.optionalInteger(prefix + "rope.dimension_count") ?? headDimension,
            rotaryPairing: traits.pairingInGGUF,
            rotaryScaling: .none,
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
        rotaryScaling = try rotaryScaling(reader, prefix)
        rotaryFactor = try reader.optionalPositive(prefix + "rope.scaling.attn_factor") ?? 1
        try readBlock(reader, prefix, traits)
        try readLayerKinds(reader, prefix, traits)
    }

    /// Parts of the layers and scales: by keys, and biases by whether they are there.
    private mutating func readBlock(
        _ reader: GGUFKeys, _ prefix: String, _ traits: ArchitectureTraits
    ) throws(ModelError) {
        func has(_ role: LayerWeightRole) -> Bool {
            reader.gguf.tensor(named: WeightRole.layer(0, role).ggufName) != nil
        }
        if traits.keys.contains(.attentionBias) {
            block.hasQueryKeyValueBias = has(.queryBias)
            block.hasOutputBias = has(.attentionOutputBias)
        }
        if traits.scalesEmbeddings { embeddingScale = Float(hiddenSize).squareRoot() }
        logitSoftcap = traits.logitSoftcap
        if traits.keys.contains(.queryScalar) {
            let scalar = layers == traits.layersScaledByHidden ? hiddenSize / heads : headDimension
            block.attentionScale =
                try reader.optionalPositive(prefix + "attention.scale") ?? 1 / Float(scalar).squareRoot()
        }
        if traits.keys.contains(.attentionSoftcap) {
            block.attentionSoftcap = try reader.softcap(
                prefix + "attn_logit_softcapping", default: block.attentionSoftcap)
        }
        if traits.keys.contains(.logitSoftcap) {
            logitSoftcap = try reader.softcap(prefix + "final_logit_softcapping", default: logitSoftcap)
        }
        if traits.keys.contains(.multipliers) {
            embeddingScale = try reader.optionalPositive(prefix + "embedding_scale") ?? 1
            block.residualScale = try reader.optionalPositive(prefix + "residual_scale") ?? 1
            block.attentionScale = try reader.optionalPositive(prefix + "attention.scale")
            logitScale = 1 / (try reader.optionalPositive(prefix + "logit_scale") ?? 1)
            // In this family the key says whether there are positions at all.
            if try reader.bool(prefix + "rope.scaling.finetuned") == false {
                layerKinds = layerKinds.map { LayerKind(positions: .none, window: $0.window) }
            }
        }
    }

    /// Windows and positions of each layer.
    private mutating func readLayerKinds(
        _ reader: GGUFKeys, _ prefix: String, _ traits: ArchitectureTraits
    ) throws(ModelError) {
        let (windowKey, patternKey) = (
            prefix + "attention.sliding_window", prefix + "attention.sliding_window_pattern"
        )
        let window = try reader.optionalInteger(windowKey) ?? traits.defaultWindow ?? 0
        guard (0...1 << 30).contains(window) else {
            throw .invalidValue(
                file: reader.gguf.path, key: windowKey, got: "\(window)",
                allowed: "a number of keys, or 0 for all")
        }
        let positionless = try reader.flags(Self.positionlessKey, count: layers)
        guard window == 0 || traits.windows != .none else {
            let others = Architecture.allCases.filter { $0.traits.windows != .none }
            throw .unsupported(
                file: reader.gguf.path, what: "a window of \(window) tokens in \(architecture.rawValue)",
                supported: "windows in " + others.map(\.rawValue).joined(separator: ", "))
        }
        let isWindowed: [Bool]
        if window == 0 {
            isWindowed = [Bool](repeating: false, count: layers)
        } else if let listed = try reader.flags(patternKey, count: layers) {
            isWindowed = listed
        } else {
            // The last layer of each so many sees everything; 0: none does.
            var interval = 0
            if case .allBut(let every) = traits.windows { interval = every }
            interval = try reader.optionalInteger(patternKey) ?? interval
            isWindowed = (0..<layers).map { interval <= 0 || ($0 + 1) % interval != 0 }
        }
        if let base = traits.localRotaryBase, isWindowed.contains(true) {
            localRotaryBase = try reader.optionalFloat(prefix + "rope.freq_base_swa") ?? base
            try requireBase(localRotaryBase ?? base, prefix + "rope.freq_base_swa", file: reader.gguf.path)
        }
        for layer in layerKinds.indices {
            layerKinds[layer].window = isWindowed[layer] ? window : nil
            if isWindowed[layer], localRotaryBase != nil { layerKinds[layer].positions = .localRotary }
            if positionless?[layer] ?? traits.isPositionless(layer) { layerKinds[layer].positions = .none }
        }
    }

    /// Which layers see no positions, a flag for each, where they are others than the family's; llama.cpp has no key for it.
    static let positionlessKey = "redrafter.positionless_layers"

    /// Whether other layers than the family's see no positions.
    var hasOwnPositionlessLayers: Bool {
        let traits = architecture.traits
        return layerKinds.indices.contains {
            (layerKinds[$0].positions == .none) != traits.isPositionless($0)
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
}
