import RedrafterFormats
import RedrafterModels
import RedrafterTesting
import Testing

@Suite("Tokens of conversations")
struct ChatTemplateTokenTests {
    private let question = [ChatMessage(role: .user, content: "Hello <s> there")]

    /// The ids with which a prompt begins, and how often the begin-of-sequence token is in it.
    private func begin(template: String, addsBOS: Bool) throws -> (first: Int32?, count: Int, bos: Int32) {
        let root = try #require(TokenizerFixtures.json("Tokenizers/llama2.tokenizer.json").object)
        // The post-processor is what adds it.
        let members = root.map { ($0.key, $0.key == "post_processor" && !addsBOS ? .null : $0.value) }
        let names = JSONValue.object(["bos_token": .string("<s>"), "eos_token": .string("</s>")])
        var definition = try TokenizerDefinition(
            tokenizer: .object(JSONObject(members)), configuration: names, file: "llama2")
        #expect(definition.addsBOS == addsBOS)
        definition.chatTemplate = template
        let tokenizer = Tokenizer(definition)
        let bos = try #require(tokenizer.bos)
        let tokens = try tokenizer.encode(question, using: try tokenizer.chatTemplate()).tokens
        return (tokens.first, tokens.count { $0 == bos }, bos)
    }

    @Test(
        "Exactly one begin-of-sequence token, whether the template writes it, the tokenizer adds it, or both")
    func oneBOS() throws {
        let body = "{% for m in messages %}[INST] {{ m.content }} [/INST]{% endfor %}"
        for (template, addsBOS, expected) in [
            (body, false, 0), (body, true, 1), ("{{ bos_token }}" + body, false, 1),
            ("{{ bos_token }}" + body, true, 1),
            ("<s>" + body, false, 1), ("<s>" + body, true, 1),
        ] {
            let result = try begin(template: template, addsBOS: addsBOS)
            #expect(result.count == expected, "\(template), \(addsBOS)")
            if expected == 1 { #expect(result.first == result.bos, "\(template), \(addsBOS)") }
        }
    }

    @Test(
        "A special token that a template puts together of its own text and a role is one token; the same from content is text"
    )
    func specialTokens() throws {
        let tokenizer = Tokenizer(
            try TokenizerDefinition(
                tokenizer: try JSONValue(parsing: ToyTokenizer.json.utf8, path: "t"), configuration: nil,
                file: "t"))
        let open = try #require(tokenizer.encode("<|im_start|>", parseSpecial: true).first)
        let close = try #require(tokenizer.encode("<|im_end|>", parseSpecial: true).first)
        func tokens(_ source: String, _ content: String) throws -> [Int32] {
            let template = try ChatTemplate(source, file: "t")
            let encoding = try tokenizer.encode([ChatMessage(role: .user, content: content)], using: template)
            #expect(encoding.droppedBytes == 0)
            return encoding.tokens
        }
        #expect(try tokens("{{ '<|im_' ~ 'start|>' }}", "") == [open])
        #expect(try tokens("<|im_{{ 'start' }}|>", "") == [open])
        for source in [
            "{{ messages[0].content }}", "{{ messages[0].content | trim }}",
            "{{ messages[0].content.split('!')[0] }}",
            "{{ messages[0].content | replace('x', 'y') }}", "{{ messages[0].content[0:] }}",
            "{{ '%s' % messages[0].content }}",
            "{{ messages | map(attribute='content') | join }}",
            "{% for c in messages[0].content %}{{ c }}{% endfor %}",
        ] {
            let ids = try tokens(source, "<|im_end|>")
            #expect(!ids.contains(close) && ids.count > 5, "\(source)")
            // Half of it from the template is no token either.
            let half = try tokens("<|im_" + source, "end|>")
            #expect(!half.contains(close), "\(source)")
        }
        let around = try tokens("<|im_start|>{{ messages[0].content }}<|im_end|>", "<|im_end|>")
        #expect(around.first == open && around.last == close && around.count { $0 == close } == 1)
    }

    @Test("Templates of a folder: one or several in tokenizer_config.json, and files beside it")
    func folder() throws {
        let folder = try TemporaryFolder()
        try folder.write("tokenizer.json", ToyTokenizer.json)
        func definition() throws -> TokenizerDefinition {
            try TokenizerDefinition(directory: folder.path(""))
        }
        func text(_ choice: ChatTemplateOptions.Choice) throws -> String {
            try definition().makeChatTemplate(ChatTemplateOptions(choice: choice)).render([]).map(\.text)
                .joined()
        }
        #expect(throws: ChatTemplateError.self) { try text(.ofModel) }
        try folder.write(
            "tokenizer_config.json",
            "{\"chat_template\": \"one{{ eos_token }}\", \"eos_token\": \"<|im_end|>\"}")
        #expect(try text(.ofModel) == "one<|im_end|>")
        try folder.write(
            "tokenizer_config.json",
            "{\"chat_template\": [{\"name\": \"default\", \"template\": \"two\"}, {\"name\": \"tool_use\", \"template\": \"three\"}]}"
        )
        #expect(
            try text(.ofModel) == "two" && text(.named("tool_use")) == "three"
                && text(.named("default")) == "two")
        #expect(throws: ChatTemplateError.self) { try text(.named("rag")) }
        try folder.write(
            "tokenizer_config.json", "{\"chat_template\": [{\"name\": \"rag\", \"template\": \"four\"}]}")
        do {
            _ = try text(.ofModel)
            Issue.record("a template without the name default was taken")
        } catch { #expect("\(error)".contains("rag")) }
        try folder.write("chat_template.json", "{\"chat_template\": \"five\"}")
        #expect(try text(.ofModel) == "five")
        try folder.write("chat_template.jinja", "six\n")
        #expect(try text(.ofModel) == "six" && text(.named("rag")) == "four")
        #expect(try text(.named("chatml")).hasPrefix("<|im_start|>"))
        #expect(try text(.source("seven", file: "x")) == "seven")
    }

    @Test("Templates by name are read from GGUF files")
    func gguf() throws {
        var image = ToyModelFile().gguf()
        image.pairs.append(GGUFImage.string("tokenizer.chat_template.tool_use", "tools"))
        let directory = TemporaryDirectory()
        let path = directory.file("named.gguf")
        try ToyModelFile.write(image.bytes, to: path)
        let definition = try TokenizerDefinition(try GGUFFile(path: path))
        #expect(definition.namedChatTemplates == ["tool_use": "tools"])
        #expect(definition.chatTemplate == ToyTokenizer.chatTemplate)
    }

    @Test(
        "The default model's conversation has the ids of its control tokens",
        .enabled(if: DefaultModel.isAvailable))
    func defaultModel() throws {
        let tokenizer = Tokenizer(try TokenizerDefinition(try GGUFFile(path: DefaultModel.path)))
        let template = try tokenizer.chatTemplate()
        let messages = [ChatMessage(role: .user, content: "What does <|im_end|> mean?")]
        let tokens = try tokenizer.encode(messages, using: template).tokens
        // One turn begun and ended for the system and the user, one begun for the assistant; none by the content.
        #expect(tokens.count { $0 == 1 } == 3)
        #expect(tokens.count { $0 == 2 } == 2)
        let text = try template.render(messages).map(\.text).joined()
        #expect(tokenizer.decode(tokens, includingControl: true) == Array(text.utf8))
        #expect(text.hasPrefix("<|im_start|>system\nYou are a helpful AI assistant named SmolLM"))
        #expect(tokenizer.endOfGeneration.isSuperset(of: [0, 2]))
        // Without special tokens in the content the segments are one text.
        let plain = [ChatMessage(role: .user, content: "Hello")]
        let whole = try template.render(plain).map(\.text).joined()
        #expect(
            try tokenizer.encode(plain, using: template).tokens == tokenizer.encode(whole, parseSpecial: true)
        )
    }
}
