import RedrafterFormats

/// The last file of a checkpoint: what the others must be.
///
///     {"format": "redrafter-checkpoint", "version": 1, "step": 100,
///      "files": [{"name": "tensors.safetensors", "bytes": 1024, "sha256": "…"}, …],
///      "sha256": "…"}                                     of this text without this member
///
/// Only the exact text that the writer makes is read: a single bit makes any manifest another one or none.
struct CheckpointManifest: Equatable {
    struct File: Equatable {
        var name: String
        var bytes: Int
        var sha256: String
    }

    static let fileName = "manifest.json"
    static let format = "redrafter-checkpoint"
    static let version = 1

    var version = Self.version
    var step: Int
    var files: [File]

    /// The text of the file.
    func encoded() -> [UInt8] {
        let digest = SHA256.hexadecimal(Self.text(members))
        return Self.text(members + [(ByteSlice("sha256"), .string(digest))])
    }

    private var members: [(ByteSlice, JSONValue)] {
        let list = files.map { file in
            JSONValue.object([
                "name": .string(file.name), "bytes": .integer(file.bytes), "sha256": .string(file.sha256),
            ])
        }
        return [
            (ByteSlice("format"), .string(Self.format)), (ByteSlice("version"), .integer(version)),
            (ByteSlice("step"), .integer(step)), (ByteSlice("files"), .array(list)),
        ]
    }

    private static func text(_ members: [(ByteSlice, JSONValue)]) -> [UInt8] {
        JSONValue.object(JSONObject(members)).encoded(isPretty: true) + [0x0A]
    }

    init(step: Int, files: [File]) {
        self.step = step
        self.files = files
    }

    /// Reads and checks a manifest.
    /// - Throws: `TrainingError.newerCheckpoint` for an intact one of a later version, `.format` for anything
    ///   else.
    init(path: String) throws(TrainingError) {
        let json: JSONValue
        do {
            let file = try MappedFile(path: path)
            let bytes = withExtendedLifetime(file) { [UInt8](file.bytes) }
            json = try JSONValue(parsing: bytes, path: path)
            try Self.checkDigest(json, text: bytes, path: path)
        } catch {
            throw .format(error)
        }
        let version = json["version"]?.integer ?? 0
        guard version <= Self.version else {
            throw .newerCheckpoint(file: path, version: version, supported: Self.version)
        }
        func invalid(_ field: String, _ expected: String, _ value: JSONValue?) -> TrainingError {
            .format(
                .invalid(
                    file: path, field: field, expected: expected, got: value?.summary ?? "missing",
                    offset: nil))
        }
        guard json["format"]?.string == Self.format else {
            throw invalid("format", Self.format, json["format"])
        }
        guard version == Self.version else { throw invalid("version", "\(Self.version)", json["version"]) }
        guard let step = json["step"]?.integer else { throw invalid("step", "a number", json["step"]) }
        var files = [File]()
        for entry in json["files"]?.array ?? [] {
            guard let name = entry["name"]?.string, let bytes = entry["bytes"]?.integer, bytes >= 0,
                let sha256 = entry["sha256"]?.string
            else { throw invalid("files", "name, bytes and sha256", entry) }
            files.append(File(name: name, bytes: bytes, sha256: sha256))
        }
        guard files.map(\.name) == [CheckpointStore.tensorsFile, CheckpointStore.stateFile] else {
            throw invalid("files", "the tensors and the state", json["files"])
        }
        self.step = step
        self.files = files
    }

    /// Whether a text is the one that its own digest was made of.
    private static func checkDigest(_ json: JSONValue, text: [UInt8], path: String) throws(FormatError) {
        let members = (json.object.map(Array.init) ?? []).map { ($0.key, $0.value) }
        let content = members.filter { !($0.0 == "sha256") }
        let digest = SHA256.hexadecimal(Self.text(content))
        guard Self.text(content + [(ByteSlice("sha256"), .string(digest))]) == text else {
            throw .invalid(
                file: path, field: "the content", expected: "what its digest says", got: "other bytes",
                offset: nil)
        }
    }
}
