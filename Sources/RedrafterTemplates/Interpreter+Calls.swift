extension Interpreter {
    /// Calls a value.
    func call(_ value: TemplateValue, _ arguments: CallArguments) throws(Fault) -> TemplateValue {
        switch value {
        case .callable(let callable):
            switch callable.kind {
            case .macro(let macro, let scope): return try call(macro, in: scope, arguments)
            case .caller(let macro, let scope): return try call(macro, in: scope, arguments)
            case .function(let function): return try call(function, arguments)
            case .method(let name, let receiver): return try call(name.text, of: receiver, arguments)
            }
        case .loop(let loop):
            guard let (body, scope) = loop.recursion else {
                throw .failed("'loop' is called in a loop that is not 'recursive'")
            }
            let bound = try arguments.bind(["items"], required: 1, "loop")
            let items = try items(bound[0] ?? .none)
            return .string(
                try captured { () throws(Fault) in try run(body, items, in: scope, level: loop.level + 1) })
        case .undefined(let undefined): throw .failed(undefined.message)
        default: throw .failed("'\(value.typeName)' cannot be called")
        }
    }

    // MARK: Macros

    private func call(_ macro: Macro, in parent: Scope, _ arguments: CallArguments) throws(Fault)
        -> TemplateValue
    {
        try enter()
        defer { depth -= 1 }
        return .string(
            try captured { () throws(Fault) in
                try inScope(of: parent) { () throws(Fault) in
                    try bind(macro, arguments)
                    _ = try execute(macro.body)
                }
            })
    }

    /// Sets the parameters of a macro in the scope at hand.
    private func bind(_ macro: Macro, _ arguments: CallArguments) throws(Fault) {
        var keywords = arguments.keywords
        for (index, parameter) in macro.parameters.enumerated() {
            try step(1 + keywords.count)
            if index < arguments.positional.count {
                scope.set(parameter.name, arguments.positional[index])
            } else if let place = keywords.firstIndex(where: { $0.name == parameter.spelling }) {
                scope.set(parameter.name, keywords.remove(at: place).value)
            } else if let standard = parameter.standard {
                scope.set(parameter.name, try evaluate(standard))
            } else {
                let hint = "the parameter '\(parameter.spelling)' was not given"
                scope.set(parameter.name, .undefined(.hint(hint)))
            }
        }
        if macro.usesCaller, !macro.parameters.contains(where: { $0.spelling == "caller" }),
            let id = id("caller")
        {
            let place = keywords.firstIndex { $0.name == "caller" }
            scope.set(
                id, place.map { keywords.remove(at: $0).value } ?? .undefined(.hint("there is no caller")))
        }
        if macro.usesKwargs, let id = id("kwargs") {
            var builder = DictionaryBuilder()
            for (name, value) in keywords { try builder.set(.string(name), value) }
            scope.set(id, try dictionary(builder))
        } else if let extra = keywords.first {
            throw .failed("the macro '\(macro.name)' has no parameter '\(extra.name)'")
        }
        if macro.usesVarargs, let id = id("varargs") {
            scope.set(id, try tuple(Array(arguments.positional.dropFirst(macro.parameters.count))))
        } else if arguments.positional.count > macro.parameters.count {
            throw .failed(
                "the macro '\(macro.name)' takes \(macro.parameters.count) arguments, not "
                    + "\(arguments.positional.count)")
        }
    }

    // MARK: Functions

    private func call(_ function: GlobalFunction, _ arguments: CallArguments) throws(Fault) -> TemplateValue {
        switch function {
        case .namespace:
            let namespace = TemplateNamespace()
            namespaces.append(namespace)
            let members = try dictionaryBuilder(arguments, "namespace").finish()
            try allocate(members.count * 100 + 100)
            for index in members.keys.indices {
                let name = try text(members.keys[index])
                try Self.checkMember(name)
                namespace.set(name, members.values[index])
            }
            return .namespace(namespace)
        case .dict: return try dictionary(try dictionaryBuilder(arguments, "dict"))
        case .range: return try range(arguments)
        case .raiseException:
            let bound = try arguments.bind(["message"], required: 1, "raise_exception")
            throw Fault(kind: .raised(try text(bound[0] ?? .none).text))
        case .strftimeNow:
            let bound = try arguments.bind(["format"], required: 1, "strftime_now")
            let format = try string(bound[0] ?? .none, "strftime_now")
            return try string(TemplateString(try now.text(format.text)))
        case .joiner, .cycler:
            throw .unsupported("'\(function.rawValue)'", nearest: "loop.first, loop.cycle")
        }
    }

    private func dictionaryBuilder(_ arguments: CallArguments, _ callee: String) throws(Fault)
        -> DictionaryBuilder
    {
        var builder = DictionaryBuilder()
        guard arguments.positional.count <= 1 else { throw .failed("\(callee) takes at most one argument") }
        switch arguments.positional.first {
        case nil: break
        case .dictionary(let dictionary)?: try builder.merge(dictionary)
        case let value?:
            for pair in try items(value) {
                let parts = try items(pair)
                guard parts.count == 2 else { throw .failed("\(callee) needs pairs") }
                try builder.set(parts[0], parts[1])
            }
        }
        for (name, value) in arguments.keywords { try builder.set(.string(name), value) }
        return builder
    }

    /// The sandbox of Jinja allows ranges of as many numbers.
    private static let longestRange = 100_000

    private func range(_ arguments: CallArguments) throws(Fault) -> TemplateValue {
        guard arguments.keywords.isEmpty, (1...3).contains(arguments.positional.count) else {
            throw .failed("range takes one to three integers")
        }
        var numbers = [Int]()
        for value in arguments.positional { numbers.append(try integer(value, "range") ?? 0) }
        let range = TemplateRange(
            start: numbers.count > 1 ? numbers[0] : 0, end: numbers.count > 1 ? numbers[1] : numbers[0],
            step: numbers.count > 2 ? numbers[2] : 1)
        guard range.step != 0 else { throw .failed("a range with step 0") }
        guard range.count <= Self.longestRange else {
            throw .limit("a range of \(range.count) numbers", allowed: "\(Self.longestRange)")
        }
        return .range(range)
    }
}
