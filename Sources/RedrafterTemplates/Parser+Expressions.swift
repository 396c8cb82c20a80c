extension Parser {
    /// One expression, or a tuple of several without parentheses.
    /// - Parameters:
    ///   - allowsConditional: `a if b else c` is one expression.
    ///   - end: a name that ends the tuple.
    mutating func tupleOrExpression(
        allowsConditional: Bool = true, until end: String? = nil
    ) throws(Fault) -> Expression {
        let line = line
        let first = allowsConditional ? try expression() : try disjunction()
        guard isNext(.comma) else { return first }
        var items = [first]
        while skip(.comma) {
            switch token.kind {
            case .outputEnd, .blockEnd, .symbol(.rightParenthesis): break
            default:
                if let end, isNext(name: end) { break }
                items.append(allowsConditional ? try expression() : try disjunction())
            }
        }
        return Expression(.tuple(items), line: line)
    }

    mutating func expression() throws(Fault) -> Expression {
        try deeper()
        defer { higher() }
        let line = line
        var result = try disjunction()
        var levels = 0
        defer { for _ in 0..<levels { higher() } }
        while skip(name: "if") {
            levels += 1
            try deeper()
            let test = try disjunction()
            let otherwise = skip(name: "else") ? try expression() : nil
            result = Expression(.conditional(test: test, then: result, otherwise: otherwise), line: line)
        }
        return result
    }

    private mutating func disjunction() throws(Fault) -> Expression {
        let line = line
        let first = try conjunction()
        guard isNext(name: "or") else { return first }
        var items = [first]
        while skip(name: "or") { items.append(try conjunction()) }
        return Expression(.or(items), line: line)
    }

    private mutating func conjunction() throws(Fault) -> Expression {
        let line = line
        let first = try negation()
        guard isNext(name: "and") else { return first }
        var items = [first]
        while skip(name: "and") { items.append(try negation()) }
        return Expression(.and(items), line: line)
    }

    private mutating func negation() throws(Fault) -> Expression {
        let line = line
        guard skip(name: "not") else { return try comparison() }
        try deeper()
        defer { higher() }
        return Expression(.not(try negation()), line: line)
    }

    private mutating func comparison() throws(Fault) -> Expression {
        let line = line
        let first = try sum()
        var operations: [(operation: Expression.Comparison, operand: Expression)] = []
        while let operation = comparisonOperator() { operations.append((operation, try sum())) }
        return operations.isEmpty ? first : Expression(.comparison(first, operations), line: line)
    }

    private mutating func comparisonOperator() -> Expression.Comparison? {
        if case .symbol(let symbol) = token.kind,
            [.equal, .unequal, .less, .atMost, .greater, .atLeast].contains(symbol)
        {
            advance()
            return Expression.Comparison(rawValue: symbol.rawValue)
        }
        if skip(name: "in") { return .contained }
        if isNext(name: "not"), case .name("in") = peek(1).kind {
            advance()
            advance()
            return .notContained
        }
        return nil
    }

    // MARK: Arithmetic

    private mutating func sum() throws(Fault) -> Expression {
        let line = line
        let first = try concatenation()
        var operations: [(operation: Expression.Arithmetic, operand: Expression)] = []
        while let operation = arithmetic([.add, .subtract]) {
            operations.append((operation, try concatenation()))
        }
        return operations.isEmpty ? first : Expression(.arithmetic(first, operations), line: line)
    }

    private mutating func concatenation() throws(Fault) -> Expression {
        let line = line
        let first = try product()
        guard isNext(.tilde) else { return first }
        var items = [first]
        while skip(.tilde) { items.append(try product()) }
        return Expression(.concatenation(items), line: line)
    }

    private mutating func product() throws(Fault) -> Expression {
        let line = line
        let first = try power()
        var operations: [(operation: Expression.Arithmetic, operand: Expression)] = []
        while let operation = arithmetic([.multiply, .divide, .floorDivide, .remainder]) {
            operations.append((operation, try power()))
        }
        return operations.isEmpty ? first : Expression(.arithmetic(first, operations), line: line)
    }

    private mutating func power() throws(Fault) -> Expression {
        let line = line
        let first = try unary()
        var operations: [(operation: Expression.Arithmetic, operand: Expression)] = []
        while let operation = arithmetic([.power]) { operations.append((operation, try unary())) }
        return operations.isEmpty ? first : Expression(.arithmetic(first, operations), line: line)
    }

    private mutating func arithmetic(_ symbols: [Token.Symbol]) -> Expression.Arithmetic? {
        guard case .symbol(let symbol) = token.kind, symbols.contains(symbol) else { return nil }
        advance()
        return Expression.Arithmetic(rawValue: symbol.rawValue)
    }

    /// A sign binds weaker than what stands behind its operand: `-x|abs` is `(-x)|abs`.
    private mutating func unary(allowsFilters: Bool = true) throws(Fault) -> Expression {
        let line = line
        let operand: Expression
        if isNext(.subtract) || isNext(.add) {
            let isNegative = isNext(.subtract)
            advance()
            try deeper()
            defer { higher() }
            let inner = try unary(allowsFilters: false)
            operand = Expression(isNegative ? .negative(inner) : .positive(inner), line: line)
        } else {
            operand = try primary()
        }
        var operations = [Postfix]()
        try postfixes(into: &operations)
        if allowsFilters { try filters(into: &operations) }
        return operations.isEmpty ? operand : Expression(.postfix(operand, operations), line: line)
    }

    // MARK: Operands

    mutating func primary() throws(Fault) -> Expression {
        let token = token
        let kind: Expression.Kind
        switch token.kind {
        case .name(let name):
            advance()
            kind = named(name)
        case .string:
            // Strings side by side are one.
            var text = TemplateString()
            while case .string = self.token.kind {
                text.append(self.token.text)
                advance()
            }
            kind = .string(text)
        case .integer(let value):
            advance()
            kind = .integer(value)
        case .double(let value):
            advance()
            kind = .double(value)
        case .symbol(.leftParenthesis):
            advance()
            if skip(.rightParenthesis) { return Expression(.tuple([]), line: token.line) }
            try deeper()
            defer { higher() }
            let inner = try tupleOrExpression()
            try expect(.rightParenthesis)
            return inner
        case .symbol(.leftBracket): kind = .list(try items())
        case .symbol(.leftBrace): kind = .dictionary(try pairs())
        default: throw unexpected("an expression")
        }
        return Expression(kind, line: token.line)
    }

    private mutating func named(_ name: String) -> Expression.Kind {
        switch name {
        case "true", "True": return .bool(true)
        case "false", "False": return .bool(false)
        case "none", "None": return .none
        default:
            if ["caller", "varargs", "kwargs"].contains(name), let last = macroNames.indices.last {
                macroNames[last].insert(name)
            }
            return .name(id(name))
        }
    }

    private mutating func items() throws(Fault) -> [Expression] {
        advance()
        var items = [Expression]()
        while !isNext(.rightBracket) {
            if !items.isEmpty { try expect(.comma) }
            if isNext(.rightBracket) { break }
            items.append(try expression())
        }
        try expect(.rightBracket)
        return items
    }

    private mutating func pairs() throws(Fault) -> [(key: Expression, value: Expression)] {
        advance()
        var pairs: [(key: Expression, value: Expression)] = []
        while !isNext(.rightBrace) {
            if !pairs.isEmpty { try expect(.comma) }
            if isNext(.rightBrace) { break }
            let key = try expression()
            try expect(.colon)
            pairs.append((key, try expression()))
        }
        try expect(.rightBrace)
        return pairs
    }
}
