import RedrafterCore
import RedrafterFormats

/// Reads the vocabulary, the merges and the added tokens of a `tokenizer.json`.
struct HuggingFaceReader {
    let root: JSONValue
    let file: String
    private(set) var spellings: [ByteSlice] = []  // [vocabulary], empty where no token has the id
    private(set) var kinds: [TokenizerDefinition.Kind] = []
    private(set) var matching: [Int32: TokenizerDefinition.Matching] = [:]
    /// Tokens and added tokens that the file lists.
    private var declared = 0
    private var addedIDs: [ByteSlice: Int32] = [:]

    /// Ids may have gaps; in all no more of them than tokens, and these.
    private static let gapLimit = 65_536

    init(root: JSONValue, file: String) {
        self.root = root
        self.file = file
    }

    private var model: JSONValue? { root["model"] }

    mutating func readModel() throws(TokenizerError) {
        guard let model, model.object != nil else { throw invalid("model", "an object", root["model"]) }
        if let type = Self.typeName(model), type != "BPE" {
            throw unsupported("model of type \(type)")
        }
        for field in ["continuing_subword_prefix", "end_of_word_suffix"] {
            if let value = model[field], !value.isNull, value.string != "" {
                throw unsupported("model.\(field) \(value.summary)")
            }
        }
        if let dropout = model["dropout"], !dropout.isNull, dropout.double != 0 {
            throw unsupported("model.dropout \(dropout.summary)")
        }
        guard let vocabulary = model["vocab"]?.object, !vocabulary.isEmpty else {
            throw invalid("model.vocab", "an object with at least one token", model["vocab"])
        }
        let hasByteFallback = try flag("byte_fallback")
        declared = vocabulary.count + (root["added_tokens"]?.array?.count ?? 0)
        for (spelling, value) in vocabulary {
            let id = try checkedID(value, "model.vocab[\"\(spelling.escaped(limit: 60))\"]")
            guard kinds[id] == .unused else {
                throw invalid("model.vocab[\"\(spelling.escaped(limit: 60))\"]", "an id of its own", value)
            }
            let isByte = hasByteFallback && spelling.withBytes { TokenizerDefinition.byteValue($0) } != nil
            spellings[id] = spelling
            kinds[id] = isByte ? .byte : .normal
        }
    }

    /// The type, or what the fields of an older file without one say.
    private static func typeName(_ model: JSONValue) -> String? {
        if let type = model["type"], !type.isNull { return type.string ?? type.summary }
        if model["vocab"]?.array != nil { return "Unigram" }
        if model["max_input_chars_per_word"] != nil { return "WordPiece" }
        return model["merges"] == nil && model["unk_token"] != nil ? "WordLevel" : nil
    }

    /// The ids of tokens that a post-processor puts around texts: those it lists, which may be several.
    func ids(_ tokens: [HuggingFacePipeline.SpecialToken]) throws(TokenizerError) -> [Int32] {
        var result = [Int32]()
        for token in tokens {
            guard let ids = token.ids else {
                result.append(try self.token(named: token.name, field: token.field))
                continue
            }
            for value in ids {
                guard let id = value.integer, kinds.indices.contains(id), kinds[id] != .unused else {
                    throw invalid(
                        "\(token.field): id of \"\(token.name)\"", "a token of the vocabulary", value)
                }
                result.append(Int32(truncatingIfNeeded: id))
            }
        }
        return result
    }

    mutating func readAddedTokens() throws(TokenizerError) {
        guard let value = root["added_tokens"], !value.isNull else { return }
        guard let added = value.array else { throw invalid("added_tokens", "a list", value) }
        for (index, token) in added.enumerated() {
            let field = "added_tokens[\(index)]"
            guard let content = token["content"]?.bytes else {
                throw invalid("\(field).content", "a string", token["content"])
            }
            let id = try checkedID(token["id"], "\(field).id")
            if let known = model?["vocab"]?.object?[content]?.integer, known != id {
                throw invalid("\(field).id", "\(known), the id in model.vocab", token["id"])
            }
            guard kinds[id] == .unused || spellings[id] == content, addedIDs[content] == nil else {
                throw invalid("\(field)", "an id and a content of its own", token["content"])
            }
            var flags: TokenizerDefinition.Matching = []
            if try flag(token, "lstrip", field) { flags.insert(.stripsLeft) }
            if try flag(token, "rstrip", field) { flags.insert(.stripsRight) }
            if try flag(token, "single_word", field) { flags.insert(.singleWord) }
            if try flag(token, "normalized", field) { flags.insert(.normalized) }
            spellings[id] = content
            kinds[id] = try flag(token, "special", field) ? .control : .userDefined
            addedIDs[content] = Int32(truncatingIfNeeded: id)
            if !flags.isEmpty { matching[Int32(truncatingIfNeeded: id)] = flags }
        }
    }

