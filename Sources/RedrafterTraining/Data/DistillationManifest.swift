import RedrafterCore
import RedrafterFormats

/// `manifest.json` of a data set: the model, how answers were made, and the shards that are complete.
///
/// It is written after each shard, so that it never names one that is not there.
public struct DistillationManifest: Sendable, Equatable {
    /// The model whose answers these are.
    public var fingerprint: ModelFingerprint
    /// The model's file as it was named.
    public var model: String
    /// Everything that decides the answers: two runs with equal settings make equal data.
    public var settings: JSONValue
    public var shape: DistillationShape
    public var shards: [Shard] = []
    /// Prompts that were too long, or had nothing in them.
    public var skippedPrompts = 0
    /// Whether the run reached its end.
    public var isComplete = false

    public struct Shard: Sendable, Hashable {
        /// Name in the directory.
        public var file: String
        public var answers: Int
        /// Tokens of answers.
        public var tokens: Int
        /// SHA-256 of the file as 64 hexadecimal digits; nil in data of earlier versions, and where there is no answer and
        /// therefore no file.
        public var sha256: String?

        public init(file: String, answers: Int, tokens: Int, sha256: String? = nil) {
            self.file = file
            self.answers = answers
            self.tokens = tokens
            self.sha256 = sha256
        }
    }

    public init(fingerprint: ModelFingerprint, model: String, settings: JSONValue, shape: DistillationShape) {
        self.fingerprint = fingerprint
        self.model = model
        self.settings = settings
        self.shape = shape
    }

    /// Tokens of all answers.
    public var tokens: Int { shards.reduce(0) { $0 + $1.tokens } }

    public static let fileName = "manifest.json"
    private static let format = "redrafter-distillation"
    private static let version = 1

    /// Writes it into a directory, in place of an earlier one.
    public func write(to directory: String) throws(FormatError) {
        let file = try AtomicFile(path: "\(directory)/\(Self.fileName)")
        try file.write(json.encoded(isPretty: true) + [0x0A])
        try file.commit()
    }

    private var json: JSONValue {
        let entries = shards.map { shard in
            var members: [(ByteSlice, JSONValue)] = [
                (ByteSlice("file"), .string(shard.file)), (ByteSlice("answers"), .integer(shard.answers)),
                (ByteSlice("tokens"), .integer(shard.tokens)),
            ]
            if let digest = shard.sha256 { members.append((ByteSlice("sha256"), .string(digest))) }
            return JSONValue.object(JSONObject(members))
        }
        return .object([
            "format": .string(Self.format), "version": .integer(Self.version), "model": .string(model),
            "fingerprint": fingerprint.json,
            "settings": settings, "top_k": .integer(shape.topCount),
            "hidden_size": .integer(shape.hiddenSize), "skipped_prompts": .integer(skippedPrompts),
            "is_complete": .bool(isComplete), "tokens": .integer(tokens), "shards": .array(entries),
        ])
    }

    /// Reads the manifest of a directory.
    /// - Throws: `FormatError`; `.missing` where there is none.
    public init(directory: String) throws(FormatError) {
        let path = "\(directory)/\(Self.fileName)"
        let json = try JSONValue(path: path)
        func wrong(_ field: String, _ expected: String) -> FormatError {
            .invalid(
                file: path, field: field, expected: expected, got: json[field]?.summary ?? "absent",
                offset: nil)
        }
        func size(_ field: String) throws(FormatError) -> Int {
            guard let value = json[field]?.integer, (0...Self.largestSize).contains(value) else {
                throw wrong(field, "a size up to \(Self.largestSize)")
            }
            return value
        }
        guard json["format"]?.string == Self.format else { throw wrong("format", Self.format) }
        guard json["version"]?.integer == Self.version else { throw wrong("version", "\(Self.version)") }
        fingerprint = try ModelFingerprint(memberOf: json, path: path)
        model = json["model"]?.string ?? ""
        settings = json["settings"] ?? .null
        shape = DistillationShape(topCount: try size("top_k"), hiddenSize: try size("hidden_size"))
        skippedPrompts = try size("skipped_prompts")
        isComplete = json["is_complete"]?.bool ?? false
        guard let entries = json["shards"]?.array else { throw wrong("shards", "a list") }
        for entry in entries {
            // A name, no path: data of one directory never leads into another.
            guard let file = entry["file"]?.string, !file.isEmpty, !file.contains("/"),
                let answers = entry["answers"]?.integer, let tokens = entry["tokens"]?.integer,
                (0...Self.largestSize).contains(answers), (0...Self.largestSize).contains(tokens)
            else {
                throw .invalid(
                    file: path, field: "a shard", expected: "file, answers and tokens", got: entry.summary,
                    offset: nil)
            }
            let digest = entry["sha256"]
            guard digest == nil || digest?.string?.utf8.count == 64 else {
                throw .invalid(
                    file: path, field: "the SHA-256 of \(file)", expected: "64 hexadecimal digits",
                    got: digest?.summary ?? "absent", offset: nil)
            }
            shards.append(
                Shard(file: file, answers: answers, tokens: tokens, sha256: digest?.string))
        }
    }

    private static let largestSize = 1 << 40
}
