extension Interpreter {
    /// What stands behind an operand, applied to its value.
    func apply(_ operation: Postfix, to value: TemplateValue) throws(Fault) -> TemplateValue {
        try step()
        line = operation.line
        switch operation.kind {
        case .attribute(let name): return try member(name, of: value)
        case .item(let index): return try item(try evaluate(index), of: value)
        case .slice(let start, let end, let step): return try slice(value, start, end, step)
        case .call(let arguments):
            let arguments = try evaluate(arguments)
            line = operation.line
            return try call(value, arguments)
        case .filter(let filter, let name, let arguments):
            guard let filter else { throw Filter.unknown(name) }
            let arguments = try evaluate(arguments)
            line = operation.line
            return try apply(filter, value, arguments)
        case .test(let test, let name, let arguments, let isNegated):
            guard let test else { throw Test.unknown(name) }
            let arguments = try evaluate(arguments)
            line = operation.line
            return .bool(try holds(test, value, arguments) != isNegated)
        }
    }

    /// Arguments with their values.
    func evaluate(_ arguments: Arguments) throws(Fault) -> CallArguments {
        guard !arguments.isEmpty else { return CallArguments() }
        var given = CallArguments()
        for item in arguments.positional { given.positional.append(try evaluate(item)) }
        for (name, item) in arguments.keywords { given.keywords.append((name, try evaluate(item))) }
        if let list = arguments.list { given.positional += try items(try evaluate(list)) }
        if let dictionary = arguments.dictionary {
            guard case .dictionary(let dictionary) = try evaluate(dictionary) else {
                throw .failed("'**' needs a dictionary")
            }
            for index in dictionary.keys.indices {
                guard case .string(let name) = dictionary.keys[index] else {
                    throw .failed("'**' needs a dictionary whose keys are texts")
                }
                given.keywords.append((name.text, dictionary.values[index]))
            }
        }
        return given
    }

    // MARK: Members

    /// `value.name`: an attribute of Python's before a key.
    func member(_ name: TemplateString, of value: TemplateValue) throws(Fault) -> TemplateValue {
        if let attribute = try attribute(name, of: value) { return attribute }
        if case .dictionary(let dictionary) = value, let member = dictionary.value(name) { return member }
        return .undefined(.member(name.text, of: value.typeName))
    }

    /// `value[index]`: a key or a place before an attribute.
    func item(_ index: TemplateValue, of value: TemplateValue) throws(Fault) -> TemplateValue {
        if case .undefined(let undefined) = value { throw .failed(undefined.message) }
        if case .dictionary(let dictionary) = value {
            if case .string(let key) = index {
                if let member = dictionary.value(key) { return member }
            } else if let member = try? dictionary.value(index) {
                return member
            }
        } else if let place = index.index, let item = try element(place, of: value) {
            return item
        }
        if case .string(let name) = index, let attribute = try attribute(name, of: value) { return attribute }
        return .undefined(.member(try text(index).text, of: value.typeName))
    }

    private func element(_ place: Int, of value: TemplateValue) throws(Fault) -> TemplateValue? {
        switch value {
        case .list(let list), .tuple(let list):
            let place = place < 0 ? place + list.items.count : place
            return list.items.indices.contains(place) ? list.items[place] : nil
        case .range(let range):
            let place = place < 0 ? place + range.count : place
            return (0..<range.count).contains(place) ? .integer(range[place]) : nil
        case .string(let text):
            try step(1 + text.count >> 4)
            let place = place < 0 ? place + text.scalarCount : place
            guard place >= 0 else { return nil }
            let start = text.offset(ofScalar: place)
            guard start < text.count else { return nil }
            return .string(text[start..<text.scalar(at: start).end])
        default: return nil
        }
    }

