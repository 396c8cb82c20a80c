import RedrafterCore

extension ModelConfiguration {
    /// Model families, by the names that GGUF files give them. `traits` says what they are made of.
    public enum Architecture: String, Sendable, CaseIterable {
        case llama, qwen2, qwen3, gemma2, gemma3, phi3, smollm3, granite, olmo2
    }
}

/// What a family of models is made of, as far as its files leave it unsaid. Everything else is read from the file, so a new family
/// is a case of `Architecture` and an entry here, and keys of its own in the two readers where it has any.
struct ArchitectureTraits {
    /// `model_type` in `config.json`.
    var modelTypes: [String]
    var block = LayerBlock()
    /// The order of rotary pairs in GGUF files; in Hugging Face checkpoints it is always halves.
    var pairingInGGUF = RotaryPairing.halves
    /// Which layers have the window that the file names.
    var windows = Windows.none
    /// Of `modelTypes`, those that have no windows whatever their files say.
    var windowlessModelTypes: Set<String> = []
    /// The window where a GGUF file names none.
    var defaultWindow: Int?
    /// The window where `config.json` names none.
    var windowOfConfiguration: Int?
    /// Every layer of this number, counted from 1, sees no positions.
    var positionlessInterval: Int?
    /// Base of the rotary frequencies where `config.json` names none.
    var rotaryBase: Float = 10_000
    /// Base of the rotary frequencies of layers with a window; nil: as in all layers.
    var localRotaryBase: Float?
    /// The size of a head where the file names none; nil: hidden size ÷ heads.
    var headDimension: Int?
    /// The number of layers of the one size whose scores are scaled by √(hidden ÷ heads), not √d, without a key that says so in
    /// GGUF files.
    var layersScaledByHidden: Int?
    /// Embeddings are scaled by √hidden.
    var scalesEmbeddings = false
    /// The cap of the logits where the file names none.
    var logitSoftcap: Float?
    /// Keys of `config.json` that the family takes beside the common ones.
    var keys: Set<ConfigurationKey> = []
    /// Hugging Face checkpoints hold the weights of norms less 1.
    var storesNormsLessOne = false
    /// Queries, keys and values are one matrix, gate and up another.
    var fusesMatrices = false

    /// Which layers look back over a window only.
    enum Windows: Equatable {
        case none
        /// Those that `layer_types` names, or from `max_window_layers` on where `use_sliding_window` is set.
        case listed
        case all
        /// Those that `layer_types` names, or all where there is no such list: Mistral, and Ministral by its name.
        case listedOrAll
        /// All but every layer of this number, counted from 1.
        case allBut(every: Int)
    }

    /// Whether the layer, counted from 0, sees no positions unless the file says otherwise.
    func isPositionless(_ layer: Int) -> Bool { positionlessInterval.map { (layer + 1) % $0 == 0 } ?? false }

    /// Optional parts of `config.json`.
    enum ConfigurationKey {
        case attentionBias, queryScalar, attentionSoftcap, logitSoftcap, multipliers, partialRotation
    }
}

extension ModelConfiguration.Architecture {
    var traits: ArchitectureTraits {
        switch self {
        case .llama:
            ArchitectureTraits(
                modelTypes: ["llama", "mistral"], pairingInGGUF: .neighbours, windows: .listedOrAll,
                windowlessModelTypes: ["llama"], windowOfConfiguration: 4096, keys: [.attentionBias])
        case .qwen2:
            ArchitectureTraits(
                modelTypes: ["qwen2"], block: .qwen2, windows: .listed, windowOfConfiguration: 4096)
        case .qwen3:
            ArchitectureTraits(
                modelTypes: ["qwen3"], block: LayerBlock(queryKeyNorms: .heads), windows: .listed,
                windowOfConfiguration: 4096, headDimension: 128, keys: [.attentionBias])
        case .gemma2:
            ArchitectureTraits(
                modelTypes: ["gemma2"], block: .gemma2, windows: .allBut(every: 2), defaultWindow: 4096,
                windowOfConfiguration: 4096, headDimension: 256, layersScaledByHidden: 46,
                scalesEmbeddings: true,
                logitSoftcap: 30, keys: [.attentionBias, .queryScalar, .attentionSoftcap, .logitSoftcap],
                storesNormsLessOne: true)
        case .gemma3:
            ArchitectureTraits(
                modelTypes: ["gemma3_text"],
                block: LayerBlock(norms: .both, queryKeyNorms: .heads, activation: .geluTanh),
                windows: .allBut(every: 6), defaultWindow: 4096, windowOfConfiguration: 4096,
                rotaryBase: 1_000_000, localRotaryBase: 10_000, headDimension: 256, layersScaledByHidden: 62,
                scalesEmbeddings: true, keys: [.attentionBias, .queryScalar, .logitSoftcap],
                storesNormsLessOne: true)
        case .phi3:
            ArchitectureTraits(
                modelTypes: ["phi3"], windows: .all, keys: [.partialRotation], fusesMatrices: true)
        case .smollm3:
            ArchitectureTraits(
                modelTypes: ["smollm3"], pairingInGGUF: .neighbours, windows: .listed,
                positionlessInterval: 4, rotaryBase: 2_000_000, keys: [.attentionBias])
        case .granite:
            ArchitectureTraits(
                modelTypes: ["granite"], pairingInGGUF: .neighbours, keys: [.attentionBias, .multipliers])
        case .olmo2:
            ArchitectureTraits(
                modelTypes: ["olmo2"], block: LayerBlock(norms: .after, queryKeyNorms: .rows),
                keys: [.attentionBias])
        }
    }

    /// The family of a `model_type`; nil where none has it.
    init?(modelType: String) {
        guard let match = Self.allCases.first(where: { $0.traits.modelTypes.contains(modelType) }) else {
            return nil
        }
        self = match
    }
}

extension LayerBlock {
    fileprivate static var qwen2: LayerBlock {
        var block = LayerBlock()
        block.hasQueryKeyValueBias = true
        return block
    }

    /// The cap of scores is in the file, or this.
    fileprivate static var gemma2: LayerBlock {
        var block = LayerBlock(norms: .both, activation: .geluTanh)
        block.attentionSoftcap = 50
        return block
    }
}
