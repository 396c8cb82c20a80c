import RedrafterCore
import RedrafterFormats

/// The parts of a `tokenizer.json` that change text before and after the model: recognised by their structure.
///
/// Everything that is not one of the known structures is an error that names it, since other tokens would follow.
struct HuggingFacePipeline {
    let file: String
    var preTokenizer: PreTokenizer?  // nil: SentencePiece
    var normalizesToNFC = false
    var spacePrefix = TokenizerDefinition.SpacePrefix.never
    var splitsAtBlanks = false
    var droppedBlanks = TokenizerDefinition.DroppedBlanks.none
    /// Special tokens put before and behind a text.
    var prefix: [String] = []
    var suffix: [String] = []

    private static let blank = "\u{2581}"
    private static let supported = """
        the tokenizers of GPT-2, SmolLM, Llama 3, Qwen 2 (byte-level BPE), Llama 2, TinyLlama and Mistral \
        (SentencePiece BPE with byte fallback)
        """

    init(_ root: JSONValue, file: String) throws(TokenizerError) {
        self.file = file
        let blanks = try readNormalizer(try steps(root["normalizer"], "normalizers", "normalizer"))
        try readPreTokenizer(try steps(root["pre_tokenizer"], "pretokenizers", "pre_tokenizer"), blanks)
        try readDecoder(try steps(root["decoder"], "decoders", "decoder"))
        try readPostProcessor(try steps(root["post_processor"], "processors", "post_processor"))
    }

    private struct Step {
        var type: String
        var value: JSONValue
    }

    /// The steps of a component, sequences flattened one level.
    private func steps(_ value: JSONValue?, _ list: String, _ field: String) throws(TokenizerError) -> [Step]
    {
        guard let value, !value.isNull else { return [] }
        guard let type = value["type"]?.string else { throw invalid(field, "an object with a type", value) }
        guard type == "Sequence" else { return [Step(type: type, value: value)] }
        guard let members = value[list]?.array else { throw invalid("\(field).\(list)", "a list", value) }
        var result = [Step]()
        for member in members {
            guard let type = member["type"]?.string else {
                throw invalid("\(field).\(list)", "objects with a type", member)
            }
            result.append(Step(type: type, value: member))
        }
        return result
    }

    /// - Returns: blanks are put in here, before added tokens of the normalized kind are looked for.
    private mutating func readNormalizer(_ steps: [Step]) throws(TokenizerError) -> Bool {
        var blanks = false
        for step in steps {
            switch step.type {
            case "NFC" where !blanks && spacePrefix == .never: normalizesToNFC = true
            case "Prepend" where step.value["prepend"]?.string == Self.blank: spacePrefix = .everyPiece
            case "Replace"
            where step.value["pattern"]?["String"]?.string == " "
                && step.value["content"]?.string == Self.blank:
                blanks = true
            default: throw unsupported("normalizer", step)
            }
        }
        if spacePrefix != .never, !blanks {
            throw unsupported("normalizer", Step(type: "Prepend without Replace", value: .null))
        }
        return blanks
    }

    private mutating func readPreTokenizer(_ steps: [Step], _ blanks: Bool) throws(TokenizerError) {
        let types = steps.map(\.type)
        if blanks {
            if let step = steps.first {
                throw unsupported("pre_tokenizer beside a SentencePiece normalizer", step)
            }
            return
        }
        switch types {
        case ["Metaspace"]:
            let value = steps[0].value
            guard value["replacement"]?.string == Self.blank else {
                throw unsupported("pre_tokenizer", steps[0])
            }
            let scheme =
                value["prepend_scheme"]?.string
                ?? (value["add_prefix_space"]?.bool == false ? "never" : "always")
            switch scheme {
            case "always": spacePrefix = .everyPieceWithoutBlank
            case "first": spacePrefix = .textWithoutBlank
            case "never": spacePrefix = .never
            default: throw unsupported("pre_tokenizer.prepend_scheme \"\(scheme)\"", steps[0])
            }
            splitsAtBlanks = value["split"]?.bool ?? true
        case ["ByteLevel"]:
            try checkByteLevel(steps[0], usesPattern: true)
            preTokenizer = .gpt2
        case ["Digits", "ByteLevel"]:
            guard steps[0].value["individual_digits"]?.bool == true else {
                throw unsupported("pre_tokenizer", steps[0])
            }
            try checkByteLevel(steps[1], usesPattern: true)
            preTokenizer = .smollm
        case ["Split", "ByteLevel"]:
            try checkByteLevel(steps[1], usesPattern: false)
            preTokenizer = try splitPattern(steps[0])
        default:
            let names = types.isEmpty ? "none" : types.joined(separator: ", ")
            throw unsupported("pre_tokenizer", Step(type: names, value: .null))
        }
    }

