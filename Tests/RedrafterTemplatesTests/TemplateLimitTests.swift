import RedrafterFormats
import RedrafterTemplates
import RedrafterTesting
import Testing

@Suite("Limits of templates")
struct TemplateLimitTests {
    @Test(
        "A template that wants too much is stopped by an error, soon",
        arguments: [
            "{{ 'x' * 1000000000 }}", "{{ [0] * 10 ** 12 }}", "{{ range(10 ** 12) }}",
            "{{ range(-9223372036854775807, 9223372036854775807) }}",
            "{% for i in range(99999) %}{% for j in range(99999) %}{% endfor %}{% endfor %}",
            "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}",
            "{% macro f(x) %}{% for i in [1] %}{% if x %}{{ f(x ~ 'a') }}{% endif %}{% endfor %}{% endmacro %}{{ f('a') }}",
            "{% set ns = namespace(x='ab') %}{% for i in range(99999) %}{% set ns.x = ns.x + ns.x %}{% endfor %}",
            "{% set ns = namespace(x=[]) %}{% for i in range(99999) %}{% set ns.x = [ns.x] %}{% endfor %}",
            "{% set ns = namespace(x=[1]) %}{% for i in range(99999) %}{% set ns.x = [ns.x, ns.x] %}{% endfor %}{{ ns.x }}",
            "{% set ns = namespace(x=[1]) %}{% for i in range(99999) %}{% set ns.x = ns.x + ns.x %}{% endfor %}",
            "{% set ns = namespace(x={}) %}{% for i in range(99999) %}{% set ns.x = {'a': ns.x, 'b': ns.x} %}{% endfor %}{{ ns.x | tojson }}",
            "{% set a = 'x' * 10000000 %}{% for i in range(9999) %}{{ a }}{% endfor %}",
            "{% set a = 'a' * 4000000 %}{% for i in range(99999) %}{{ (a ~ 'b') in (a ~ 'c') }}{% endfor %}",
            "{% set a = 'a' * 1000000 %}{{ a.find('a' * 500000 ~ 'b') }}",
            "{{ ('a' * 1000000).rfind('a' * 500000 ~ 'b') }}",
            "{{ ('ab' * 1000000).replace('a', 'b' * 100000) }}", "{{ ('' * 9).zfill(10 ** 11) }}",
            "{{ 'a'.center(10 ** 11) }}",
            "{{ '%1000000000d' % 1 }}", "{{ '{:1000000000}'.format(1) }}",
            "{{ [1] | tojson(indent=10 ** 11) }}",
            "{{ 'a' | indent(10 ** 11) }}", "{{ [1] | batch(10 ** 15, 'x') | list }}",
            "{{ [1] | slice(10 ** 15) | list }}",
            "{{ 10 ** 100 }}", "{{ 9223372036854775807 + 1 }}", "{{ -(-9223372036854775807 - 1) }}",
            "{{ (-9223372036854775807 - 1) // -1 }}", "{{ (-9223372036854775807 - 1) | abs }}",
            "{% set ns = namespace() %}{% set ns.f = namespace %}{% for i in range(99999) %}{% for j in range(99999) %}{% set ns.a = ns.f(x=ns.a) %}{% endfor %}{% endfor %}",
            "{% for n in [1] recursive %}{{ loop([1]) }}{% endfor %}", "{{ strftime_now('%Y' * 1000000) }}",
        ])
    func stopped(source: String) {
        let (result, time) = withProcessorTime {
            Result { () throws(TemplateError) in try TemplateFixtures.render(source) }
        }
        #expect(time < .seconds(20), "\(source)")
        switch result {
        case .success(let text): Issue.record("\(source) gave \(text.utf8.count) bytes")
        case .failure(let error):
            guard case .limit = error else {
                Issue.record("\(source): \(error)")
                return
            }
            #expect("\(error)".contains("more than"), "\(error)")
        }
    }

    @Test(
        "Sources nested without end are refused, whatever nests",
        arguments: [
            ("(", "1", ")"), ("[", "", "]"), ("{'a':", "1", "}"), ("not ", "1", ""), ("-", "1", ""),
            ("x[", "0", "]"),
            ("f(", "1", ")"), ("1 if ", "1", ""), ("1 if 1 else ", "1", ""), ("x|f(", "1", ")"),
        ])
    func nestedExpressions(open: String, middle: String, close: String) throws {
        let count = 60_000
        let source =
            "{{ " + String(repeating: open, count: count) + middle + String(repeating: close, count: count)
            + " }}"
        #expect(throws: TemplateError.self) { try Template(source, name: "t") }
    }

    @Test("Blocks nested without end are refused")
    func nestedBlocks() throws {
        for block in [
            "{% if x %}", "{% for x in y %}", "{% macro m() %}", "{% set x %}", "{% with %}",
            "{% filter upper %}", "{% call m() %}",
        ] {
            let source = String(repeating: block, count: 20_000)
            #expect(throws: TemplateError.self) { try Template(source, name: "t") }
        }
        // A chain is no nesting.
        let sum = "{{ " + String(repeating: "1 + ", count: 50_000) + "1 }}"
        #expect(try TemplateFixtures.render(sum) == "50001")
        let members = "{{ x" + String(repeating: "['a':]", count: 50_000) + " is defined }}"
        #expect(throws: TemplateError.self) { try TemplateFixtures.render(members) }
        let branches =
            "{% if a %}" + String(repeating: "{% elif a %}", count: 20_000) + "{% else %}x{% endif %}"
        #expect(try TemplateFixtures.render(branches) == "x")
    }

