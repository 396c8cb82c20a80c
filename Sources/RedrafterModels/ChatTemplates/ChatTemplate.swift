/// The chat formats in use among the supported model families, recognised from the file's Jinja source.
///
/// The source is not run: it is looked through for what tells the family and its variants apart, and `render` writes
/// what that template would. Verified against Jinja for the templates in Tests.
public enum ChatTemplate: Sendable, Hashable {
    /// `<|im_start|>role\ncontent<|im_end|>\n`; a default system message where the template has one.
    case chatML(defaultSystem: String?)
    /// `[INST] <<SYS>>\nsystem\n<</SYS>>\n\nuser [/INST] assistant </s>`
    case llama2(InstructionFormat)
    /// `<|start_header_id|>role<|end_header_id|>\n\ncontent<|eot_id|>`; Llama 3.1 and later put `preamble` before
    /// the system message, which is always there then.
    case llama3(preamble: String?)
    /// `USER: … ASSISTANT: …`
    case vicuna(VicunaFormat)
    /// `<|role|>\ncontent</s>\n`
    case zephyr(end: String)
    /// `[INST] user [/INST] assistant</s>`; spaces differ between tokenizer versions.
    case mistral(InstructionFormat)

    /// What templates with `[INST]` differ in.
    public struct InstructionFormat: Sendable, Hashable {
        /// Where the system message goes.
        public enum SystemPlace: Sendable, Hashable {
            /// Inside the first user turn.
            case firstUserTurn
            /// Inside the last user turn (Mistral v3).
            case lastUserTurn
            /// Between its own brackets (Mistral v7).
            case turnOfItsOwn
        }

        /// Before the user's text.
        public var open = "[INST] "
        /// Behind the user's text.
        public var close = " [/INST]"
        /// Before an answer.
        public var answerPrefix = ""
        /// Behind an answer.
        public var answerSuffix = "</s>"
        /// Before the system message.
        public var systemOpen = ""
        /// Behind the system message.
        public var systemClose = "\n\n"
        /// Where the system message goes.
        public var systemPlace = SystemPlace.firstUserTurn
        /// The system message of conversations that have none.
        public var defaultSystem: String?
        /// The begin-of-sequence token before every user turn but the first, where the tokenizer puts it; else empty.
        public var repeatedBOS = ""
        /// Whitespace around the user's text goes.
        public var trimsUser = false
        /// Whitespace around answers goes.
        public var trimsAnswer = false
    }

    /// What templates with `USER:` differ in.
    public struct VicunaFormat: Sendable, Hashable {
        /// Before the system message.
        public var systemOpen = ""
        /// Behind the system message.
        public var systemClose = ""
        /// Before the user's text.
        public var userOpen = "USER: "
        /// Behind the user's text.
        public var userClose = ""
        /// Before an answer.
        public var answerOpen = "ASSISTANT: "
        /// Behind an answer.
        public var answerClose = "</s>"
        /// What an answer to come begins with.
        public var generation = "ASSISTANT:"
        /// The system message of conversations that have none.
        public var defaultSystem: String?
        /// Whitespace around texts and answers goes.
        public var trims = false
    }

    /// Recognises the template in `source`.
    /// - Parameters:
    ///   - source: the Jinja text in the model's file; nil where there is none.
    ///   - file: named in errors.
    ///   - bos: spelling of the model's begin-of-sequence token.
    ///   - eos: spelling of the model's end-of-sequence token, which templates write by name.
    /// - Throws: `ChatTemplateError` for a missing or unknown template.
    public init(
        recognising source: String?, file: String, bos: String = "<s>", eos: String = "</s>"
    ) throws(ChatTemplateError) {
        guard let source, !source.isEmpty else { throw .missing(file: file) }
        let template = TemplateSource(source)
        if template.contains("<|im_start|>"), !template.contains("<|im_sep|>"),
            !template.contains("<end_of_utterance>")
        {
            self = .chatML(defaultSystem: Self.chatMLDefault(template))
        } else if template.contains("<|start_header_id|>"), template.contains("<|eot_id|>") {
            self = .llama3(preamble: Self.llama3Preamble(template))
        } else if template.contains("[INST]") {
            let isLlama2 = template.contains("<<SYS>>")
            let family = isLlama2 ? "Llama 2" : "Mistral"
            guard let format = Self.instructionFormat(template, isLlama2, bos, eos) else {
                throw .unsupported(file: file, family: family, construct: "'[INST]' and '[/INST]' literals")
            }
            self = isLlama2 ? .llama2(format) : .mistral(format)
        } else if let end = Self.zephyrEnd(template, eos) {
            self = .zephyr(end: end)
        } else if template.contains("USER: "), template.contains("ASSISTANT:") {
            self = .vicuna(Self.vicunaFormat(template, eos))
        } else {
            let line =
                source.utf8.prefix(200).split(separator: UInt8(ascii: "\n")).first ?? source.utf8.prefix(0)
            throw .unrecognised(file: file, line: String(decoding: line, as: UTF8.self))
        }
    }

