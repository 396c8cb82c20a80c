/// Builds the syntax tree of a template from its tokens.
///
/// Recursive descent with bounded depth: every level of nesting in the source is one of `limits.sourceDepth`.
struct Parser {
    private let tokens: [Token]
    private let depthLimit: Int
    private var depth = 0
    var at = 0
    /// Spellings of names by id.
    private(set) var names: [String] = []
    private var ids: [TemplateString: Int] = [:]
    /// `caller`, `varargs` and `kwargs` in the macros being read, the innermost last.
    var macroNames: [Set<String>] = []
    var loopDepth = 0

    init(_ tokens: [Token], depthLimit: Int) {
        self.tokens = tokens
        self.depthLimit = depthLimit
    }

    var token: Token { tokens[at] }
    var line: Int { tokens[at].line }

    // MARK: Tokens

    func peek(_ distance: Int) -> Token { tokens[min(at + distance, tokens.count - 1)] }

    mutating func advance() { if at < tokens.count - 1 { at += 1 } }

    func isNext(_ symbol: Token.Symbol) -> Bool { token.kind == .symbol(symbol) }

    func isNext(name: String) -> Bool {
        if case .name(let own) = token.kind { own.utf8.elementsEqual(name.utf8) } else { false }
    }

    mutating func skip(_ symbol: Token.Symbol) -> Bool {
        guard isNext(symbol) else { return false }
        advance()
        return true
    }

    mutating func skip(name: String) -> Bool {
        guard isNext(name: name) else { return false }
        advance()
        return true
    }

    mutating func expect(_ symbol: Token.Symbol) throws(Fault) {
        guard skip(symbol) else { throw unexpected("'\(symbol.rawValue)'") }
    }

    mutating func expect(_ kind: Token.Kind, _ shown: String) throws(Fault) {
        guard token.kind == kind else { throw unexpected(shown) }
        advance()
    }

    mutating func name(_ what: String = "a name") throws(Fault) -> String {
        guard case .name(let name) = token.kind else { throw unexpected(what) }
        advance()
        return name
    }

    func unexpected(_ expected: String) -> Fault {
        .syntax("\(token.description) where \(expected) is expected")
    }

    // MARK: Names and depth

    mutating func id(_ name: String) -> Int {
        // By bytes: Swift's strings are equal where only their normalization differs.
        let key = TemplateString(name)
        if let id = ids[key] { return id }
        ids[key] = names.count
        names.append(name)
        return names.count - 1
    }

    mutating func deeper() throws(Fault) {
        depth += 1
        guard depth <= depthLimit else {
            throw .limit("nesting of \(depth) levels", allowed: "\(depthLimit)")
        }
    }

    mutating func higher() { depth -= 1 }

    // MARK: Bodies

    /// The whole template.
    mutating func template() throws(Fault) -> [Statement] {
        let body = try statements(until: [])
        guard token.kind == .end else { throw unexpected("the end of the template") }
        return body
    }

    /// Statements up to a tag with one of these names, or the end of the template where there are none. The tag's name is next
    /// then.
    mutating func statements(until ends: [String]) throws(Fault) -> [Statement] {
        try deeper()
        defer { higher() }
        var body = [Statement]()
        while true {
            switch token.kind {
            case .data:
                body.append(Statement(kind: .text(token.text), line: line))
                advance()
            case .outputBegin:
                advance()
                let line = line
                body.append(Statement(kind: .output(try tupleOrExpression()), line: line))
                try expect(.outputEnd, "'}}'")
            case .blockBegin:
                advance()
                guard case .name(let tag) = token.kind else { throw unexpected("the name of a tag") }
                if ends.contains(tag) { return body }
                try statement(tag, into: &body)
                try expect(.blockEnd, "'%}'")
            case .end:
                guard ends.isEmpty else { throw unexpected("'\(ends.joined(separator: "' or '"))'") }
                return body
            default: throw unexpected("text or a tag")
            }
        }
    }

    /// The rest of a tag and the body behind it.
    mutating func body(until ends: [String]) throws(Fault) -> [Statement] {
        _ = skip(.colon)
        try expect(.blockEnd, "'%}'")
        return try statements(until: ends)
    }

    /// The same, with the name of the closing tag taken.
    mutating func closedBody(_ end: String) throws(Fault) -> [Statement] {
        let result = try body(until: [end])
        advance()
        return result
    }
}
