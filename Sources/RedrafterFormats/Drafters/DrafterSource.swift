import RedrafterCore

/// The file or the files a drafter lies in, opened and checked as files.
enum DrafterSource {
    case gguf(GGUFFile)
    /// Safetensors, and the `config.json` beside them where there is one.
    case safetensors(SafetensorsModel, configuration: JSONValue?)

    static let configurationName = "config.json"

    /// Opens a GGUF file, a safetensors file, an index or a directory that holds one of them.
    /// - Throws: `FormatError`; for PyTorch's own files it says how to save safetensors.
    init(path: String) throws(FormatError) {
        let file: String
        switch try FileKind(path) {
        case .directory: file = try Self.file(in: path)
        case .other: file = path
        }
        if file.hasSuffix(".json") {
            self = try Self.safetensors(SafetensorsModel(path: file))
            return
        }
        let mapping = try MappedFile(path: file)
        let look = FileSignature.describeAnyhow(mapping.bytes)
        if FileSignature.isSafetensors(mapping.bytes)
            || (file.hasSuffix(".safetensors") && look != "a GGUF file")
        {
            self = try Self.safetensors(SafetensorsModel(path: file))
        } else if Self.isPyTorch(file), look != "a GGUF file" {
            throw Self.pyTorch(file)
        } else {
            self = .gguf(try GGUFFile(file: mapping))
        }
    }

    private static func safetensors(_ model: SafetensorsModel) throws(FormatError) -> DrafterSource {
        let path = FilePath.join(model.directory, configurationName)
        // A broken configuration of something else is no concern of ours.
        guard SafetensorsDrafter.layout(of: model, nil) != nil, FileKind.exists(path) else {
            return .safetensors(model, configuration: nil)
        }
        return .safetensors(model, configuration: try JSONValue(path: path))
    }

    /// The file of a directory that holds the weights.
    private static func file(in directory: String) throws(FormatError) -> String {
        let names = try FilePath.names(in: directory)
        for name in [SafetensorsModel.singleName, SafetensorsModel.indexName] where names.contains(name) {
            return FilePath.join(directory, name)
        }
        let candidates = names.filter { $0.hasSuffix(".safetensors") || $0.hasSuffix(".gguf") }
        if candidates.count == 1 { return FilePath.join(directory, candidates[0]) }
        guard candidates.isEmpty else {
            let shown = candidates.prefix(3).map { TerminalText.escaped($0, limit: 64) }
            throw .missing(
                file: directory,
                reason: "the directory holds several files of weights, name one of them: "
                    + shown.joined(separator: ", "))
        }
        if let name = names.first(where: isPyTorch) { throw pyTorch(FilePath.join(directory, name)) }
        throw .missing(
            file: directory,
            reason:
                "the directory holds no weights (\(SafetensorsModel.singleName), another .safetensors or a .gguf)"
        )
    }

    private static func isPyTorch(_ name: String) -> Bool {
        [".pt", ".pth", ".bin", ".ckpt"].contains { name.hasSuffix($0) }
    }

    private static func pyTorch(_ path: String) -> FormatError {
        .unsupported(
            file: path, what: "a PyTorch checkpoint, which is a program,",
            supported:
                "safetensors and GGUF. Save it as safetensors where it comes from: python3 -c \"import sys, torch, "
                + "safetensors.torch as s; s.save_file({k: v.contiguous().clone() for k, v in torch.load(sys.argv[1], "
                + "map_location='cpu', weights_only=True).items()}, 'model.safetensors')\" FILE")
    }
}
