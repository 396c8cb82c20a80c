extension Parser {
    /// Members, indices and calls.
    mutating func postfixes(into operations: inout [Postfix]) throws(Fault) {
        while true {
            let line = line
            if isNext(.leftParenthesis) {
                operations.append(Postfix(kind: .call(try arguments()), line: line))
            } else if skip(.dot) {
                switch token.kind {
                case .name(let name):
                    operations.append(Postfix(kind: .attribute(TemplateString(name)), line: line))
                case .integer(let index):
                    let item = Expression(.integer(index), line: line)
                    operations.append(Postfix(kind: .item(item), line: line))
                default: throw unexpected("the name of a member")
                }
                advance()
            } else if skip(.leftBracket) {
                operations.append(Postfix(kind: try subscripts(), line: line))
            } else {
                return
            }
        }
    }

    /// Filters and tests, and calls of what they give.
    mutating func filters(into operations: inout [Postfix]) throws(Fault) {
        while true {
            let line = line
            if skip(.bar) {
                operations.append(try filter())
            } else if skip(name: "is") {
                operations.append(try test())
            } else if isNext(.leftParenthesis) {
                operations.append(Postfix(kind: .call(try arguments()), line: line))
            } else {
                return
            }
        }
    }

    /// A filter, behind its bar.
    mutating func filter() throws(Fault) -> Postfix {
        let line = line
        var name = try name("the name of a filter")
        while skip(.dot) { name += "." + (try self.name("the name of a filter")) }
        let arguments = isNext(.leftParenthesis) ? try arguments() : Arguments()
        return Postfix(kind: .filter(Filter(rawValue: name), name: name, arguments), line: line)
    }

    /// A test, behind `is`.
    private mutating func test() throws(Fault) -> Postfix {
        let line = line
        let isNegated = skip(name: "not")
        var name = try name("the name of a test")
        while skip(.dot) { name += "." + (try self.name("the name of a test")) }
        var arguments = Arguments()
        switch token.kind {
        case .symbol(.leftParenthesis): arguments = try self.arguments()
        case .name(let next):
            if next == "is" { throw .syntax("a test of a test; put the first into parentheses") }
            if !["else", "or", "and"].contains(next) {
                arguments.positional = [try operand()]
            }
        case .string, .integer, .double, .symbol(.leftBracket), .symbol(.leftBrace):
            arguments.positional = [try operand()]
        default: break
        }
        let kind = Postfix.Kind.test(Test(rawValue: name), name: name, arguments, isNegated: isNegated)
        return Postfix(kind: kind, line: line)
    }

    /// An operand with members, indices and calls, but without filters.
    private mutating func operand() throws(Fault) -> Expression {
        try deeper()
        defer { higher() }
        let line = line
        let operand = try primary()
        var operations = [Postfix]()
        try postfixes(into: &operations)
        return operations.isEmpty ? operand : Expression(.postfix(operand, operations), line: line)
    }

    /// An index, a slice or a tuple of indices, behind the bracket.
    private mutating func subscripts() throws(Fault) -> Postfix.Kind {
        let line = line
        let start = isNext(.colon) ? nil : try expression()
        if skip(.colon) {
            func part(_ parser: inout Parser) throws(Fault) -> Expression? {
                parser.isNext(.colon) || parser.isNext(.rightBracket) ? nil : try parser.expression()
            }
            let end = try part(&self)
            let step = skip(.colon) ? try part(&self) : nil
            if isNext(.comma) {
                throw .unsupported("a tuple of slices", nearest: "one slice")
            }
            try expect(.rightBracket)
            return .slice(start: start, end: end, step: step)
        }
        guard let start else { throw unexpected("an index") }
        guard isNext(.comma) else {
            try expect(.rightBracket)
            return .item(start)
        }
        var items = [start]
        while skip(.comma), !isNext(.rightBracket) { items.append(try expression()) }
        try expect(.rightBracket)
        return .item(Expression(.tuple(items), line: line))
    }

    /// Arguments in parentheses.
    mutating func arguments() throws(Fault) -> Arguments {
        try expect(.leftParenthesis)
        var arguments = Arguments()
        var isFirst = true
        while !isNext(.rightParenthesis) {
            if !isFirst {
                try expect(.comma)
                if isNext(.rightParenthesis) { break }
            }
            isFirst = false
            if skip(.multiply) {
                guard arguments.list == nil, arguments.dictionary == nil else { throw Self.order }
                arguments.list = try expression()
            } else if skip(.power) {
                guard arguments.dictionary == nil else { throw Self.order }
                arguments.dictionary = try expression()
            } else if case .name(let name) = token.kind, peek(1).kind == .symbol(.assign) {
                guard arguments.dictionary == nil else { throw Self.order }
                advance()
                advance()
                arguments.keywords.append((name, try expression()))
            } else {
                guard arguments.list == nil, arguments.dictionary == nil, arguments.keywords.isEmpty else {
                    throw Self.order
                }
                arguments.positional.append(try expression())
            }
        }
        advance()
        return arguments
    }

    private static let order = Fault.syntax("an argument behind named ones or behind '*' or '**'")
}
