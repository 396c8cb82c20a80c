/// Methods of Python's types that templates can call.
enum Methods {
    static let ofText: Set<String> = [
        "capitalize", "casefold", "center", "count", "endswith", "find", "format", "index", "isalnum",
        "isalpha",
        "isascii", "isdecimal", "isdigit", "islower", "isnumeric", "isspace", "istitle", "isupper", "join",
        "ljust",
        "lower", "lstrip", "partition", "removeprefix", "removesuffix", "replace", "rfind", "rindex", "rjust",
        "rpartition", "rsplit", "rstrip", "split", "splitlines", "startswith", "strip", "swapcase", "title",
        "upper",
        "zfill",
    ]
    private static let ofDictionary: Set<String> = ["get", "items", "keys", "values", "copy"]
    private static let ofList: Set<String> = ["index", "count", "copy"]
    private static let changingDictionary: Set<String> = [
        "clear", "pop", "popitem", "setdefault", "update", "fromkeys",
    ]
    private static let changingList: Set<String> = [
        "append", "clear", "pop", "reverse", "insert", "sort", "extend", "remove",
    ]
    /// Python has them, this engine does not.
    static let missing: Set<String> = [
        "encode", "expandtabs", "format_map", "isidentifier", "isprintable", "translate",
    ]

    private static let callableOfText = ofText.union(missing)

    /// What can be called, and what a template may not.
    static func names(of value: TemplateValue) -> (allowed: Set<String>, refused: Set<String>) {
        switch value {
        case .string: (callableOfText, [])
        case .dictionary: (ofDictionary, changingDictionary)
        case .list: (ofList, changingList)
        case .tuple, .range: (["index", "count"], [])
        default: ([], [])
        }
    }
}

extension Interpreter {
    /// Calls a method.
    func call(
        _ name: String, of receiver: TemplateValue, _ arguments: CallArguments
    ) throws(Fault) -> TemplateValue {
        switch receiver {
        case .string(let text):
            if Methods.missing.contains(name) {
                let nearest = Spelling.nearest(name, among: Methods.ofText.sorted())
                throw .unsupported("the method '\(name)' of 'str'", nearest: "'\(nearest)'")
            }
            if name == "format" { return try string(try braceFormatted(text, arguments)) }
            guard arguments.keywords.isEmpty || ["split", "rsplit", "splitlines"].contains(name) else {
                throw .failed("'\(name)' takes no named arguments")
            }
            return try callTextMethod(name, text, arguments)
        case .dictionary(let dictionary): return try call(name, dictionary, arguments)
        case .list(let list), .tuple(let list):
            if name == "copy" { return receiver }
            return try search(name, list.items, arguments)
        case .range: return try search(name, try items(receiver), arguments)
        case .loop(let loop): return try call(name, loop, arguments)
        default: throw .failed("'\(receiver.typeName)' has no method '\(name)'")
        }
    }

    private func call(
        _ name: String, _ dictionary: TemplateDictionary, _ arguments: CallArguments
    ) throws(Fault) -> TemplateValue {
        guard arguments.keywords.isEmpty else { throw .failed("'\(name)' takes no named arguments") }
        if name == "get" {
            let bound = try arguments.bind(["key", "default"], required: 1, "get")
            return try dictionary.value(bound[0] ?? .none) ?? bound[1] ?? .none
        }
        _ = try arguments.bind([], name)
        switch name {
        case "items": return try view(.items, try pairs(dictionary))
        case "keys": return try view(.keys, dictionary.keys)
        case "values": return try view(.values, dictionary.values)
        default: return .dictionary(dictionary)
        }
    }

    private func search(
        _ name: String, _ items: [TemplateValue], _ arguments: CallArguments
    ) throws(Fault) -> TemplateValue {
        let bound = try arguments.bind(["value"], required: 1, name)
        let value = bound[0] ?? .none
        var count = 0
        for (index, item) in items.enumerated() where try compare(item, .equal, value) {
            if name == "index" { return .integer(index) }
            count += 1
        }
        guard name == "count" else { throw .failed("'index' of something that is not in the list") }
        return .integer(count)
    }

    private func call(
        _ name: String, _ loop: LoopState, _ arguments: CallArguments
    ) throws(Fault) -> TemplateValue {
        guard name == "changed" else {
            guard !arguments.positional.isEmpty else {
                throw .failed("'loop.cycle' needs something to cycle through")
            }
            return arguments.positional[loop.index % arguments.positional.count]
        }
        for value in arguments.positional { try walk(value) }
        if let last = loop.lastChanged, TemplateValue.equal(last, arguments.positional) {
            return .bool(false)
        }
        loop.lastChanged = arguments.positional
        return .bool(true)
    }
}
