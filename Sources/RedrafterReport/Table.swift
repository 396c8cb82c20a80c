import RedrafterCore

/// Rows of text under headings, as Markdown or as comma-separated values. Cells may hold names from outside: in both forms
/// control and format characters are escaped as `TerminalText` does.
public struct Table: Sendable {
    /// A column's heading and the side its cells lean to.
    public struct Column: Sendable {
        public var title: String
        public var isNumeric: Bool

        public init(_ title: String, isNumeric: Bool = false) {
            self.title = title
            self.isNumeric = isNumeric
        }
    }

    public let columns: [Column]
    public private(set) var rows: [[String]] = []

    public init(_ columns: [Column]) { self.columns = columns }

    /// Adds a row with one cell for each column.
    public mutating func append(_ row: [String]) {
        precondition(row.count == columns.count, "\(row.count) cells for \(columns.count) columns")
        rows.append(row)
    }

    /// A Markdown table with aligned columns.
    public var markdown: String {
        let escaped = rows.map { $0.map { Self.escaped($0).replacing("|", with: "\\|") } }
        let widths = columns.indices.map { index in
            max(3, columns[index].title.count, escaped.map { $0[index].count }.max() ?? 0)
        }
        func line(_ cells: [String]) -> String {
            let padded = cells.enumerated().map { index, cell in
                let space = String(repeating: " ", count: widths[index] - cell.count)
                return columns[index].isNumeric ? space + cell : cell + space
            }
            return "| " + padded.joined(separator: " | ") + " |\n"
        }
        let rule = columns.enumerated().map { index, column in
            String(repeating: "-", count: widths[index] - 1) + (column.isNumeric ? ":" : "-")
        }
        return line(columns.map(\.title)) + line(rule) + escaped.map(line).joined()
    }

    /// Comma-separated values with a line of headings; cells are quoted where they need to be (RFC 4180).
    public var csv: String {
        func line(_ cells: [String]) -> String {
            cells.map(Self.escaped).map { cell in
                cell.contains { ",\"".contains($0) } ? "\"\(cell.replacing("\"", with: "\"\""))\"" : cell
            }.joined(separator: ",") + "\n"
        }
        return line(columns.map(\.title)) + rows.map(line).joined()
    }

    private static func escaped(_ cell: String) -> String { TerminalText.escaped(cell, limit: .max) }
}
