import RedrafterCore

extension DrafterWeights {
    /// Reads a drafter in any layout of some kinds; which of them is seen from its tensors.
    /// - Parameters:
    ///   - path: a GGUF file, a safetensors file or index, or a directory with one of them. A `config.json` beside safetensors is
    ///     checked against the tensors.
    ///   - kinds: those that are known, as `Registry.kinds` lists them.
    /// - Throws: `FormatError` naming file, tensor or field, what was found and what was expected.
    public init(path: String, kinds: [DrafterKind]) throws(FormatError) {
        try self.init(try DrafterSource(path: path, kinds: kinds), path: path)
    }

    /// Reads a drafter from the bytes of a GGUF or safetensors file.
    /// - Parameters:
    ///   - file: its path is named in errors.
    ///   - configuration: the text of the `config.json` that belongs to safetensors.
    ///   - kinds: those that are known.
    /// - Throws: as `init(path:kinds:)`.
    public init(
        file: MappedFile, configuration: JSONValue? = nil, kinds: [DrafterKind]
    ) throws(FormatError) {
        let source: DrafterSource
        if FileSignature.isSafetensors(file.bytes) {
            source = DrafterSource(
                .safetensors(SafetensorsModel(try SafetensorsFile(file: file)), configuration: configuration),
                kinds: kinds)
        } else {
            source = DrafterSource(.gguf(try GGUFFile(file: file)), kinds: kinds)
        }
        try self.init(source, path: file.path)
    }

    init(_ source: DrafterSource, path: String) throws(FormatError) {
        switch source.files {
        case .gguf(let gguf): try self.init(gguf, path: path, kinds: source.kinds)
        case .safetensors(let model, let json):
            guard let format = source.recognized?.layout.safetensors else {
                throw source.unrecognized(model)
            }
            let settings = try DrafterSettings(
                json, path: FilePath.join(model.directory, DrafterSource.configurationName),
                kinds: source.kinds)
            self = try format.read(try DrafterParts(model, format, settings, path: path))
        }
    }
}

extension DrafterLayout {
    /// The layout of the drafter at `path`; nil where the files are in order and hold something else.
    /// - Parameters:
    ///   - path: as for `DrafterWeights(path:kinds:)`.
    ///   - kinds: those that are known.
    /// - Throws: `FormatError` for files that are damaged or in no format that is read.
    public static func detect(path: String, kinds: [DrafterKind]) throws(FormatError) -> DrafterLayout? {
        try DrafterSource(path: path, kinds: kinds).layout
    }
}
