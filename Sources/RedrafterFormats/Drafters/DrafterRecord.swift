import RedrafterCore

/// What a file says of a drafter besides its tensors: the fingerprint of its model and notes, under the member
/// `redrafter` of a `config.json` or keys `redrafter.*` of a GGUF file.
struct DrafterRecord {
    var fingerprint: ModelFingerprint?
    var notes = [DrafterNote]()

    /// Names of a fingerprint's numbers in both forms.
    private static var numbers: [(name: String, path: WritableKeyPath<ModelFingerprint, Int>)] {
        [
            ("vocab_size", \.vocabularySize), ("hidden_size", \.hiddenSize), ("num_hidden_layers", \.layers),
            ("num_attention_heads", \.heads), ("num_key_value_heads", \.keyValueHeads),
            ("intermediate_size", \.feedForwardSize),
        ]
    }
    private static let longestDigest = 128

    init(fingerprint: ModelFingerprint?, notes: [DrafterNote]) {
        self.fingerprint = fingerprint
        self.notes = notes
    }

    // MARK: JSON

    /// Reads the member of a configuration; nothing where it is absent.
    init(_ json: JSONValue?, path: String) throws(FormatError) {
        guard let json, !json.isNull else { return }
        guard json.object != nil else {
            throw .invalid(
                file: path, field: "redrafter", expected: "an object", got: json.summary, offset: nil)
        }
        if let stored = json["fingerprint"], !stored.isNull {
            let field = "redrafter.fingerprint"
            fingerprint = try Self.fingerprint(
                path, field, tokenizer: stored["tokenizer"]?.string, got: stored["tokenizer"]?.summary
            ) { (name) throws(FormatError) in (stored[name]?.integer, stored[name]?.summary) }
        }
        for (key, value) in json["notes"]?.object ?? JSONObject([]) {
            guard let key = key.string, let value = value.string else {
                throw .invalid(
                    file: path, field: "redrafter.notes.\(key.escaped())", expected: "a string",
                    got: value.summary, offset: nil)
            }
            notes.append(DrafterNote(key, value))
        }
    }

    /// The member of a configuration; nil where there is nothing to say.
    var json: JSONValue? {
        var members = [(ByteSlice, JSONValue)]()
        if let fingerprint {
            let numbers = Self.numbers.map {
                (ByteSlice($0.name), JSONValue.integer(fingerprint[keyPath: $0.path]))
            }
            members.append(
                (
                    ByteSlice("fingerprint"),
                    .object(
                        JSONObject([(ByteSlice("tokenizer"), .string(fingerprint.tokenizer))] + numbers))
                ))
        }
        if !notes.isEmpty {
            let pairs = notes.map { (ByteSlice($0.key), JSONValue.string($0.value)) }
            members.append((ByteSlice("notes"), .object(JSONObject(pairs))))
        }
        return members.isEmpty ? nil : .object(JSONObject(members))
    }

    // MARK: GGUF

    private static let prefix = "redrafter.fingerprint."
    private static let notePrefix = "redrafter.note."

    /// Reads the keys of a GGUF file.
    init(_ metadata: GGUFMetadata) throws(FormatError) {
        let tokenizer = try metadata.string(Self.prefix + "tokenizer")
        if tokenizer != nil || metadata.keys.contains(where: { $0.hasPrefix(Self.prefix) }) {
            fingerprint = try Self.fingerprint(
                metadata.path, "redrafter.fingerprint", tokenizer: tokenizer, got: nil
            ) { (name) throws(FormatError) in
                (try metadata.integer(Self.prefix + name), metadata[Self.prefix + name]?.summary)
            }
        }
        for entry in metadata.entries where entry.key.hasPrefix(Self.notePrefix) {
            guard let value = try metadata.string(entry.key) else { continue }
            notes.append(DrafterNote(String(entry.key.dropFirst(Self.notePrefix.count)), value))
        }
    }

    /// Sets the keys of a GGUF file.
    func set(on writer: GGUFWriter) throws(FormatError) {
        if let fingerprint {
            try writer.set(Self.prefix + "tokenizer", .string(fingerprint.tokenizer))
            for (name, path) in Self.numbers {
                try writer.set(Self.prefix + name, .uint32(UInt32(clamping: fingerprint[keyPath: path])))
            }
        }
        for note in notes { try writer.set(Self.notePrefix + note.key, .string(note.value)) }
    }

    private static func fingerprint(
        _ file: String, _ field: String, tokenizer: String?, got: String?,
        number: (String) throws(FormatError) -> (value: Int?, summary: String?)
    ) throws(FormatError) -> ModelFingerprint {
        guard let tokenizer, (1...longestDigest).contains(tokenizer.utf8.count) else {
            throw .invalid(
                file: file, field: "\(field).tokenizer",
                expected: "a digest of 1 to \(longestDigest) characters",
                got: got ?? tokenizer.map { "of \($0.utf8.count) bytes" } ?? "absent", offset: nil)
        }
        var result = ModelFingerprint(
            tokenizer: tokenizer, vocabularySize: 0, hiddenSize: 0, layers: 0, heads: 0, keyValueHeads: 0,
            feedForwardSize: 0)
        for (name, path) in numbers {
            let stored = try number(name)
            guard let value = stored.value, (0...Int(Int32.max)).contains(value) else {
                throw .invalid(
                    file: file, field: "\(field).\(name)", expected: "a number from 0 to \(Int32.max)",
                    got: stored.summary ?? "absent", offset: nil)
            }
            result[keyPath: path] = value
        }
        return result
    }
}
