import RedrafterCore

/// The `config.json` of a drafter in safetensors: what it says is checked against the tensors, which know better.
struct DrafterFileConfiguration {
    let path: String
    let record: DrafterRecord
    /// `rnn`; nil where it is not said.
    let isRecurrent: Bool?
    /// `vocab_size`; the model's, where the draft vocabulary is truncated.
    let vocabularySize: Int?
    /// `original_lm_head` of vLLM: all heads share the first one's LM head.
    let sharesHead: Bool
    /// Whether `truncated_vocab_size` of vLLM is below the vocabulary.
    let isTruncated: Bool
    private let hiddenSize: Int?
    private let exitDimension: Int?
    private let layers: Int?

    static let recurrentType = "recurrent_drafting_drafter"

    /// Whether the configuration is one of a recurrent drafter.
    static func isRecurrent(_ json: JSONValue?) -> Bool {
        json?["model_type"]?.string == recurrentType || json?["exit_dim"] != nil
            || json?["num_draft_layers"] != nil
    }

    /// Whether the configuration is a drafter's: a safetensors file may as well lie beside the model's.
    private static func isDrafter(_ json: JSONValue) -> Bool {
        isRecurrent(json) || json["model_type"]?.string == "medusa" || json["medusa_num_heads"] != nil
            || json["redrafter"] != nil || json["truncated_vocab_size"] != nil
    }

    init(_ json: JSONValue?, path: String) throws(FormatError) {
        self.path = path
        guard let json, Self.isDrafter(json) else {
            record = DrafterRecord(fingerprint: nil, notes: [])
            (isRecurrent, vocabularySize, hiddenSize, exitDimension, layers) = (nil, nil, nil, nil, nil)
            (sharesHead, isTruncated) = (false, false)
            return
        }
        /// A size; −1 and null are the reference implementation's "not set".
        func size(_ key: String) throws(FormatError) -> Int? {
            guard let value = json[key], !value.isNull else { return nil }
            guard let number = value.integer, number >= -1, number <= DrafterChecker.largestVocabulary else {
                throw .invalid(
                    file: path, field: key, expected: "a number up to \(DrafterChecker.largestVocabulary)",
                    got: value.summary, offset: nil)
            }
            return number < 0 ? nil : number
        }
        func flag(_ key: String) throws(FormatError) -> Bool? {
            guard let value = json[key], !value.isNull else { return nil }
            guard let flag = value.bool else {
                throw .invalid(
                    file: path, field: key, expected: "true or false", got: value.summary, offset: nil)
            }
            return flag
        }
        record = try DrafterRecord(json["redrafter"], path: path)
        isRecurrent = try flag("rnn")
        let vocabulary = try size("vocab_size")
        vocabularySize = vocabulary
        hiddenSize = try size("hidden_size")
        exitDimension = try size("exit_dim")
        layers = try size("num_draft_layers")
        sharesHead = try flag("original_lm_head") ?? false
        let truncated = try size("truncated_vocab_size")
        isTruncated = truncated.map { $0 < vocabulary ?? .max } ?? false
    }

    /// - Throws: `FormatError.invalid` naming the field that contradicts the tensors. Numbers of heads and blocks are not
    ///   compared for Medusa: published configurations are wrong there.
    func check(_ sizes: DrafterConfiguration, layout: DrafterLayout) throws(FormatError) {
        try check("hidden_size", hiddenSize, sizes.hiddenSize)
        guard layout == .apple || layout == .tensorRT else { return }
        try check("exit_dim", exitDimension, sizes.exitDimension)
        try check("num_draft_layers", layers, sizes.layers)
        try check("vocab_size", vocabularySize, sizes.vocabularySize)
    }

    private func check(_ field: String, _ stated: Int?, _ found: Int) throws(FormatError) {
        guard let stated, stated != found else { return }
        throw .invalid(
            file: path, field: field, expected: "\(found), as the shapes of the tensors say",
            got: "\(stated)",
            offset: nil)
    }
}

extension DrafterNote {
    /// The vocabulary of the model, noted for drafters with a draft vocabulary and no fingerprint.
    static let vocabularySizeKey = "vocab_size"
}
