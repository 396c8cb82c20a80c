/// How a body ended.
enum Flow {
    case done
    case leaveLoop
    case nextItem
}

extension Interpreter {
    /// Runs statements in the scope at hand.
    func execute(_ body: [Statement]) throws(Fault) -> Flow {
        try enter()
        defer { depth -= 1 }
        for statement in body {
            line = statement.line
            let flow = try execute(statement)
            guard case .done = flow else { return flow }
        }
        return .done
    }

    private func execute(_ statement: Statement) throws(Fault) -> Flow {
        try step()
        switch statement.kind {
        case .text(let text): try write(text)
        case .output(let expression): try write(try text(try evaluate(expression)))
        case .branches(let branches, let otherwise): return try execute(branches, otherwise)
        case .loop(let loop): try execute(loop)
        case .assign(let target, let expression): try assign(target, try evaluate(expression))
        case .assignBlock(let target, let filters, let body):
            try assign(target, try filtered(filters, body))
        case .macro(let macro):
            capture()
            scope.set(macro.id, .callable(TemplateCallable(.macro(macro, scope))))
        case .call(let expression, let body): try execute(expression, callingBack: body)
        case .filterBlock(let filters, let body):
            try write(try string(try filtered(filters, body), "the end of a 'filter' block"))
        case .scope(let values, let body): return try execute(body, with: values)
        case .leaveLoop: return .leaveLoop
        case .nextItem: return .nextItem
        }
        return .done
    }

    private func capture() {
        // A scope is emptied once, however many macros hold it.
        if capturedScopes.last !== scope { capturedScopes.append(scope) }
    }

    private func execute(
        _ branches: [(test: Expression, body: [Statement])], _ otherwise: [Statement]
    ) throws(Fault) -> Flow {
        for branch in branches where try evaluate(branch.test).isTrue { return try execute(branch.body) }
        return try execute(otherwise)
    }

    /// Runs `body` with names of its own.
    func inScope<Result>(
        of parent: Scope, _ body: () throws(Fault) -> Result
    ) throws(Fault) -> Result {
        let before = scope
        scope = Scope(parent: parent)
        defer { scope = before }
        return try body()
    }

    private func execute(
        _ body: [Statement], with values: [(target: Target, value: Expression)]
    ) throws(Fault) -> Flow {
        var known: [(Target, TemplateValue)] = []
        for (target, value) in values { known.append((target, try evaluate(value))) }
        return try inScope(of: scope) { () throws(Fault) in
            for (target, value) in known { try assign(target, value) }
            return try execute(body)
        }
    }

    /// The text of a body after filters.
    private func filtered(_ filters: [Postfix], _ body: [Statement]) throws(Fault) -> TemplateValue {
        var value = TemplateValue.string(
            try captured { () throws(Fault) in
                _ = try inScope(of: scope) { () throws(Fault) in try execute(body) }
            })
        for filter in filters { value = try apply(filter, to: value) }
        return value
    }

    private func execute(_ expression: Expression, callingBack body: Macro) throws(Fault) {
        guard case .postfix(let operand, let operations) = expression.kind, let last = operations.last,
            case .call(let arguments) = last.kind
        else { return }
        var called = try evaluate(operand)
        for operation in operations.dropLast() { called = try apply(operation, to: called) }
        var given = try evaluate(arguments)
        capture()
        given.keywords.append(("caller", .callable(TemplateCallable(.caller(body, scope)))))
        line = last.line
        try write(try text(try call(called, given)))
    }

    // MARK: Assignment

    func assign(_ target: Target, _ value: TemplateValue) throws(Fault) {
        switch target {
        case .name(let id): scope.set(id, value)
        case .member(let id, let name):
            guard case .namespace(let namespace)? = scope.value(id) else {
                throw .failed("'\(names[id])' is no namespace: its members cannot be assigned to")
            }
            try Self.checkMember(name)
            namespace.set(name, value)
        case .tuple(let targets):
            let items = try items(value)
            guard items.count == targets.count else {
                throw .failed("\(items.count) values for \(targets.count) names")
            }
            for (target, item) in zip(targets, items) { try assign(target, item) }
        }
    }

    static func checkMember(_ name: TemplateString) throws(Fault) {
        guard name.bytes.first != UInt8(ascii: "_") else {
            throw .failed("'\(name.text)': members of a namespace cannot begin with an underscore")
        }
    }

    // MARK: Loops

    private func execute(_ loop: ForLoop) throws(Fault) {
        let items = try items(try evaluate(loop.items))
        try run(loop, items, in: scope, level: 0)
    }

    func run(_ loop: ForLoop, _ all: [TemplateValue], in parent: Scope, level: Int) throws(Fault) {
        var items = all
        if let test = loop.test {
            items = []
            for item in all {
                try step()
                let isKept = try inScope(of: parent) { () throws(Fault) in
                    try assign(loop.target, item)
                    return try evaluate(test).isTrue
                }
                if isKept { items.append(item) }
            }
        }
        let state = LoopState(
            items, extent: try self.list(items).extent, level: level,
            recursion: loop.isRecursive ? (loop, parent) : nil)
        let name = loopName
        for index in items.indices {
            try step()
            state.index = index
            let flow = try inScope(of: parent) { () throws(Fault) in
                if let name { scope.set(name, .loop(state)) }
                try assign(loop.target, items[index])
                return try execute(loop.body)
            }
            if case .leaveLoop = flow { break }
        }
        if items.isEmpty {
            _ = try inScope(of: parent) { () throws(Fault) in try execute(loop.otherwise) }
        }
    }
}
