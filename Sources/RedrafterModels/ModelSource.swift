import RedrafterFormats
import RedrafterPlatform

/// The files of a model in either form, opened and checked as files.
public enum ModelSource: Sendable {
    case gguf(GGUFFile)
    /// A folder, an index or a file of safetensors, with `config.json` and `tokenizer.json` beside it.
    case huggingFace(SafetensorsModel)

    /// - Throws: `FormatError`.
    public init(path: String) throws(FormatError) {
        var status = stat()
        let isFolder = stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
        if isFolder || path.hasSuffix(".safetensors") || path.hasSuffix(".json") {
            self = .huggingFace(try SafetensorsModel(path: path))
        } else {
            self = .gguf(try GGUFFile(path: path))
        }
    }

    /// The files it is made of.
    public var files: [String] {
        switch self {
        case .gguf(let gguf): gguf.parts.map(\.path)
        case .huggingFace(let model):
            model.files.map(\.path) + [model.directory + "/config.json", model.directory + "/tokenizer.json"]
        }
    }
}