    func merges(
        _ vocabulary: Vocabulary, isByteLevel: Bool
    ) throws(TokenizerError) -> [TokenizerDefinition.Merge] {
        guard let list = model?["merges"]?.array else {
            throw invalid("model.merges", "a list", model?["merges"])
        }
        var reader = MergeReader(
            file: file, field: "model.merges", vocabulary: vocabulary, isByteLevel: isByteLevel,
            count: list.count)
        for (index, item) in list.enumerated() {
            if let line = item.bytes {
                try line.withBytes { (bytes) throws(TokenizerError) in try reader.append(bytes) }
            } else if let pair = item.array, pair.count == 2, let left = pair[0].bytes,
                let right = pair[1].bytes
            {
                try left.withBytes { (left) throws(TokenizerError) in
                    try right.withBytes { (right) throws(TokenizerError) in try reader.append(left, right) }
                }
            } else {
                throw invalid("model.merges[\(index)]", "\"a b\" or [\"a\", \"b\"]", item)
            }
        }
        return reader.merges
    }

    /// A truth value of the model; false where it is not given.
    func flag(_ name: String) throws(TokenizerError) -> Bool { try flag(model, name, "model") }

    /// The token for characters the vocabulary lacks.
    func unknown() throws(TokenizerError) -> Int32? {
        guard let value = model?["unk_token"], !value.isNull else { return nil }
        guard let name = value.bytes else { throw invalid("model.unk_token", "a string", value) }
        return try token(name, field: "model.unk_token")
    }

    /// A special token that `tokenizer_config.json` names, as a string or as an object with its content.
    func token(_ configuration: JSONValue?, _ name: String) throws(TokenizerError) -> Int32? {
        guard let value = configuration?[name], !value.isNull else { return nil }
        guard let content = value.bytes ?? value["content"]?.bytes else {
            throw invalid("\(name) of tokenizer_config.json", "a token", value)
        }
        return try token(content, field: "\(name) of tokenizer_config.json")
    }

    func token(named name: String, field: String) throws(TokenizerError) -> Int32 {
        try token(ByteSlice(name), field: field)
    }

    private func token(_ content: ByteSlice, field: String) throws(TokenizerError) -> Int32 {
        if let id = addedIDs[content] { return id }
        if let id = model?["vocab"]?.object?[content]?.integer { return Int32(truncatingIfNeeded: id) }
        throw invalid(field, "a token of the vocabulary", .string(content))
    }

    /// An id in range; makes room for it.
    private mutating func checkedID(_ value: JSONValue?, _ field: String) throws(TokenizerError) -> Int {
        let limit = 2 * declared + Self.gapLimit
        guard let id = value?.integer, id >= 0, id < limit else {
            throw invalid(field, "an id below \(limit)", value)
        }
        while kinds.count <= id {
            kinds.append(.unused)
            spellings.append(Self.empty)
        }
        return id
    }

    private static let empty = ByteSlice("")

    private func flag(_ value: JSONValue?, _ name: String, _ field: String) throws(TokenizerError) -> Bool {
        guard let flag = value?[name], !flag.isNull else { return false }
        guard let bool = flag.bool else { throw invalid("\(field).\(name)", "true or false", flag) }
        return bool
    }

    private func unsupported(_ what: String) -> TokenizerError {
        .unsupported(file: file, what: what, supported: "BPE without affixes and dropout")
    }

    private func invalid(_ field: String, _ expected: String, _ got: JSONValue?) -> TokenizerError {
        .invalid(file: file, field: field, expected: expected, got: got?.summary ?? "nothing")
    }
}
