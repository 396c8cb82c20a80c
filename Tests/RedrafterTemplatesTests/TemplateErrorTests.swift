import RedrafterFormats
import RedrafterTemplates
import Testing

@Suite("Errors of templates")
struct TemplateErrorTests {
    @Test(
        "Errors say the line and the construct, and what is supported instead",
        arguments: [
            ("a\n{{ x.y }}", "t, line 2 of the template: 'x' is undefined"),
            (
                "{% if 1 %}\n\n{{ 'a' + 1 }}{% endif %}",
                "t, line 3 of the template: '+' between 'str' and 'int', which Python does not know"
            ),
            (
                "\n{{ 'a' | uper }}",
                "t, line 2 of the template: the filter 'uper' is not supported; the nearest that is: 'upper'"
            ),
            (
                "{{ 1 is defind }}",
                "t, line 1 of the template: the test 'defind' is not supported; the nearest that is: 'defined'"
            ),
            (
                "{% fro x in y %}",
                "t, line 1 of the template: the tag 'fro' is not supported; the nearest that is: 'for'"
            ),
            (
                "{% include 'x' %}",
                "t, line 1 of the template: the tag 'include' (a chat template is one file) is not supported; the nearest that is: 'macro'"
            ),
            (
                "\n\n{{ raise_exception('no system\nrole') }}",
                "t, line 3 of the template: the template refuses this conversation: no system\\nrole"
            ),
            (
                "{% for x in [1] %}\n{% endif %}",
                "t, line 2 of the template: 'endif' belongs to no open block"
            ),
            (
                "{% for x in [1] %}\nb",
                "t, line 2 of the template: the end of the template where 'endfor' or 'else' is expected"
            ),
            (
                "{{ [1].append(2) }}",
                "t, line 1 of the template: 'append' of 'list' is not allowed: templates may not change values"
            ),
            ("{{ {}.a.b }}", "t, line 1 of the template: 'dict' has no member 'a'"),
            (
                "{{ 99999999999999999999 }}",
                "t, line 1 of the template: an integer of more than 64 bits is not supported; the nearest that is: 9223372036854775807"
            ),
            ("{{ none() }}", "t, line 1 of the template: 'NoneType' cannot be called"),
            ("{{ 1", "t, line 1 of the template: the end of the template where '}}' is expected"),
            (
                "{{ cycler('a') }}",
                "t, line 1 of the template: 'cycler' is not supported; the nearest that is: loop.first, loop.cycle"
            ),
            (
                "{{ 'x'.encode() }}",
                "t, line 1 of the template: the method 'encode' of 'str' is not supported; the nearest that is: 'index'"
            ),
        ])
    func messages(source: String, message: String) {
        do {
            let text = try TemplateFixtures.render(source)
            Issue.record("\(source) gave \(text)")
        } catch {
            #expect("\(error)" == message)
        }
    }

    @Test("Text of a template in an error is escaped and cut")
    func escaped() {
        do {
            _ = try TemplateFixtures.render("{{ raise_exception('\\x1b[2J' ~ 'x' * 10000) }}")
            Issue.record("no error")
        } catch {
            #expect("\(error)".utf8.count < 400)
            #expect("\(error)".contains("\\x1b[2J"), "\(error)")
        }
    }

    @Test("Numbers that a value from outside cannot be are refused, not changed")
    func numbers() throws {
        let large = try JSONValue(parsing: "{\"x\": 123456789012345678901234567890}".utf8, path: "j")
        #expect(throws: TemplateError.self) {
            try TemplateFixtures.render("{{ x }}", [Template.Variable("x", large["x"] ?? .null)])
        }
        let double = try JSONValue(parsing: "{\"x\": 1e3, \"y\": -0.5}".utf8, path: "j")
        #expect(
            try TemplateFixtures.render(
                "{{ x }} {{ y }}",
                [Template.Variable("x", double["x"] ?? .null), Template.Variable("y", double["y"] ?? .null)])
                == "1000.0 -0.5")
    }
}
