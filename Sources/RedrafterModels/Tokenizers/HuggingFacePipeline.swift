import RedrafterCore
import RedrafterFormats

/// The parts of a `tokenizer.json` that change text before and after the model.
///
/// What is not supported is an error that names it, since other tokens would follow.
struct HuggingFacePipeline {
    let file: String
    var normalizers: [Normalizer] = []
    var preTokenizers: [PreTokenizer] = []
    /// Words are spelled in the byte-level alphabet.
    var isByteLevel = false
    var decoder = TokenDecoder()
    /// Special tokens put before and behind a text.
    var prefix: [SpecialToken] = []
    var suffix: [SpecialToken] = []

    /// A token that a post-processor puts somewhere: by its ids, or by its name.
    struct SpecialToken {
        var name: String
        var ids: [JSONValue]?
        var field: String
    }

    init(_ root: JSONValue, file: String) throws(TokenizerError) {
        self.file = file
        normalizers = try readNormalizers(try steps(root["normalizer"], "normalizers", "normalizer"))
        try readPreTokenizers(try steps(root["pre_tokenizer"], "pretokenizers", "pre_tokenizer"))
        try readDecoder(try steps(root["decoder"], "decoders", "decoder"), root["decoder"])
        try readPostProcessor(try steps(root["post_processor"], "processors", "post_processor"))
    }

    struct Step {
        var type: String
        var value: JSONValue
        /// Where it stands.
        var field: String
    }

    private static let deepest = 8

    /// The steps of a component, sequences flattened.
    private func steps(
        _ value: JSONValue?, _ list: String, _ field: String, depth: Int = 0
    ) throws(TokenizerError) -> [Step] {
        guard let value, !value.isNull else { return [] }
        guard let type = value["type"]?.string else { throw invalid(field, "an object with a type", value) }
        guard type == "Sequence" else { return [Step(type: type, value: value, field: field)] }
        guard depth < Self.deepest else {
            throw invalid(field, "sequences nested at most \(Self.deepest) deep", value)
        }
        guard let members = value[list]?.array else { throw invalid("\(field).\(list)", "a list", value) }
        var result = [Step]()
        for (index, member) in members.enumerated() {
            result += try steps(member, list, "\(field).\(list)[\(index)]", depth: depth + 1)
        }
        return result
    }

    private mutating func readPostProcessor(_ steps: [Step]) throws(TokenizerError) {
        for step in steps {
            switch step.type {
            case "ByteLevel": continue
            case "TemplateProcessing": try readTemplate(step)
            case "RobertaProcessing", "BertProcessing":
                prefix.insert(try pair(step, "cls"), at: 0)
                suffix.append(try pair(step, "sep"))
            default:
                throw unsupported(
                    step,
                    supported: "TemplateProcessing, RobertaProcessing, BertProcessing, ByteLevel, Sequence")
            }
        }
        guard prefix.count <= Self.mostSpecial, suffix.count <= Self.mostSpecial else {
            throw invalid(
                "post_processor", "at most \(Self.mostSpecial) tokens on either side",
                .integer(prefix.count + suffix.count))
        }
    }

    private static let mostSpecial = 64

    private mutating func readTemplate(_ step: Step) throws(TokenizerError) {
        let field = step.field + ".single"
        guard let pieces = step.value["single"]?.array else { throw invalid(field, "a list", step.value) }
        var (before, behind) = ([SpecialToken](), [SpecialToken]())
        var sequences = 0
        for piece in pieces {
            if piece["Sequence"] != nil {
                sequences += 1
            } else if let name = piece["SpecialToken"]?["id"]?.string {
                let known = step.value["special_tokens"]?[name]
                let ids = known?["ids"]?.array
                if known != nil, ids == nil {
                    throw invalid("\(step.field).special_tokens", "a list of ids for each", known ?? .null)
                }
                let token = SpecialToken(name: name, ids: ids, field: field)
                if sequences > 0 { behind.append(token) } else { before.append(token) }
            } else {
                throw invalid(field, "SpecialToken or Sequence", piece)
            }
        }
        guard sequences == 1 else { throw invalid(field, "the text once", .integer(sequences)) }
        prefix = before + prefix
        suffix += behind
    }

    /// `["</s>", 2]`
    private func pair(_ step: Step, _ name: String) throws(TokenizerError) -> SpecialToken {
        let field = "\(step.field).\(name)"
        guard let pair = step.value[name]?.array, pair.count == 2, let token = pair[0].string else {
            throw invalid(field, "a token and its id", step.value[name] ?? .null)
        }
        return SpecialToken(name: token, ids: [pair[1]], field: field)
    }

    func unsupported(_ step: Step, _ what: String = "", supported: String) -> TokenizerError {
        .unsupported(
            file: file, what: "\(step.field) of type \(step.type)" + (what.isEmpty ? "" : " \(what)"),
            supported: supported)
    }

    func invalid(_ field: String, _ expected: String, _ got: JSONValue) -> TokenizerError {
        .invalid(file: file, field: field, expected: expected, got: got.summary)
    }

    /// A truth value of a step; nil where it is not given.
    func flag(_ step: Step, _ name: String) throws(TokenizerError) -> Bool? {
        guard let value = step.value[name], !value.isNull else { return nil }
        guard let flag = value.bool else { throw invalid("\(step.field).\(name)", "true or false", value) }
        return flag
    }

    /// The bytes of a string of a step.
    func text(_ step: Step, _ name: String) throws(TokenizerError) -> [UInt8] {
        guard let text = step.value[name]?.bytes else {
            throw invalid("\(step.field).\(name)", "a string", step.value[name] ?? .null)
        }
        return text.array
    }

    /// `{"String": …}` or `{"Regex": …}`; nil for an empty string, which is found nowhere.
    func pattern(_ step: Step) throws(TokenizerError) -> TextPattern? {
        let field = step.field + ".pattern"
        if let literal = step.value["pattern"]?["String"]?.bytes {
            return literal.isEmpty ? nil : TextPattern(literal: literal.array)
        }
        guard let source = step.value["pattern"]?["Regex"]?.string else {
            throw invalid(field, "a String or a Regex", step.value["pattern"] ?? .null)
        }
        do { return TextPattern(try Pattern(source)) } catch {
            throw .unsupported(
                file: file, what: "\(field) \"\(source)\": \(error.problem)",
                supported: "regular expressions without references to groups")
        }
    }
}
