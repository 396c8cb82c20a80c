import RedrafterFormats
import RedrafterTemplates

/// Small templates and what Jinja makes of them; see Fixtures/make_template_cases.py.
enum TemplateFixtures {
    struct Case: Sendable {
        let template: String
        /// nil where Jinja refuses the template.
        let text: String?
    }

    static let folder = #filePath.replacing("TemplateFixtures.swift", with: "Fixtures/")

    static func load() throws -> (variables: [Template.Variable], cases: [Case]) {
        let json = try JSONValue(path: folder + "template_cases.json")
        let variables = (json["variables"]?.object ?? JSONObject([])).map {
            Template.Variable($0.key.string ?? "", $0.value, isInput: $0.key == "messages")
        }
        let cases = (json["cases"]?.array ?? []).map {
            Case(template: $0["template"]?.string ?? "", text: $0["text"]?.string)
        }
        return (variables, cases)
    }

    /// The text of a template with variables.
    static func render(
        _ source: String, _ variables: [Template.Variable] = [], limits: TemplateLimits = TemplateLimits(),
        clock: TemplateClock = .system
    ) throws(TemplateError) -> String {
        try Template(source, name: "t", limits: limits).render(variables, clock: clock).map(\.text).joined()
    }
}