    private func checkByteLevel(_ step: Step, usesPattern: Bool) throws(TokenizerError) {
        guard step.value["add_prefix_space"]?.bool == false else {
            throw unsupported("pre_tokenizer with add_prefix_space", step)
        }
        guard (step.value["use_regex"]?.bool ?? true) == usesPattern else {
            throw unsupported("pre_tokenizer with use_regex \(!usesPattern)", step)
        }
    }

    private func splitPattern(_ step: Step) throws(TokenizerError) -> PreTokenizer {
        let value = step.value
        guard value["behavior"]?.string == "Isolated", value["invert"]?.bool != true,
            let pattern = value["pattern"]?["Regex"]?.string
        else { throw unsupported("pre_tokenizer", step) }
        guard let known = PreTokenizer.allCases.first(where: { $0.pattern == pattern }) else {
            throw .unsupported(
                file: file, what: "pre_tokenizer Split with pattern \"\(pattern)\"", supported: Self.supported
            )
        }
        return known
    }

    private mutating func readDecoder(_ steps: [Step]) throws(TokenizerError) {
        guard !steps.isEmpty else {
            throw .unsupported(file: file, what: "a tokenizer without decoder", supported: Self.supported)
        }
        for step in steps {
            let value = step.value
            switch (step.type, preTokenizer == nil) {
            case ("ByteLevel", false): continue
            case ("Fuse", true), ("ByteFallback", true): continue
            case ("Replace", true)
            where value["pattern"]?["String"]?.string == Self.blank && value["content"]?.string == " ":
                continue
            case ("Strip", true)
            where value["content"]?.string == " " && value["start"]?.integer == 1
                && value["stop"]?.integer == 0:
                droppedBlanks = .one
            case ("Metaspace", true):
                let keeps = value["prepend_scheme"]?.string.map { $0 == "never" }
                droppedBlanks = keeps ?? (value["add_prefix_space"]?.bool == false) ? .none : .all
            default: throw unsupported("decoder", step)
            }
        }
    }

    private mutating func readPostProcessor(_ steps: [Step]) throws(TokenizerError) {
        for step in steps {
            switch step.type {
            case "ByteLevel": continue
            case "TemplateProcessing":
                guard let pieces = step.value["single"]?.array else {
                    throw invalid("post_processor.single", "a list", step.value)
                }
                var isBehind = false
                for piece in pieces {
                    if piece["Sequence"] != nil {
                        isBehind = true
                    } else if let token = piece["SpecialToken"]?["id"]?.string {
                        if isBehind { suffix.append(token) } else { prefix.append(token) }
                    } else {
                        throw invalid("post_processor.single", "SpecialToken or Sequence", piece)
                    }
                }
                guard prefix.count <= 1, suffix.count <= 1 else { throw unsupported("post_processor", step) }
            default: throw unsupported("post_processor", step)
            }
        }
    }

    private func unsupported(_ field: String, _ step: Step) -> TokenizerError {
        .unsupported(file: file, what: "\(field) of type \(step.type)", supported: Self.supported)
    }

    private func invalid(_ field: String, _ expected: String, _ got: JSONValue) -> TokenizerError {
        .invalid(file: file, field: field, expected: expected, got: got.summary)
    }
}
