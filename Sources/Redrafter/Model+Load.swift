import RedrafterCore
import RedrafterFormats
import RedrafterModels

extension Model {
    /// Loads a GGUF file or a directory of safetensors files.
    ///
    /// Everything that can be seen to be wrong is said before weights are copied: parameters, files, tokenizer, weight
    /// types, memory.
    /// - Parameters:
    ///   - path: a file or a folder.
    ///   - options: context, backend and plug-ins.
    ///   - progress: called after each weight with the part that is done, 0 to 1.
    /// - Throws: `RedrafterError`; `.transformer(.backend(.outOfMemory))` when the plan exceeds the memory available.
    public static func load(
        path: String, options: ModelOptions = ModelOptions(), progress: (Double) -> Void = { _ in }
    ) throws(RedrafterError) -> Model {
        let start = ContinuousClock.now
        try wrapping(RedrafterError.parameter, try options.validate())
        let backend = try wrapping(
            RedrafterError.backend,
            try options.registry.makeBackend(named: options.backend, options: options.backendOptions))
        let files = try ModelFiles.open(path: path)
        let contextLength =
            options.contextLength.map { $0 == 0 ? files.configuration.contextLength : $0 }
            ?? min(files.configuration.contextLength, options.contextLengthLimit)
        if contextLength > files.configuration.contextLength, files.configuration.rotaryScaling == .dynamic {
            throw .model(
                .unsupported(
                    file: path, what: "a context of \(contextLength) tokens with dynamic rope scaling",
                    supported: "at most \(files.configuration.contextLength) tokens, for which it was trained"
                ))
        }
        var warnings = files.warnings
        if contextLength > files.configuration.contextLength {
            warnings.append(
                "the context of \(contextLength) tokens is longer than the \(files.configuration.contextLength) "
                    + "the model was trained for; its answers may degrade beyond")
        }
        let transformer: Transformer
        do {
            try MemoryPlan(
                files.configuration, from: files.weights, contextLength: contextLength,
                prefillChunk: options.prefillChunk, on: backend
            ).requireAvailable(on: backend)
            let weights = try TransformerWeights.load(
                files.configuration, from: files.weights, on: backend, progress: progress,
                onNonFinite: { name, count in
                    warnings.append(
                        "tensor \"\(TerminalText.escaped(name))\" holds NaN or infinity in \(count) places; the file is "
                            + "damaged, and answers end where a logit is not a number")
                })
            transformer = try Transformer(
                files.configuration, weights: weights, contextLength: contextLength, on: backend)
        } catch {
            throw .transformer(error)
        }
        let tokenizer = Tokenizer(files.tokenizer)
        files.release()
        return Model(
            path: path, tokenizer: tokenizer, transformer: transformer, prefillChunk: options.prefillChunk,
            loadDuration: start.duration(to: .now), warnings: warnings, registry: options.registry,
            chatTemplate: options.chatTemplate)
    }

    /// What a drafter for the model at `path` is made for. Reads what the files say of the model, not its weights.
    /// - Throws: as `load`.
    public static func draftTarget(
        path: String, options: ModelOptions = ModelOptions()
    ) throws(RedrafterError) -> DraftTarget {
        try draftTarget(try ModelFiles.open(path: path), options: options)
    }

    static func draftTarget(_ files: ModelFiles, options: ModelOptions) throws(RedrafterError) -> DraftTarget
    {
        let tokenizer = Tokenizer(files.tokenizer)
        let backend = try wrapping(
            RedrafterError.backend,
            try options.registry.makeBackend(named: options.backend, options: options.backendOptions))
        return DraftTarget(
            fingerprint: ModelFingerprint(files.configuration, tokenizer),
            tokenCount: min(tokenizer.tokenCount, files.configuration.vocabularySize),
            contextLength: files.configuration.contextLength, backend: backend)
    }
}

/// What the files of a model hold, whatever their format.
struct ModelFiles {
    let configuration: ModelConfiguration
    let tokenizer: TokenizerDefinition
    let weights: WeightSource
    let warnings: [String]
    /// Gives all mapped pages back.
    let release: () -> Void

    static func open(path: String) throws(RedrafterError) -> ModelFiles {
        switch try wrapping(RedrafterError.format, try ModelSource(path: path)) {
        case .gguf(let gguf): try open(gguf)
        case .huggingFace(let model): try open(model)
        }
    }

    private static func open(_ gguf: GGUFFile) throws(RedrafterError) -> ModelFiles {
        let configuration = try wrapping(RedrafterError.model, try ModelConfiguration(gguf))
        let tensors = try wrapping(RedrafterError.model, try ModelTensors(configuration, in: gguf))
        let tokenizer = try wrapping(
            RedrafterError.tokenizer,
            try TokenizerDefinition(gguf, vocabularySize: configuration.vocabularySize))
        return ModelFiles(
            configuration: configuration, tokenizer: tokenizer, weights: tensors.source,
            warnings: gguf.warnings + tokenizer.warnings,
            release: { for part in gguf.parts { part.release(offset: 0, count: part.bytes.count) } })
    }

    private static func open(_ model: SafetensorsModel) throws(RedrafterError) -> ModelFiles {
        let path = model.directory + "/config.json"
        let configuration: ModelConfiguration
        let tensors: ModelTensors
        do {
            let json = try wrapping(ModelError.format, try JSONValue(path: path))
            configuration = try ModelConfiguration(huggingFace: json, path: path, tensors: model)
            tensors = try ModelTensors(configuration, inHuggingFace: model, configurationPath: path)
        } catch {
            throw .model(error)
        }
        let tokenizer = try wrapping(
            RedrafterError.tokenizer,
            try TokenizerDefinition(directory: model.directory, vocabularySize: configuration.vocabularySize))
        return ModelFiles(
            configuration: configuration, tokenizer: tokenizer, weights: tensors.source,
            warnings: model.warnings + tokenizer.warnings, release: {})
    }
}
