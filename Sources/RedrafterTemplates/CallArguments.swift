/// Arguments of a call with their values.
struct CallArguments {
    var positional: [TemplateValue] = []
    var keywords: [(name: String, value: TemplateValue)] = []

    /// The arguments by parameter, as Python binds them.
    /// - Parameters:
    ///   - parameters: names in order.
    ///   - required: how many of them must be given.
    ///   - callee: named in errors.
    func bind(_ parameters: [String], required: Int = 0, _ callee: String) throws(Fault) -> [TemplateValue?] {
        guard positional.count <= parameters.count else {
            throw .failed(
                "\(callee) takes at most \(parameters.count) arguments, not \(positional.count)")
        }
        var values: [TemplateValue?] = positional
        values += [TemplateValue?](repeating: nil, count: parameters.count - positional.count)
        for (name, value) in keywords {
            guard let index = parameters.firstIndex(of: name) else {
                throw .failed("\(callee) has no argument '\(name)'")
            }
            guard values[index] == nil else { throw .failed("\(callee) is given '\(name)' twice") }
            values[index] = value
        }
        for index in 0..<required where values[index] == nil {
            throw .failed("\(callee) needs the argument '\(parameters[index])'")
        }
        return values
    }
}

extension Interpreter {
    /// A text argument. - Throws: for other values.
    func string(_ value: TemplateValue, _ what: String) throws(Fault) -> TemplateString {
        if case .string(let text) = value { return text }
        if case .undefined(let undefined) = value { throw .failed(undefined.message) }
        throw .failed("\(what) needs a text, not '\(value.typeName)'")
    }

    /// An integer argument; nil where it is not given.
    func integer(_ value: TemplateValue?, _ what: String) throws(Fault) -> Int? {
        guard let value else { return nil }
        if let index = value.index { return index }
        if case .undefined(let undefined) = value { throw .failed(undefined.message) }
        throw .failed("\(what) needs an integer, not '\(value.typeName)'")
    }
}
