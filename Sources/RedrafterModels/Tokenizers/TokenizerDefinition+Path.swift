import RedrafterCore
import RedrafterFormats
import RedrafterPlatform

extension TokenizerDefinition {
    /// Reads the tokenizer of whatever `path` names, without its weights: a GGUF file (with or without tensors), a folder
    /// with `tokenizer.json`, or a file in such a folder.
    /// - Parameters:
    ///   - path: a file or a folder.
    ///   - vocabularySize: rows of the embedding, where the model is known.
    public init(path: String, vocabularySize: Int? = nil) throws(TokenizerError) {
        var status = stat()
        let isFolder = stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
        if isFolder {
            try self.init(directory: path, vocabularySize: vocabularySize)
        } else if path.hasSuffix(".json") || path.hasSuffix(".safetensors") {
            try self.init(directory: FilePath.directory(of: path), vocabularySize: vocabularySize)
        } else {
            try self.init(
                try wrapping(TokenizerError.format, try GGUFFile(path: path)), vocabularySize: vocabularySize)
        }
    }
}
