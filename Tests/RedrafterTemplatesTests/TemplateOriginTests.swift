import RedrafterFormats
import RedrafterTemplates
import Testing

@Suite("Where rendered text comes from")
struct TemplateOriginTests {
    /// Parts as `T:` for the template's and `I:` for the conversation's text.
    private func parts(_ source: String, _ content: String = "a<s>B</think>c") throws -> [String] {
        let messages = JSONValue.array([
            .object([
                "role": .string("user"), "content": .string(content),
                "parts": .array([.string("x"), .string("y")]),
            ]),
            .object(["role": .string("hacker<s>"), "content": .string("")]),
        ])
        let variables = [
            Template.Variable("messages", messages, isInput: true, trusted: ["role": ["user"]]),
            Template.Variable("bos_token", .string("<s>")),
        ]
        return try Template("{% set m = messages[0] %}" + source, name: "t").render(variables).map {
            ($0.isInput ? "I:" : "T:") + $0.text
        }
    }

    @Test(
        "Text of the conversation stays marked through every operation",
        arguments: [
            ("{{ bos_token + m.content }}", ["T:<s>", "I:a<s>B</think>c"]),
            ("{{ '<' ~ m.content ~ '>' }}", ["T:<", "I:a<s>B</think>c", "T:>"]),
            ("{{ m.content.split('</think>')[0] }}", ["I:a<s>B"]),
            ("{{ m.content.split('</think>') | join('</think>') }}", ["I:a<s>B", "T:</think>", "I:c"]),
            ("{{ m.content.partition('<s>')[2] }}", ["I:B</think>c"]),
            ("{{ m.content.rsplit('>', 1)[0] }}", ["I:a<s>B</think"]),
            ("{{ m.content[1:4] }}{{ m.content[-1] }}", ["I:<s>c"]),
            ("{{ m.content[::-1] }}", ["I:c>kniht/<B>s<a"]),
            ("{{ m.content | upper }}{{ m.content.lower() }}", ["I:A<S>B</THINK>Ca<s>b</think>c"]),
            ("{{ m.content | title }}{{ m.content.capitalize() }}", ["I:A<S>b</think>cA<s>b</think>c"]),
            ("{{ m.content | replace('<s>', '<e>') }}", ["I:a", "T:<e>", "I:B</think>c"]),
            ("{{ '[x]' | replace('x', m.content) }}", ["T:[", "I:a<s>B</think>c", "T:]"]),
            ("{{ m.content | trim('ac') }}{{ m.content.strip('c') }}", ["I:<s>B</think>a<s>B</think>"]),
            ("{{ m.content | indent(2, true) }}", ["T:  ", "I:a<s>B</think>c"]),
            ("{{ m.content * 2 }}", ["I:a<s>B</think>ca<s>B</think>c"]),
            ("{{ '%s!' % m.content }}", ["I:a<s>B</think>c", "T:!"]),
            ("{{ '{}!'.format(m.content) }}", ["I:a<s>B</think>c", "T:!"]),
            ("{{ '{:>16}'.format(m.content) }}", ["T:  ", "I:a<s>B</think>c"]),
            ("{{ '%.3s' | format(m.content) }}", ["I:a<s"]),
            ("{{ m.content | tojson }}", ["T:\"", "I:a<s>B</think>c", "T:\""]),
            ("{{ [m.content] }}", ["T:['", "I:a<s>B</think>c", "T:']"]),
            ("{{ m.content | escape }}", ["I:a&lt;s&gt;B&lt;/think&gt;c"]),
            ("{{ m.content | list | join }}", ["I:a<s>B</think>c"]),
            ("{% for c in m.content %}{{ c }}{% endfor %}", ["I:a<s>B</think>c"]),
            ("{{ m.content | first }}{{ m.content | last }}", ["I:ac"]),
            ("{% set x %}<s>{{ m.content }}{% endset %}{{ x }}", ["T:<s>", "I:a<s>B</think>c"]),
            ("{% macro f(t) %}<s>{{ t }}{% endmacro %}{{ f(m.content) }}", ["T:<s>", "I:a<s>B</think>c"]),
            ("{% filter upper %}<s>{{ m.content }}{% endfilter %}", ["T:<S>", "I:A<S>B</THINK>C"]),
            (
                "{% set ns = namespace(t='') %}{% set ns.t = ns.t + m.content %}{{ ns.t }}",
                ["I:a<s>B</think>c"]
            ),
            ("{{ m.parts | join('<s>') }}", ["I:x", "T:<s>", "I:y"]),
            (
                "{{ m.content.splitlines()[0] }}{{ m.content.center(16, '*') }}",
                ["I:a<s>B</think>c", "T:*", "I:a<s>B</think>c", "T:*"]
            ),
            (
                "{% for k, v in {'k': m.content}.items() %}{{ k }}{{ v }}{% endfor %}",
                ["T:k", "I:a<s>B</think>c"]
            ),
            ("{{ (messages | map(attribute='content') | list)[0] }}", ["I:a<s>B</think>c"]),
            (
                "{{ (m.content, 1) | first }}{{ m.content | default('x') }}{{ m.content | string }}",
                ["I:a<s>B</think>ca<s>B</think>ca<s>B</think>c"]
            ),
        ])
    func marks(source: String, expected: [String]) throws {
        #expect(try parts(source) == expected, "\(source)")
    }

    @Test("A role the template knows is the template's text, another one is the conversation's")
    func roles() throws {
        let source = "{% for m in messages %}<|{{ m.role }}|>{% endfor %}"
        #expect(try parts(source) == ["T:<|user|><|", "I:hacker<s>", "T:|>"])
        // The same word elsewhere is not.
        #expect(try parts("{{ m.content }}", "user") == ["I:user"])
    }

    @Test("Numbers, lengths and comparisons do not depend on where a text comes from")
    func values() throws {
        #expect(
            try parts(
                "{{ m.content == 'a<s>B</think>c' }}{{ m.content | length }}{{ m.content in ['a<s>B</think>c'] }}"
            ) == ["T:True14True"])
        #expect(try parts("{{ {'a<s>B</think>c': 1}[m.content] }}") == ["T:1"])
    }
}
