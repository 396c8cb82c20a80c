import RedrafterCore

/// A model's weights in safetensors: one file, a directory of Hugging Face, or an index with its shards.
///
/// Names of shards come from the index and may not leave its directory: a name is one path component, and where it
/// is a symbolic link it must end in the directory, or in the `blobs` of the Hugging Face cache the directory is a
/// snapshot of: those of the model, or those that all models share.
public struct SafetensorsModel: TensorSource {
    /// The path as given.
    public let path: String
    /// The directory the files are in; `config.json` and `tokenizer.json` are looked for there.
    public let directory: String
    /// The shards in order of their names.
    public let files: [SafetensorsFile]
    /// Tensors of F32, F16 and BF16 of all shards, in order.
    public let tensors: [TensorView]
    /// What is odd but no error, one sentence each.
    public let warnings: [String]
    /// Into `files`, by the bytes of a tensor's name.
    private let shard: [ByteSlice: Int]

    /// The name of the only file of a model that has no index.
    public static let singleName = "model.safetensors"
    /// The name of an index.
    public static let indexName = "model.safetensors.index.json"

    /// Opens a `.safetensors` file, an `.index.json`, or a directory that holds one of them.
    /// - Throws: `FormatError`.
    public init(path: String) throws(FormatError) {
        switch try FileKind(path) {
        case .directory:
            let index = FilePath.join(path, Self.indexName)
            let single = FilePath.join(path, Self.singleName)
            if FileKind.exists(single) {
                try self.init(path: path, directory: path, single: single)
            } else if FileKind.exists(index) {
                try self.init(path: path, directory: path, index: index)
            } else {
                throw .missing(
                    file: path, reason: "the directory holds neither \(Self.singleName) nor \(Self.indexName)"
                )
            }
        case .other:
            let directory = FilePath.directory(of: path)
            if path.hasSuffix(".json") {
                try self.init(path: path, directory: directory, index: path)
            } else {
                try self.init(path: path, directory: directory, single: path)
            }
        }
    }

    private init(path: String, directory: String, single: String) throws(FormatError) {
        self.init(try SafetensorsFile(path: single), path: path, directory: directory)
    }

    /// A model of one file that was opened before.
    init(_ file: SafetensorsFile) {
        self.init(file, path: file.path, directory: FilePath.directory(of: file.path))
    }

    private init(_ file: SafetensorsFile, path: String, directory: String) {
        self.path = path
        self.directory = directory
        files = [file]
        tensors = file.tensors
        warnings = []
        shard = Dictionary(uniqueKeysWithValues: file.allTensors.map { (ByteSlice($0.name), 0) })
    }

    private init(path: String, directory: String, index: String) throws(FormatError) {
        let map = try ShardIndex(path: index)
        var files = [SafetensorsFile]()
        var shard = [ByteSlice: Int]()
        for name in map.shardNames {
            let location = try Self.locate(name, in: directory, index: index)
            let file = try SafetensorsFile(path: location)
            for tensor in file.allTensors
            where shard.updateValue(files.count, forKey: ByteSlice(tensor.name)) != nil {
                throw .duplicate(
                    file: index, what: "tensor in \(TerminalText.escaped(name)) and another shard:",
                    name: tensor.name, offset: nil)
            }
            files.append(file)
        }
        for (tensor, name) in map.entries {
            guard let position = shard[ByteSlice(tensor)], map.shardNames[position] == name else {
                throw .missingField(
                    file: FilePath.join(directory, name), field: "tensor \"\(tensor)\"",
                    expected: "it in this shard, as the index says")
            }
        }
        var warnings = [String]()
        // Every shard was checked by itself, so nothing is missing: programs that merge or prune weights leave the old sum.
        let total = files.reduce(CheckedSize(0)) { $1.allTensors.reduce($0) { $0 + $1.byteCount } }
        if let declared = map.totalSize, declared != total.value {
            warnings.append(
                "the index says that all tensors have \(declared) bytes, they have \(total.value ?? 0)")
        }
        let surplus = shard.count - map.entries.count
        if surplus > 0 { warnings.append("\(surplus) tensors of the shards are not in the index") }
        self.path = path
        self.directory = directory
        self.files = files
        self.shard = shard
        tensors = files.flatMap(\.tensors)
        self.warnings = warnings
    }

    public func tensor(named name: String) -> TensorView? {
        shard[ByteSlice(name)].flatMap { files[$0].tensor(named: name) }
    }

    public func unsupportedType(of name: String) -> String? {
        shard[ByteSlice(name)].flatMap { files[$0].unsupportedType(of: name) }
    }

    /// The path of a shard, once it is certain that it stays where it belongs.
    private static func locate(
        _ name: String, in directory: String, index: String
    ) throws(FormatError) -> String {
        guard !name.isEmpty, name != ".", name != "..", !name.utf8.contains(UInt8(ascii: "/")),
            !name.utf8.contains(0), !name.utf8.contains(UInt8(ascii: "\\")), name.utf8.count <= 255
        else {
            throw .invalid(
                file: index, field: "the name of a shard",
                expected: "a plain file name in the directory of the index", got: "\"\(name)\"", offset: nil)
        }
        let path = FilePath.join(directory, name)
        guard let home = FilePath.resolved(directory), let target = FilePath.resolved(path) else {
            throw .missing(file: path, reason: "no such file, though the index names it as a shard")
        }
        let place = FilePath.directory(of: target)
        // CACHE/models--ORG--NAME/snapshots/COMMIT
        let snapshots = FilePath.directory(of: home)
        let model = FilePath.directory(of: snapshots)
        let shared = FilePath.join(FilePath.join(FilePath.directory(of: model), "blobs"), "")
        let isCached =
            FilePath.name(of: snapshots) == "snapshots"
            && (place == FilePath.join(model, "blobs") || place.hasPrefix(shared))
        guard place == home || place.hasPrefix(FilePath.join(home, "")) || isCached else {
            throw .invalid(
                file: index, field: "shard \"\(name)\"", expected: "a file inside it",
                got: "a link out of the directory", offset: nil)
        }
        return path
    }
}

/// The content of `model.safetensors.index.json`.
private struct ShardIndex {
    /// Tensor and shard, in order of the file.
    let entries: [(tensor: String, shard: String)]
    /// Distinct shards in order of their names.
    let shardNames: [String]
    let totalSize: Int?

    init(path: String) throws(FormatError) {
        let json = try JSONValue(path: path)
        guard let map = json["weight_map"]?.object, !map.isEmpty else {
            throw .missingField(
                file: path, field: "weight_map", expected: "an object of tensor and shard names")
        }
        var entries = [(tensor: String, shard: String)]()
        for (key, value) in map {
            guard let tensor = key.string, let shard = value.string else {
                throw .invalid(
                    file: path, field: "weight_map of \"\(key.escaped())\"", expected: "the name of a shard",
                    got: value.summary, offset: nil)
            }
            entries.append((tensor, shard))
        }
        self.entries = entries
        shardNames = Set(entries.map(\.shard)).sorted()
        totalSize = json["metadata"]?["total_size"]?.integer
    }
}
