/// A token of a template.
struct Token: Sendable {
    enum Kind: Sendable, Equatable {
        case data
        case outputBegin, outputEnd
        case blockBegin, blockEnd
        case name(String)
        case string
        case integer(Int)
        case double(Double)
        case symbol(Symbol)
        case end
    }

    enum Symbol: String, Sendable, CaseIterable {
        case floorDivide = "//"
        case power = "**"
        case equal = "=="
        case unequal = "!="
        case atLeast = ">="
        case atMost = "<="
        case add = "+"
        case subtract = "-"
        case divide = "/"
        case multiply = "*"
        case remainder = "%"
        case tilde = "~"
        case leftBracket = "["
        case rightBracket = "]"
        case leftParenthesis = "("
        case rightParenthesis = ")"
        case leftBrace = "{"
        case rightBrace = "}"
        case greater = ">"
        case less = "<"
        case assign = "="
        case dot = "."
        case colon = ":"
        case bar = "|"
        case comma = ","
        case semicolon = ";"
    }

    var kind: Kind
    var line: Int
    /// Text of data and strings.
    var text = TemplateString()

    /// The token for an error.
    var description: String {
        switch kind {
        case .data: "text"
        case .outputBegin: "'{{'"
        case .outputEnd: "'}}'"
        case .blockBegin: "'{%'"
        case .blockEnd: "'%}'"
        case .name(let name): "'\(name)'"
        case .string: "a string"
        case .integer(let value): "'\(value)'"
        case .double(let value): "'\(value)'"
        case .symbol(let symbol): "'\(symbol.rawValue)'"
        case .end: "the end of the template"
        }
    }
}
