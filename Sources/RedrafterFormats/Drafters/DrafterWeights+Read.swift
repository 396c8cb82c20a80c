import RedrafterCore

extension DrafterWeights {
    /// Reads a drafter in any of the layouts (see `DrafterLayout`), which is seen from its tensors.
    /// - Parameter path: a GGUF file, a safetensors file or index, or a directory with one of them. A `config.json` beside
    ///   safetensors is checked against the tensors.
    /// - Throws: `FormatError` naming file, tensor or field, what was found and what was expected.
    public init(path: String) throws(FormatError) {
        try self.init(try DrafterSource(path: path), path: path)
    }

    /// Reads a drafter from the bytes of a GGUF or safetensors file.
    /// - Parameters:
    ///   - file: its path is named in errors.
    ///   - configuration: the text of the `config.json` that belongs to safetensors.
    /// - Throws: as `init(path:)`.
    public init(file: MappedFile, configuration: JSONValue? = nil) throws(FormatError) {
        if FileSignature.isSafetensors(file.bytes) {
            let source = SafetensorsModel(try SafetensorsFile(file: file))
            try self.init(.safetensors(source, configuration: configuration), path: file.path)
        } else {
            try self.init(.gguf(try GGUFFile(file: file)), path: file.path)
        }
    }

    init(_ source: DrafterSource, path: String) throws(FormatError) {
        switch source {
        case .gguf(let gguf): try self.init(gguf, path: path)
        case .safetensors(let model, let configuration):
            self = try SafetensorsDrafter(model, configuration).weights(path: path)
        }
    }

}

extension DrafterLayout {
    /// The layout of the drafter at `path`; nil where the files are in order and hold something else.
    /// - Throws: `FormatError` for files that are damaged or in no format that is read.
    public static func detect(path: String) throws(FormatError) -> DrafterLayout? {
        try DrafterSource(path: path).layout
    }
}

extension DrafterSource {
    /// The layout of the drafter; nil where it is none.
    var layout: DrafterLayout? {
        switch self {
        case .gguf(let gguf): DrafterKind(architecture: gguf.architecture) == nil ? nil : .gguf
        case .safetensors(let model, let configuration): SafetensorsDrafter.layout(of: model, configuration)
        }
    }
}

extension DrafterKind {
    /// The value of `general.architecture` in GGUF files.
    var architecture: String { "redrafter-\(rawValue)" }

    init?(architecture: String?) {
        guard let kind = Self.allCases.first(where: { $0.architecture == architecture }) else { return nil }
        self = kind
    }
}