    @Test("As deep as is allowed runs, also on a small stack")
    func deepest() throws {
        let deepest =
            "{{ " + String(repeating: "(1+", count: 40) + "1" + String(repeating: ")", count: 40) + " }}"
        #expect(try TemplateFixtures.render(deepest) == "41")
        let recursive =
            "{% macro f(n) %}{% if n > 0 %}{{ n }}{{ f(n - 1) }}{% endif %}{% endmacro %}{{ f(30) }}"
        #expect((try? TemplateFixtures.render(recursive)) != nil)
    }

    @Test("Time grows with the length of a source and of texts, not with its square")
    func linear() throws {
        for source in [
            String(repeating: "{{ x }}\n", count: 100_000), String(repeating: "{", count: 900_000),
            String(repeating: "{# #}", count: 150_000),
            String(repeating: "{% set a", count: 1) + String(repeating: " ", count: 900_000),
            "{{ '" + String(repeating: "\\n", count: 400_000) + "' }}",
            String(repeating: "\n", count: 1_000_000),
            String(repeating: " ", count: 900_000) + "{%- set x = 1 %}",
            String(repeating: "{% raw %}", count: 100_000),
            "{{ " + (0..<100_000).map { "a\($0)" }.joined(separator: "+") + " }}",
            (0..<30_000).map { "{% set a\($0) = 1 %}" }.joined(),
            "{% for i in [1] %}" + (0..<30_000).map { "{% set a\($0) = 1 %}" }.joined() + "{% endfor %}",
        ] {
            let (_, time) = withProcessorTime { try? TemplateFixtures.render(source) }
            #expect(time < .seconds(5), "\(source.prefix(20))")
        }
        let long = JSONValue.string(String(repeating: "lorem ipsum \u{E9}\n", count: 300_000))
        let (text, time) = try withProcessorTime {
            try TemplateFixtures.render(
                "{{ (x | trim | replace('\\n', ' ') ).split(' ') | length }}{{ x | length }}{{ x[-5:] | tojson }}",
                [Template.Variable("x", long, isInput: true)])
        }
        #expect(text.hasPrefix("900000"))
        #expect(time < .seconds(10))
    }

    @Test("A source that is too long is refused")
    func longSource() {
        #expect(throws: TemplateError.self) {
            try Template(String(repeating: "x", count: 2 << 20), name: "t")
        }
    }

    @Test("Damaged templates are read or refused, and run or fail")
    func damaged() throws {
        let (variables, cases) = try TemplateFixtures.load()
        var mutation = Mutation(seed: 5)
        var limits = TemplateLimits()
        limits.steps = 200_000
        limits.memoryBytes = 4 << 20
        var rendered = 0
        for item in cases {
            for _ in 0..<12 {
                let source = String(decoding: mutation.apply(to: Array(item.template.utf8)), as: UTF8.self)
                do {
                    _ = try Template(source, name: "t", limits: limits).render(variables)
                    rendered += 1
                } catch {
                    #expect(
                        !"\(error)".unicodeScalars.contains { $0.value < 32 || $0.value == 127 }, "\(error)")
                }
            }
        }
        #expect(rendered > 100)
    }

    @Test("Templates put together from pieces at random are read or refused, and run or fail")
    func shuffled() throws {
        let pieces = [
            "{{", "}}", "{%", "%}", "{#", "#}", "-%}", "{%-", "if", "else", "endif", "for", "in", "endfor",
            "x", "xs", "d",
            "loop", "set", "endset", "=", "(", ")", "[", "]", "{", "}", ":", ",", ".", "|", "is", "not",
            "and", "or", "'a'", "1",
            "0", "-1", "9223372036854775807", "1e308", "+", "-", "*", "/", "//", "%", "**", "~", "==", "<",
            "upper", "tojson",
            "first", "join", "macro", "endmacro", "call", "endcall", "caller()", "namespace()", "range(3)",
            "defined", "raw", "endraw",
            "filter", "endfilter", "with", "endwith", "break", "continue", "recursive", "\n", " ",
            "\u{1F600}", "format", "split", "sort",
        ]
        let (variables, _) = try TemplateFixtures.load()
        var random = SeededRandom(seed: 11)
        var limits = TemplateLimits()
        limits.steps = 100_000
        for _ in 0..<6000 {
            var source = ""
            for _ in 0..<Int.random(in: 1...24, using: &random) {
                source +=
                    pieces[Int.random(in: 0..<pieces.count, using: &random)]
                    + (Bool.random(using: &random) ? " " : "")
            }
            _ = try? TemplateFixtures.render("{{ x" + source + " }}", variables, limits: limits)
            _ = try? TemplateFixtures.render(source, variables, limits: limits)
        }
    }
}
