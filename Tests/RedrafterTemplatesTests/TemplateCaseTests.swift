import RedrafterFormats
import RedrafterTemplates
import RedrafterTesting
import Testing

@Suite("Templates against Jinja")
struct TemplateCaseTests {
    @Test("Every construct gives what Jinja gives, or is refused where Jinja refuses it")
    func cases() throws {
        let (variables, cases) = try TemplateFixtures.load()
        #expect(cases.count > 300)
        for item in cases {
            do {
                let text = try TemplateFixtures.render(item.template, variables)
                let expected = try #require(item.text, "Jinja refuses \(item.template), which gave \(text)")
                // By bytes: Swift compares by canonical equivalence.
                #expect(Array(text.utf8) == Array(expected.utf8), "\(item.template)")
            } catch let error as TemplateError {
                #expect(item.text == nil, "\(item.template): \(error)")
            }
        }
    }

    @Test("A template gives the same text as often as it is run")
    func repeats() throws {
        let (variables, cases) = try TemplateFixtures.load()
        for item in cases.prefix(60) {
            guard let template = try? Template(item.template, name: "t") else { continue }
            let first = try? template.render(variables)
            #expect(try first == template.render(variables))
        }
    }

    @Test("Names that differ only in their normalization are two names")
    func names() throws {
        let text = try TemplateFixtures.render(
            "{% set ns = namespace() %}{% set ns.\u{E9} = 1 %}{% set ns.e\u{301} = 2 %}{{ ns.\u{E9} }}{{ ns.e\u{301} }}"
        )
        #expect(text == "12")
    }

    @Test("The date is that of the clock, in any format of C's, with Python's microseconds and no time zone")
    func date() throws {
        let text = try TemplateFixtures.render(
            "{{ strftime_now('%Y-%m-%d %B %%') }}|{{ strftime_now('%f%z%Z') }}|{{ strftime_now('%') }}|{{ strftime_now('%9999d') }}",
            clock: .fixed(1_893_499_200))
        #expect(text == "2030-01-01 January %|000000|%|%9999d")
        let today = try TemplateFixtures.render("{{ strftime_now('%Y') }}")
        #expect(try #require(Int(today)) >= 2026)
    }

    @Test("A hundred turns take milliseconds")
    func speed() throws {
        let source = """
            {%- set ns = namespace(last=-1) %}
            {%- for m in messages[::-1] %}{% if ns.last < 0 and m.role == 'user' %}{% set ns.last = loop.revindex0 %}{% endif %}{% endfor %}
            {%- for m in messages %}
            {%- set content = m.content.split('</think>')[-1].lstrip('\\n') if '</think>' in m.content else m.content | trim %}
            {{- '<|im_start|>' + m.role + '\\n' + content + '<|im_end|>' + '\\n' }}
            {%- endfor %}
            """
        let messages = (0..<200).map { index in
            JSONValue.object([
                "role": .string(index % 2 == 0 ? "user" : "assistant"),
                "content": .string(
                    String(repeating: "word ", count: 60) + "</think>\n" + String(repeating: "x", count: 900)),
            ])
        }
        let template = try Template(source, name: "t")
        let variables = [Template.Variable("messages", .array(messages), isInput: true)]
        _ = try template.render(variables)
        let best = try (0..<5).map { _ in
            try withProcessorTime { try template.render(variables) }.time
        }.min()
        #expect(try #require(best) < .milliseconds(50), "\(String(describing: best))")
    }
}
