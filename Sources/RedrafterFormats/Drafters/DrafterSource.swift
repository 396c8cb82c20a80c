import RedrafterCore

/// The file or the files a drafter lies in, opened and checked as files.
struct DrafterSource {
    enum Files {
        case gguf(GGUFFile)
        /// Safetensors, and the `config.json` beside them where there is one.
        case safetensors(SafetensorsModel, configuration: JSONValue?)
    }

    let files: Files
    /// The kinds of drafters that are known.
    let kinds: [DrafterKind]

    static let configurationName = "config.json"

    /// Opens a GGUF file, a safetensors file, an index or a directory that holds one of them.
    /// - Throws: `FormatError`; for PyTorch's own files it says how to save safetensors.
    init(path: String, kinds: [DrafterKind]) throws(FormatError) {
        self.init(try Self.open(path, kinds), kinds: kinds)
    }

    init(_ files: Files, kinds: [DrafterKind]) {
        self.files = files
        self.kinds = kinds
    }

    private static func open(_ path: String, _ kinds: [DrafterKind]) throws(FormatError) -> Files {
        let file: String
        switch try FileKind(path) {
        case .directory: file = try Self.file(in: path)
        case .other: file = path
        }
        if file.hasSuffix(".json") {
            return try safetensors(SafetensorsModel(path: file), kinds)
        }
        let mapping = try MappedFile(path: file)
        let look = FileSignature.describeAnyhow(mapping.bytes)
        if FileSignature.isSafetensors(mapping.bytes)
            || (file.hasSuffix(".safetensors") && look != "a GGUF file")
        {
            return try safetensors(SafetensorsModel(path: file), kinds)
        }
        if isPyTorch(file), look != "a GGUF file" { throw pyTorch(file) }
        return .gguf(try GGUFFile(joining: mapping))
    }

    private static func safetensors(
        _ model: SafetensorsModel, _ kinds: [DrafterKind]
    ) throws(FormatError) -> Files {
        let path = FilePath.join(model.directory, configurationName)
        // A broken configuration of something else is no concern of ours.
        guard RecognizedDrafter(model, nil, kinds: kinds) != nil, FileKind.exists(path) else {
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
        let candidates = names.filter {
            ($0.hasSuffix(".safetensors") || $0.hasSuffix(".gguf")) && SplitName($0)?.number ?? 1 == 1
        }
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

extension DrafterSource {
    /// The layout of the drafter; nil where it is none.
    var layout: DrafterLayout? {
        switch files {
        case .gguf(let gguf): kinds.contains { $0.architecture == gguf.architecture } ? .gguf : nil
        case .safetensors: recognized?.layout
        }
    }

    /// Kind and layout of tensors in safetensors; nil where they are no drafter's.
    var recognized: RecognizedDrafter? {
        guard case .safetensors(let model, let configuration) = files else { return nil }
        return RecognizedDrafter(model, configuration, kinds: kinds)
    }

    /// The error that tensors are no drafter's.
    func unrecognized(_ model: SafetensorsModel) -> FormatError {
        let names = model.files.flatMap { $0.allTensors.map(\.name) }
        if names.contains("fc.weight"), names.contains(where: { $0.hasSuffix("self_attn.q_proj.weight") }) {
            return .unsupported(
                file: model.path, what: "an EAGLE head", supported: kinds.map(\.name).joined(separator: ", "))
        }
        let shown = names.sorted().prefix(3).map { "\"\(TerminalText.escaped($0, limit: 40))\"" }
        let examples = kinds.flatMap { $0.configuration.exampleNames } + ["…"]
        return .invalid(
            file: model.path, field: "the set of tensors",
            expected: "those of a drafter (\(examples.joined(separator: ", ")))",
            got: names.isEmpty ? "empty" : shown.joined(separator: ", ") + (names.count > 3 ? ", …" : ""),
            offset: nil)
    }
}
