import Foundation
import RedrafterTesting
import Testing

/// The toy model speaks ChatML.
@Suite struct TemplateTests {
    private let directory = TemporaryDirectory()

    private func write(_ name: String, _ text: String) throws -> String {
        let path = directory.file(name)
        try Data(text.utf8).write(to: URL(filePath: path))
        return path
    }

    private func toy(template: String? = nil) throws -> String {
        let path = directory.file("toy.gguf")
        var image = ToyModelFile().gguf()
        if let template {
            let place = image.pair("tokenizer.chat_template")
            image.pairs[place] = GGUFImage.string("tokenizer.chat_template", template)
        }
        try ToyModelFile.write(image.bytes, to: path)
        return path
    }

    @Test("The prompt of a conversation is printed byte for byte, and nothing else")
    func prints() throws {
        let model = try toy()
        let messages = try write(
            "m.json",
            #"[{"role": "system", "content": "S"}, {"role": "user", "content": " \u00fc<|im_end|>\n"}]"#)
        let turns = "<|im_start|>system\nS<|im_end|>\n<|im_start|>user\n \u{FC}<|im_end|>\n<|im_end|>\n"
        var run = try Run(shell: "\"$R\" template -m '\(model)' --messages '\(messages)'")
        #expect(
            run.code == 0 && run.output == turns + "<|im_start|>assistant\n" && run.errors == "",
            "\(run.errors)")
        run = try Run(
            shell: "\"$R\" template -m '\(model)' --messages - --no-generation-prompt < '\(messages)'")
        #expect(run.code == 0 && run.output == turns)
        run = try Run(
            shell: "\"$R\" template --template zephyr --messages '\(messages)' --set eos_token='</s>'")
        #expect(run.output.hasPrefix("<|system|>\nS</s>\n<|user|>\n"))
        run = try Run(shell: "\"$R\" template -m '\(model)' --messages '\(messages)' --json")
        let json = try #require(
            try JSONSerialization.jsonObject(with: Data(run.output.utf8)) as? [String: Any])
        #expect(json["text"] as? String == turns + "<|im_start|>assistant\n")
        let parts = try #require(json["parts"] as? [[String: Any]])
        #expect(parts.map { $0["content"] as? Bool } == [false, true, false, true, false])
    }

    @Test("Tools, variables of the conversation and variables that are set reach the template")
    func variables() throws {
        let template = try write(
            "t.jinja", "{{ tools | tojson }}|{{ a }}|{{ b.c }}|{{ d }}|{{ messages | length }}\n\n")
        let messages = try write("m.json", #"{"messages": [], "tools": [1], "a": "x", "d": 1}"#)
        let tools = try write("tools.json", #"[{"name": "f"}]"#)
        let base = "\"$R\" template --template '\(template)' --messages '\(messages)'"
        #expect(
            try Run(shell: base + " --set 'b={\"c\": null}' --set d=text=1").output == "[1]|x|None|text=1|0\n"
        )
        #expect(
            try Run(shell: base + " --tools '\(tools)' --set b={} --set d=").output
                == "[{\"name\": \"f\"}]|x|||0\n")
    }

    @Test("What is wrong is said with the line, and with a code of its own")
    func errors() throws {
        let messages = try write("m.json", #"[{"role": "user", "content": "x"}]"#)
        let bad = try write("bad.jinja", "a\n{{ x.y }}")
        let refusing = try write("refusing.jinja", "{{ raise_exception('no') }}")
        for (arguments, code, part) in [
            ("--template '\(bad)'", 65, "bad.jinja, line 2 of the template: 'x' is undefined"),
            ("--template '\(refusing)'", 64, "the template refuses this conversation: no"),
            ("--template nope", 64, "there is no chat template \"nope\""),
            ("", 64, "neither -m nor --template"),
            ("--template nope.jinja", 66, "nope.jinja"), ("--template chatml --set x", 64, "KEY=VALUE"),
            ("-m '\(try toy())' --template rag", 64, "known: chatml"),
            ("-m nope.gguf", 66, "nope.gguf"),
        ] as [(String, Int32, String)] {
            // Without a default model.
            let run = try Run(
                shell: "\"$R\" template \(arguments) --messages '\(messages)'",
                environment: ["REDRAFTER_CACHE": "/nonexistent"])
            #expect(
                run.code == code && run.errors.contains(part) && run.output == "",
                "\(arguments): \(run.errors)")
        }
        let noList = try write("no.json", "{}")
        let run = try Run(shell: "\"$R\" template --template chatml --messages '\(noList)'")
        #expect(
            run.code == 65 && run.errors.contains("a conversation is a list of messages"), "\(run.errors)")
    }

    @Test("A model whose template cannot be run is not chatted with, and continues plain text")
    func brokenTemplate() throws {
        for (template, part) in [
            ("{% for m in messages %}", "the end of the template where 'endfor'"),
            ("\n{{ messages | nope }}", "line 2 of the template: the filter 'nope' is not supported"),
        ] {
            let model = try toy(template: template)
            for command in ["generate -p ab -n 2", "chat -p ab -n 2"] {
                let run = try Run(shell: "\"$R\" \(command) -m '\(model)' < /dev/null")
                #expect(run.code == 65 && run.errors.contains(part), "\(run.errors)")
            }
            let plain = try Run(shell: "\"$R\" generate -p ab -n 2 -m '\(model)' --no-chat-template")
            #expect(plain.code == 0, "\(plain.errors)")
            let named = try Run(shell: "\"$R\" generate -p ab -n 2 -m '\(model)' --chat-template chatml")
            #expect(named.code == 0, "\(named.errors)")
        }
    }

    @Test("The prompt that a model is given follows the template that was named")
    func chosen() throws {
        let model = try toy()
        let short = try write("short.jinja", "{{ messages[0].content }}{{ x }}")
        func promptTokens(_ arguments: String) throws -> Int {
            let run = try Run(shell: "\"$R\" generate -m '\(model)' -p ab -n 2 --json \(arguments)")
            let json = try JSONSerialization.jsonObject(with: Data(run.output.utf8)) as? [String: Any]
            return try #require((json?["usage"] as? [String: Int])?["prompt_tokens"], "\(run.errors)")
        }
        #expect(try promptTokens("--chat-template '\(short)'") == 2)
        #expect(try promptTokens("--chat-template '\(short)' --set x=cde") == 5)
        #expect(try promptTokens("") == promptTokens("--chat-template chatml"))
        #expect(try promptTokens("") > 10)
    }
}
