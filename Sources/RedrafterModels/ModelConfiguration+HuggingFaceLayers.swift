import RedrafterFormats

extension ModelConfiguration {
    /// Windows and positions of each layer. Sizes were validated before.
    mutating func readLayerKinds(
        _ config: ConfigKeys, _ traits: ArchitectureTraits, _ modelType: String
    ) throws(ModelError) {
        let isPositionless = try positionless(config, traits)
        let isWindowed = try windowed(config, traits, modelType, positionless: isPositionless)
        guard isWindowed.contains(true) || isPositionless.contains(true) else { return }
        let window = isWindowed.contains(true) ? try slidingWindow(config, traits) : nil
        guard window != nil || localRotaryBase == nil || !isWindowed.contains(true) else {
            throw .invalidValue(
                file: config.file, key: "sliding_window", got: "null",
                allowed: "a window, for the layers with frequencies of their own")
        }
        for layer in layerKinds.indices {
            layerKinds[layer].window = isWindowed[layer] ? window : nil
            if isWindowed[layer], localRotaryBase != nil { layerKinds[layer].positions = .localRotary }
            if isPositionless[layer] { layerKinds[layer].positions = .none }
        }
    }

    private func slidingWindow(_ config: ConfigKeys, _ traits: ArchitectureTraits) throws(ModelError) -> Int?
    {
        let key = "sliding_window"
        let fallback = config.mentions(key) ? nil : traits.windowOfConfiguration
        guard let window = try config.optionalInteger(key) ?? fallback else { return nil }
        guard (1...1 << 30).contains(window) else {
            throw .invalidValue(
                file: config.file, key: key, got: "\(window)", allowed: "1 to \(1 << 30), or null")
        }
        return window
    }

    /// Layers that have a window, if the file names one.
    private func windowed(
        _ config: ConfigKeys, _ traits: ArchitectureTraits, _ modelType: String, positionless: [Bool]
    ) throws(ModelError) -> [Bool] {
        let none = [Bool](repeating: false, count: layers)
        let (full, sliding) = ("full_attention", "sliding_attention")
        let kinds = try config.strings("layer_types")
        if let other = kinds?.first(where: { $0 != full && $0 != sliding }) {
            throw .unsupported(
                file: config.file, what: "layer_types \"\(other)\"", supported: "\(full), \(sliding)")
        }
        let listed = kinds?.map { $0 == sliding }
        func checked(_ listed: [Bool]) throws(ModelError) -> [Bool] {
            guard listed.count >= layers else {
                throw .invalidValue(
                    file: config.file, key: "layer_types", got: "\(listed.count) layers", allowed: "\(layers)"
                )
            }
            return Array(listed.prefix(layers))
        }
        let isWindowless = traits.windows == .none || traits.windowlessModelTypes.contains(modelType)
        if isWindowless {
            guard listed?.contains(true) != true else {
                throw .unsupported(
                    file: config.file, what: "\(sliding) in layer_types of model_type \"\(modelType)\"",
                    supported: full)
            }
            return none
        }
        switch traits.windows {
        case .none: return none
        case .all: return none.map { _ in true }
        case .listedOrAll: return try listed.map(checked) ?? none.map { _ in true }
        case .listed:
            guard try config.bool("use_sliding_window") == true else { return none }
            if let listed { return try checked(listed) }
            if traits.positionlessInterval != nil { return positionless }
            let first = try config.optionalInteger("max_window_layers") ?? 28
            return none.indices.map { $0 >= first }
        case .allBut(let interval):
            if let listed { return try checked(listed) }
            let stated = try config.optionalInteger("sliding_window_pattern") ?? interval
            guard stated > 0 else {
                throw .invalidValue(
                    file: config.file, key: "sliding_window_pattern", got: "\(stated)",
                    allowed: "a number above 0")
            }
            return none.indices.map { ($0 + 1) % stated != 0 }
        }
    }

    /// Layers that see no positions.
    private func positionless(_ config: ConfigKeys, _ traits: ArchitectureTraits) throws(ModelError) -> [Bool]
    {
        guard let interval = traits.positionlessInterval else {
            return [Bool](repeating: false, count: layers)
        }
        let key = "no_rope_layers"
        guard config.value(key) == nil else {
            // 1 for a layer that has rotary embedding.
            let flags = try config.integers(key)
            guard flags.count >= layers, flags.allSatisfy({ $0 == 0 || $0 == 1 }) else {
                throw .invalidValue(
                    file: config.file, key: key, got: "\(flags.prefix(8))",
                    allowed: "a 0 or 1 for each of the \(layers) layers")
            }
            return flags.prefix(layers).map { $0 == 0 }
        }
        let stated = try config.optionalInteger("no_rope_layer_interval") ?? interval
        guard stated > 0 else {
            throw .invalidValue(
                file: config.file, key: "no_rope_layer_interval", got: "\(stated)",
                allowed: "a number above 0")
        }
        return (0..<layers).map { ($0 + 1) % stated == 0 }
    }
}
