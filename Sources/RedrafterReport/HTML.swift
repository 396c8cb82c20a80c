/// Pieces of an HTML page.
public enum HTML {
    /// Text as it may stand between tags and in quoted attributes. Control characters become their pictures.
    public static func escaped(_ text: String) -> String {
        var result = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "&": result += "&amp;"
            case "<": result += "&lt;"
            case ">": result += "&gt;"
            case "\"": result += "&quot;"
            case "'": result += "&#39;"
            case "\n", "\t": result.unicodeScalars.append(scalar)
            case _ where scalar.value < 32 || scalar.value == 127 || scalar.properties.isBidiControl:
                result += "\u{FFFD}"
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result
    }

    /// A table with its headings; numbers lean right.
    public static func table(_ table: Table, caption: String) -> String {
        func cells(_ texts: [String], _ tag: String) -> String {
            zip(texts, table.columns).map { text, column in
                let scope = tag == "th" ? " scope=\"col\"" : ""
                return "<\(tag)\(scope)\(column.isNumeric ? " class=\"n\"" : "")>\(escaped(text))</\(tag)>"
            }.joined()
        }
        let rows = table.rows.map { "<tr>\(cells($0, "td"))</tr>" }.joined(separator: "\n")
        return """
            <div class="scroll"><table><caption>\(escaped(caption))</caption>
            <thead><tr>\(cells(table.columns.map(\.title), "th"))</tr></thead>
            <tbody>\(rows)</tbody></table></div>

            """
    }

    /// A whole page that loads nothing, in light and dark.
    public static func page(title: String, body: String) -> String {
        """
        <!DOCTYPE html>
        <html lang="en">
        <head>
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <title>\(escaped(title))</title>
        <style>
        :root { color-scheme: light dark; --text: #1c1e21; --page: #ffffff; --line: #d4d7dc; --quiet: #5b6169; \(colours(light: true)) }
        @media (prefers-color-scheme: dark) { :root { --text: #e6e8eb; --page: #16181c; --line: #3a3f47; --quiet: #a0a7b1; \(colours(light: false)) } }
        body { font: 16px/1.5 system-ui, sans-serif; color: var(--text); background: var(--page); max-width: 70rem; margin: 2rem auto; padding: 0 1rem; }
        h1 { font-size: 1.6rem; } h2 { font-size: 1.15rem; margin-top: 2.5rem; } p { color: var(--quiet); }
        .scroll { overflow-x: auto; } table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
        caption { text-align: left; color: var(--quiet); padding-bottom: .4rem; }
        th, td { border-bottom: 1px solid var(--line); padding: .35rem .6rem; text-align: left; white-space: nowrap; } .n { text-align: right; }
        svg { width: 100%; height: auto; } svg text { font: 12px system-ui, sans-serif; fill: var(--text); } svg .quiet { fill: var(--quiet); }
        .axis { stroke: var(--line); } .one { stroke: var(--text); stroke-dasharray: 4 3; } .whisker { stroke: var(--text); }
        figure { margin: 1rem 0 2rem; } figcaption { color: var(--quiet); }
        .warning { border-left: 4px solid #d55e00; padding-left: .8rem; color: var(--text); }
        </style>
        </head>
        <body>
        \(body)
        </body>
        </html>

        """
    }

    /// Okabe and Ito's colours, told apart by all eyes; the two darkest are lightened on dark pages.
    static func palette(light: Bool) -> [String] {
        [
            light ? "#0072b2" : "#56a8e0", "#e69f00", "#009e73", "#cc79a7", light ? "#d55e00" : "#f0803c",
            "#56b4e9",
            light ? "#6b6b00" : "#f0e442", light ? "#555555" : "#aaaaaa",
        ]
    }

    private static func colours(light: Bool) -> String {
        palette(light: light).enumerated().map { "--c\($0): \($1);" }.joined(separator: " ")
    }

    /// A series' colour.
    static func colour(_ series: Int) -> String { "var(--c\(series % 8))" }
}
