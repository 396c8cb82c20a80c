extension Parser {
    /// The statement whose tag is next.
    mutating func statement(_ tag: String, into body: inout [Statement]) throws(Fault) {
        let line = line
        advance()
        func add(_ kind: Statement.Kind) { body.append(Statement(kind: kind, line: line)) }
        switch tag {
        case "if": add(try branches())
        case "for": add(.loop(try loop()))
        case "set": add(try assignment())
        case "macro": add(.macro(try macro()))
        case "call": add(try callBlock(line))
        case "filter": add(try filterBlock())
        case "with": add(try with())
        case "generation": add(.scope([], body: try closedBody("endgeneration")))
        case "block": add(.scope([], body: try block()))
        case "print":
            while token.kind != .blockEnd {
                add(.output(try expression()))
                guard skip(.comma) else { break }
            }
        case "break", "continue":
            guard loopDepth > 0 else { throw .syntax("'\(tag)' outside a loop") }
            add(tag == "break" ? .leaveLoop : .nextItem)
        default: throw Self.unknownTag(tag)
        }
    }

    private static func unknownTag(_ tag: String) -> Fault {
        let known = [
            "if", "for", "set", "macro", "call", "filter", "with", "generation", "break", "continue",
        ]
        switch tag {
        case "include", "import", "from", "extends":
            return .unsupported("the tag '\(tag)' (a chat template is one file)", nearest: "'macro'")
        case "do": return .unsupported("the tag 'do'", nearest: "'set'")
        case "autoescape", "trans", "endautoescape":
            return .unsupported("the tag '\(tag)'", nearest: "the filter 'escape'")
        case "else", "elif", "endif", "endfor", "endset", "endmacro", "endcall", "endfilter", "endwith",
            "endraw",
            "endblock", "endgeneration":
            return .syntax("'\(tag)' belongs to no open block")
        default: return .unsupported("the tag '\(tag)'", nearest: "'\(Spelling.nearest(tag, among: known))'")
        }
    }

    private mutating func branches() throws(Fault) -> Statement.Kind {
        var branches: [(test: Expression, body: [Statement])] = []
        while true {
            let test = try tupleOrExpression(allowsConditional: false)
            let body = try body(until: ["elif", "else", "endif"])
            branches.append((test, body))
            if skip(name: "elif") { continue }
            if skip(name: "else") { return .branches(branches, otherwise: try closedBody("endif")) }
            advance()
            return .branches(branches, otherwise: [])
        }
    }

    private mutating func loop() throws(Fault) -> ForLoop {
        let target = try target(until: "in")
        guard skip(name: "in") else { throw unexpected("'in'") }
        let items = try tupleOrExpression(allowsConditional: false, until: "recursive")
        let test = skip(name: "if") ? try expression() : nil
        let isRecursive = skip(name: "recursive")
        loopDepth += 1
        let body = try body(until: ["endfor", "else"])
        loopDepth -= 1
        let hasElse = isNext(name: "else")
        advance()
        let otherwise = hasElse ? try closedBody("endfor") : []
        return ForLoop(
            target: target, items: items, test: test, isRecursive: isRecursive, body: body,
            otherwise: otherwise)
    }

    private mutating func assignment() throws(Fault) -> Statement.Kind {
        let target = try target(allowsMember: true)
        if skip(.assign) { return .assign(target, try tupleOrExpression()) }
        var filters = [Postfix]()
        while skip(.bar) { filters.append(try filter()) }
        return .assignBlock(
            target, filters: filters,
            body: try inner { (parser) throws(Fault) in
                try parser.closedBody("endset")
            })
    }

    /// A body in which no loop around can be left.
    private mutating func inner(
        _ read: (inout Parser) throws(Fault) -> [Statement]
    ) throws(Fault) -> [Statement] {
        let depth = loopDepth
        loopDepth = 0
        defer { loopDepth = depth }
        return try read(&self)
    }

    /// A name, a tuple of names, or a member of a namespace.
    private mutating func target(until end: String? = nil, allowsMember: Bool = false) throws(Fault) -> Target
    {
        var targets = [Target]()
        var isTuple = false
        repeat {
            if token.kind == .blockEnd || end.map({ isNext(name: $0) }) == true || isNext(.assign) { break }
            targets.append(try singleTarget(allowsMember: allowsMember))
            if isNext(.comma) { isTuple = true }
        } while skip(.comma)
        guard let first = targets.first else { throw unexpected("a name") }
        return isTuple ? .tuple(targets) : first
    }

    private mutating func singleTarget(allowsMember: Bool) throws(Fault) -> Target {
        if skip(.leftParenthesis) {
            try deeper()
            defer { higher() }
            var targets = [Target]()
            var isTuple = false
            while !isNext(.rightParenthesis) {
                targets.append(try singleTarget(allowsMember: allowsMember))
                guard skip(.comma) else { break }
                isTuple = true
            }
            try expect(.rightParenthesis)
            guard let first = targets.first else { throw unexpected("a name") }
            return isTuple ? .tuple(targets) : first
        }
        let name = try name()
        guard !["true", "True", "false", "False", "none", "None"].contains(name) else {
            throw .syntax("'\(name)' cannot be assigned to")
        }
        if allowsMember, skip(.dot) { return .member(namespace: id(name), TemplateString(try self.name())) }
        if isNext(.dot) || isNext(.leftBracket) {
            throw .unsupported("assigning to a part of '\(name)'", nearest: "a member of a namespace")
        }
        return .name(id(name))
    }

    // MARK: Macros

    private mutating func macro() throws(Fault) -> Macro {
        let name = try name("the name of a macro")
        return try macro(name) { (parser) throws(Fault) in
            try parser.expect(.leftParenthesis)
            let parameters = try parser.parameters()
            return (parameters, try parser.closedBody("endmacro"))
        }
    }

    private mutating func macro(
        _ name: String,
        _ read: (inout Parser) throws(Fault) -> (parameters: [Macro.Parameter], body: [Statement])
    ) throws(Fault) -> Macro {
        let depth = loopDepth
        loopDepth = 0
        macroNames.append([])
        let (parameters, body) = try read(&self)
        loopDepth = depth
        let names = macroNames.removeLast()
        if let outer = macroNames.indices.last { macroNames[outer].formUnion(names) }
        return Macro(
            name: name, id: id(name), parameters: parameters, body: body,
            usesCaller: names.contains("caller"),
            usesVarargs: names.contains("varargs"), usesKwargs: names.contains("kwargs"))
    }

    /// Up to the closing parenthesis.
    private mutating func parameters() throws(Fault) -> [Macro.Parameter] {
        var parameters = [Macro.Parameter]()
        while !isNext(.rightParenthesis) {
            if !parameters.isEmpty { try expect(.comma) }
            let name = try name("the name of a parameter")
            let standard = skip(.assign) ? try expression() : nil
            if standard == nil, parameters.last?.standard != nil {
                throw .syntax("the parameter '\(name)' has no default, but the one before has")
            }
            parameters.append(Macro.Parameter(name: id(name), spelling: name, standard: standard))
        }
        advance()
        return parameters
    }

    private mutating func callBlock(_ line: Int) throws(Fault) -> Statement.Kind {
        var called: Expression?
        let body = try macro("caller") { (parser) throws(Fault) in
            let parameters = parser.skip(.leftParenthesis) ? try parser.parameters() : []
            let expression = try parser.expression()
            guard case .postfix(_, let operations) = expression.kind, case .call? = operations.last?.kind
            else {
                throw .syntax("'call' without a call")
            }
            called = expression
            return (parameters, try parser.closedBody("endcall"))
        }
        guard let called else { throw unexpected("a call") }
        return .call(called, body: body)
    }

    private mutating func filterBlock() throws(Fault) -> Statement.Kind {
        var filters = [try filter()]
        while skip(.bar) { filters.append(try filter()) }
        return .filterBlock(
            filters,
            body: try inner { (parser) throws(Fault) in
                try parser.closedBody("endfilter")
            })
    }

    private mutating func with() throws(Fault) -> Statement.Kind {
        var values: [(target: Target, value: Expression)] = []
        while token.kind != .blockEnd {
            if !values.isEmpty { try expect(.comma) }
            let target = try singleTarget(allowsMember: false)
            try expect(.assign)
            values.append((target, try expression()))
        }
        return .scope(values, body: try closedBody("endwith"))
    }

    private mutating func block() throws(Fault) -> [Statement] {
        let name = try name("the name of a block")
        _ = skip(name: "scoped")
        let body = try inner { (parser) throws(Fault) in try parser.closedBody("endblock") }
        _ = skip(name: name)
        return body
    }
}
