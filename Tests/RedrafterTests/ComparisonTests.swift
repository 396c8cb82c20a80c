import RedrafterCore
import RedrafterFormats
import RedrafterModels
import RedrafterTesting
import Testing

@testable import Redrafter

@Suite struct ComparisonTests {
    private let prompts = PromptSet(
        name: "two <prompts>",
        prompts: [
            ComparisonPrompt(name: "p<1>", category: "a|b", content: .text("ab ab ab")),
            ComparisonPrompt(name: "p2", category: "c", content: .text("abc")),
        ])

    private func run(_ drafters: [String]) throws -> Comparison {
        let directory = TemporaryDirectory()
        let path = try ToyModelFile().writeGGUF(to: directory.path)
        var options = ModelOptions(contextLength: 96, threads: 1)
        options.registry.register(DrafterDescription(name: "wrong", summary: "")) { _, _ in ConstantDrafter(3)
        }
        var settings = Comparison.Settings()
        (settings.maximumTokens, settings.repetitions) = (24, 2)
        return try Comparison.run(
            models: [try Model.load(path: path, options: options)], drafters: drafters, prompts: prompts,
            settings: settings)
    }

    @Test("Every drafter runs every prompt in every round, plain decoding always, and all say the same")
    func runs() throws {
        let comparison = try run(["lookup", "wrong", "lookup+wrong"])
        #expect(comparison.entries.map(\.drafter) == ["lookup", "wrong", "lookup+wrong", "none"])
        for entry in comparison.entries {
            #expect(entry.samples.count == 4)
            #expect(entry.figures?.isIdentical == true && entry.firstDifference == nil)
            #expect(entry.categories.map(\.name) == ["a|b", "c"])
        }
        #expect(comparison.entries[3].figures?.metrics.rowsPerStep == 1)
        #expect(comparison.entries[3].samples.allSatisfy { $0.speedup == 1 })
    }

    @Test("A different token is found where it is")
    func differences() {
        #expect(Comparison.firstDifference([1, 2, 3], [1, 2, 3]) == nil)
        #expect(Comparison.firstDifference([1, 2, 3], [1, 5, 3]) == 1)
        #expect(Comparison.firstDifference([1, 2], [1, 2, 3]) == 2)
        #expect(Comparison.firstDifference([], [4]) == 0)
    }

    @Test("Reports hold the same figures in every format, and nothing from a file gets through unescaped")
    func formats() throws {
        let comparison = try run(["lookup"])
        let object = try JSONValue(parsing: Array(comparison.json.text().utf8), path: "json")
        let drafters = try #require(object["drafters"]?.array)
        #expect(drafters.count == 2)
        for key in [
            "drafter", "backend", "tokens_per_second", "speedup", "mean_acceptance_length",
            "acceptance_per_pos",
            "rows_per_step", "ms_per_step", "identical", "categories", "samples",
        ] {
            #expect(drafters[0][key] != nil, "\(key)")
        }
        #expect(drafters[0]["identical"]?.bool == true)
        #expect(drafters[0]["samples"]?.array?.count == 4)
        #expect(comparison.csv.split(separator: "\n").count == 1 + 2 * 3)
        #expect(comparison.markdown.contains("a\\|b"))
        let html = comparison.html
        #expect(html.contains("two &lt;prompts&gt;") && !html.contains("<prompts>"))
        // Nothing is drawn of guesses that were never accepted.
        let isAccepted = comparison.entries.contains { $0.figures?.metrics.acceptedTokens ?? 0 > 0 }
        #expect(html.components(of: "<svg") == (isAccepted ? 4 : 3))
        #expect(!html.contains("NaN") && !html.contains("inf"))
        #expect(!html.contains("http://") && !html.contains("https://"))
    }
}

extension String {
    fileprivate func components(of part: String) -> Int { ranges(of: part).count }
}

@Suite struct PromptSetTests {
    private func load(_ text: String, limit: Int? = nil) throws -> PromptSet {
        let directory = TemporaryDirectory()
        let path = directory.path + "/prompts.jsonl"
        try ToyModelFile.write(Array(text.utf8), to: path)
        return try PromptSet(path: path, limit: limit)
    }

    @Test("All forms of a line are read")
    func forms() throws {
        let set = try load(
            """
            {"prompt": "a", "category": "x", "id": "one"}
            {"text": "b"}

            {"messages": [{"role": "system", "content": "s"}, {"role": "user", "content": "u"}, {"role": "assistant", "content": "no"}]}
            {"question_id": 81, "category": "writing", "turns": ["first", "second"]}\r

            """)
        #expect(set.prompts.map(\.name) == ["one", "2", "3", "81"])
        #expect(set.prompts.map(\.category) == ["x", nil, nil, "writing"])
        #expect(set.prompts[1].content == .text("b"))
        #expect(
            set.prompts[2].content
                == .messages([
                    ChatMessage(role: .system, content: "s"), ChatMessage(role: .user, content: "u"),
                ]))
        #expect(set.prompts[3].content == .messages([ChatMessage(role: .user, content: "first")]))
        #expect(try load("{\"tokens\": [3, 4]}").prompts[0].content == .tokens([3, 4]))
        #expect(try load("{\"text\": \"a\"}\n{\"text\": \"b\"}", limit: 1).prompts.count == 1)
    }

    @Test(
        "A line that holds no prompt is an error that names it",
        arguments: [
            "", "{}", "[1]", "nonsense", "{\"prompt\": 5}", "{\"prompt\": \"\"}", "{\"turns\": []}",
            "{\"tokens\": []}",
            "{\"tokens\": [1, 5e9]}",
            "{\"messages\": []}", "{\"messages\": [{\"role\": \"root\", \"content\": \"a\"}]}",
            "{\"prompt\": \"\u{1}\"}", "{\"text\": \"a\"}\n{\"text\": ",
        ])
    func malformed(text: String) throws {
        let error = #expect(throws: FormatError.self) { try load(text) }
        #expect(error?.isOfContent == true)
        if text.contains("\n") { #expect(error?.description.contains("line 2") == true) }
    }
}