    /// An attribute of a Python object; nil where there is none.
    private func attribute(_ name: TemplateString, of value: TemplateValue) throws(Fault) -> TemplateValue? {
        switch value {
        case .undefined(let undefined): throw .failed(undefined.message)
        case .namespace(let namespace): return namespace.members[name]
        case .loop(let loop): return loopMember(name.text, loop)
        case .string, .dictionary, .list, .tuple, .range: break
        default: return nil
        }
        let spelling = name.text
        let methods = Methods.names(of: value)
        if methods.allowed.contains(spelling) { return .callable(TemplateCallable(.method(name, of: value))) }
        if methods.refused.contains(spelling)
            || spelling.utf8.starts(with: "__".utf8) && spelling.hasSuffix("__")
        {
            return .undefined(.unsafe(spelling, of: value.typeName))
        }
        return nil
    }

    private func loopMember(_ name: String, _ loop: LoopState) -> TemplateValue? {
        let (index, count) = (loop.index, loop.items.count)
        switch name {
        case "index": return .integer(index + 1)
        case "index0": return .integer(index)
        case "revindex": return .integer(count - index)
        case "revindex0": return .integer(count - index - 1)
        case "first": return .bool(index == 0)
        case "last": return .bool(index == count - 1)
        case "length": return .integer(count)
        case "depth": return .integer(loop.level + 1)
        case "depth0": return .integer(loop.level)
        case "previtem":
            return index > 0 ? loop.items[index - 1] : .undefined(.hint("there is no previous item"))
        case "nextitem":
            return index + 1 < count ? loop.items[index + 1] : .undefined(.hint("there is no next item"))
        case "cycle", "changed":
            return .callable(TemplateCallable(.method(TemplateString(name), of: .loop(loop))))
        default: return nil
        }
    }

    // MARK: Slices

    private func slice(
        _ value: TemplateValue, _ start: Expression?, _ end: Expression?, _ step: Expression?
    ) throws(Fault) -> TemplateValue {
        let parts = [try bound(start), try bound(end), try bound(step)]
        switch value {
        case .list(let list): return try self.list(try places(parts, list.items.count).map { list.items[$0] })
        case .tuple(let list): return try tuple(try places(parts, list.items.count).map { list.items[$0] })
        case .range(let range): return try list(try places(parts, range.count).map { .integer(range[$0]) })
        case .string(let text): return try slice(text, parts)
        case .undefined(let undefined): throw .failed(undefined.message)
        default: throw .failed("a slice of '\(value.typeName)'")
        }
    }

    private func bound(_ expression: Expression?) throws(Fault) -> Int? {
        guard let expression else { return nil }
        let value = try evaluate(expression)
        if case .none = value { return nil }
        guard let index = value.index else { throw .failed("a slice from or to '\(value.typeName)'") }
        return index
    }

    /// A slice in Python's terms: first place, end and step.
    private func resolved(_ parts: [Int?], _ count: Int) throws(Fault) -> TemplateRange {
        let step = parts[2] ?? 1
        guard step != 0 else { throw .failed("a slice with step 0") }
        let low = step > 0 ? 0 : -1
        let high = step > 0 ? count : count - 1
        func place(_ value: Int) -> Int { min(max(value < 0 ? value + count : value, low), high) }
        return TemplateRange(
            start: parts[0].map(place) ?? (step > 0 ? low : high),
            end: parts[1].map(place) ?? (step > 0 ? high : low), step: max(step, -Int.max))
    }

    private func places(_ parts: [Int?], _ count: Int) throws(Fault) -> [Int] {
        let range = try resolved(parts, count)
        try allocate(range.count * 8)
        return (0..<range.count).map { range[$0] }
    }

    private func slice(_ text: TemplateString, _ parts: [Int?]) throws(Fault) -> TemplateValue {
        try step(1 + text.count >> 4)
        let range = try resolved(parts, text.scalarCount)
        guard range.count > 0 else { return .string(TemplateString()) }
        if range.step == 1 {
            let start = text.offset(ofScalar: range.start)
            let end = text.offset(ofScalar: range.end - range.start, from: start)
            return try string(text[start..<end])
        }
        try allocate(text.count * 40)
        let scalars = text.scalars
        var result = TemplateString()
        for index in 0..<range.count {
            let item = scalars[range[index]]
            result.append(item.scalar, isInput: item.isInput)
        }
        return try string(result)
    }
}