    /// The text of a system turn that is literal in the source.
    private static func chatMLDefault(_ template: TemplateSource) -> String? {
        let opening = "<|im_start|>system\n"
        for literal in template.literals {
            guard let start = literal.firstRange(of: opening) else { continue }
            let rest = literal[start.upperBound...]
            if let end = rest.firstRange(of: "<|im_end|>"), end.lowerBound > rest.startIndex {
                return String(rest[..<end.lowerBound])
            }
        }
        return nil
    }

    private static func llama3Preamble(_ template: TemplateSource) -> String? {
        guard let knowledge = template.literal(where: { $0.hasPrefix("Cutting Knowledge Date: ") }) else {
            return nil
        }
        // The template's own date, not today's: the same conversation gives the same tokens every day.
        let date = template.literal(behind: "date_string = '") ?? "26 Jul 2024"
        let isDated = template.literal(where: { $0 == "Today Date: " }) != nil
        return knowledge + (isDated ? "Today Date: \(date)\n\n" : "")
    }

    private static func instructionFormat(
        _ template: TemplateSource, _ isLlama2: Bool, _ bos: String, _ eos: String
    ) -> InstructionFormat? {
        var format = InstructionFormat()
        guard let open = template.literal(where: { $0.trimmed() == "[INST]" }),
            let close = template.literal(where: { $0.trimmed() == "[/INST]" })
        else { return nil }
        format.open = open
        format.close = close
        let hasPrefix = template.contains("' ' + message['content']") || template.contains("' ' + content")
        format.answerPrefix = hasPrefix ? " " : ""
        format.answerSuffix =
            (template.contains("+ ' ' + eos_token") ? " " : "") + eos
            + (template.contains("eos_token + ' '") ? " " : "")
        if isLlama2 {
            format.systemOpen = "<<SYS>>\n"
            format.systemClose = "\n<</SYS>>\n\n"
        }
        if template.contains("bos_token + '\(open)") { format.repeatedBOS = bos }
        if let literal = template.literal(where: { $0.trimmed() == "[SYSTEM_PROMPT]" }) {
            format.systemPlace = .turnOfItsOwn
            format.systemOpen = literal
            format.systemClose = "[/SYSTEM_PROMPT]"
        } else if template.contains("loop.last and system_message") {
            format.systemPlace = .lastUserTurn
        }
        let trimsAll = template.contains("content.strip()") || template.contains("content | trim")
        format.trimsUser = trimsAll
        format.trimsAnswer =
            trimsAll || template.contains("' ' + message['content']|trim")
            || template.contains("' ' + message['content'] | trim")
        if template.contains("elif true == true") || template.contains("elif true and") {
            format.defaultSystem = template.literal(behind: "set system_message = '")
        }
        return format
    }

    private static func zephyrEnd(_ template: TemplateSource, _ eos: String) -> String? {
        guard template.contains("<|user|>"),
            template.contains("<|assistant|>") || template.contains("<|' + "),
            !template.contains("<|end|>"), !template.contains("[gMASK]"),
            !template.contains("<|tool_declare|>")
        else { return nil }
        if template.contains("eos_token") { return eos }
        return ["<|endoftext|>", "</s>"].first(where: template.contains)
    }

    private static func vicunaFormat(_ template: TemplateSource, _ eos: String) -> VicunaFormat {
        var format = VicunaFormat()
        format.answerClose = eos
        format.trims = template.contains("['content'].strip()") || template.contains("['content'] | trim")
        format.defaultSystem = template.literal(behind: "set system_message = '")
        if template.literal(where: { $0 == " USER: " }) != nil {
            // system USER: … ASSISTANT: …</s> USER: …
            format.userOpen = " USER: "
            format.answerOpen = " ASSISTANT: "
            format.generation = " ASSISTANT:"
        } else if template.literal(where: { $0 == "\n" || $0 == "</s>\n" }) != nil {
            format.systemOpen = template.literal(where: { $0 == "SYSTEM: " }) ?? ""
            format.systemClose = format.systemOpen.isEmpty ? "\n\n" : "\n"
            format.userClose = "\n"
            format.answerClose = eos + "\n"
        } else {
            format.systemClose = " "
            format.userClose = " "
            format.defaultSystem =
                format.defaultSystem
                ?? "A chat between a curious user and an artificial intelligence assistant. The assistant gives "
                + "helpful, detailed, and polite answers to the user's questions."
        }
        return format
    }
}

extension StringProtocol {
    /// The first place of `other`, compared byte by byte.
    fileprivate func firstRange(of other: String) -> Range<Index>? {
        let wanted = Array(other.utf8)
        var at = startIndex
        while at < endIndex {
            if utf8[at...].starts(with: wanted) { return at..<utf8.index(at, offsetBy: wanted.count) }
            at = utf8.index(after: at)
        }
        return nil
    }
}
