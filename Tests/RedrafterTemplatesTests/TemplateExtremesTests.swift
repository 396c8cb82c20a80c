import RedrafterFormats
import RedrafterTemplates
import Testing

@Suite("Extreme arguments of templates")
struct TemplateExtremesTests {
    private static let values = [
        "(-9223372036854775807 - 1)", "9223372036854775807", "-9223372036854775807", "-1", "0", "65536",
        "1e308", "(1e308 * 10)",
        "(1e308 * 10 - 1e308 * 10)", "none", "''", "'\u{E9}'", "true", "[]", "{}", "missing",
        "range(0, -5, -1)", "(1,)",
    ]
    private static let receivers = [
        "s", "u", "xs", "d", "range(3)", "range(0, -5, -1)", "''", "(1, 2)", "n", "f",
    ]
    private static let methods = [
        "upper", "title", "strip", "split", "rsplit", "splitlines", "partition", "rpartition", "startswith",
        "endswith", "replace",
        "find", "rfind", "index", "rindex", "count", "join", "zfill", "center", "ljust", "rjust",
        "removeprefix", "format", "get",
        "items", "isdigit",
    ]
    private static let filters = [
        "abs", "batch", "center", "default", "dictsort", "first", "float", "format", "groupby", "indent",
        "int", "join", "last",
        "length", "list", "map", "max", "reject", "replace", "reverse", "round", "select", "selectattr",
        "slice", "sort", "sum",
        "title", "tojson", "trim", "unique", "wordcount",
    ]
    private static let operators = [
        "+", "-", "*", "/", "//", "%", "**", "~", "==", "<", "<=", "in", "not in", "and",
    ]

    private static var sources: [String] {
        var sources = [String]()
        for a in values {
            for r in receivers {
                sources += methods.flatMap {
                    ["\(r).\($0)(\(a))", "\(r).\($0)('o', \(a))", "\(r).\($0)('o', \(a), -1)"]
                }
                sources += filters.flatMap { ["\(r)|\($0)(\(a))", "\(r)|\($0)(3, \(a))|list"] }
                sources += ["\(r)[\(a)]", "\(r)[\(a):]", "\(r)[:\(a)]", "\(r)[::\(a)]", "\(r)[\(a):\(a):-1]"]
            }
            sources += filters.map { "\(a)|\($0)" }
            for b in values {
                sources += operators.map { "\(a) \($0) \(b)" }
                sources += [
                    "\(a) is divisibleby(\(b))", "\(a) is sameas(\(b))", "range(\(a), \(b))|length",
                    "range(0, \(a), \(b))|list",
                ]
                sources += [
                    "'%d %x %c %*d %.*f' % (\(a), \(b), \(a), \(a), \(b), \(a), 1.5)",
                    "'{:d}{:,}{:f}'.format(\(a), \(b), \(a))",
                ]
            }
            sources += [
                "-\(a)", "namespace(\(a))", "dict(\(a))", "strftime_now(\(a))", "raise_exception(\(a))",
                "\(a)()",
            ]
        }
        return sources
    }

    @Test("No argument of an operator, a filter, a method or a slice ends the process")
    func extremes() throws {
        let (variables, _) = try TemplateFixtures.load()
        var rendered = 0
        for source in Self.sources where (try? TemplateFixtures.render("{{ \(source) }}", variables)) != nil {
            rendered += 1
        }
        #expect(rendered > 4000 && rendered < Self.sources.count)
    }

    @Test("A batch of more places than memory counts is a limit, however the product wraps")
    func batches() {
        for size in ["1152921504606846977", "768614336404564651", "9223372036854775807"] {
            #expect(throws: TemplateError.self, "\(size)") {
                try Template("{{ [1]|batch(\(size), 0)|list }}", name: "test").render([], clock: .system)
            }
        }
    }
}
