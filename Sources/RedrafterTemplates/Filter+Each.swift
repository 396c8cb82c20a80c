extension Interpreter {
    /// Filters that apply another filter or a test to each item.
    func applyToEach(
        _ filter: Filter, _ value: TemplateValue, _ arguments: CallArguments
    ) throws(Fault) -> TemplateValue {
        // Jinja does not look at what is false: `none|map(…)` is empty.
        guard value.isTrue || filter == .groupby else { return try iterator([]) }
        let items = try items(value)
        switch filter {
        case .map: return try map(items, arguments)
        case .groupby: return try groups(items, arguments)
        default:
            return try select(
                items, arguments, hasPath: filter == .selectattr || filter == .rejectattr,
                keeps: filter == .select || filter == .selectattr)
        }
    }

    private func map(_ items: [TemplateValue], _ arguments: CallArguments) throws(Fault) -> TemplateValue {
        var results = [TemplateValue]()
        if arguments.positional.isEmpty, arguments.keywords.contains(where: { $0.name == "attribute" }) {
            let bound = try arguments.bind(["attribute", "default"], "map")
            let path = try path(bound[0])
            for item in items { results.append(try follow(path, from: item, standard: bound[1])) }
            return try iterator(results)
        }
        guard case .string(let name)? = arguments.positional.first else {
            throw .failed("'map' needs the name of a filter or 'attribute='")
        }
        guard let filter = Filter(rawValue: name.text) else { throw Filter.unknown(name.text) }
        var rest = arguments
        rest.positional.removeFirst()
        try enter()
        defer { depth -= 1 }
        for item in items {
            try step()
            results.append(try apply(filter, item, rest))
        }
        return try iterator(results)
    }

    private func select(
        _ items: [TemplateValue], _ arguments: CallArguments, hasPath: Bool, keeps: Bool
    ) throws(Fault) -> TemplateValue {
        var rest = arguments
        var path = [TemplateValue]()
        if hasPath {
            guard !rest.positional.isEmpty else { throw .failed("the name of an attribute is missing") }
            path = try self.path(rest.positional.removeFirst())
        }
        var test: Test?
        if !rest.positional.isEmpty {
            let name = try text(rest.positional.removeFirst()).text
            guard let known = Test(rawValue: name) else { throw Test.unknown(name) }
            test = known
        }
        var results = [TemplateValue]()
        for item in items {
            try step()
            let value = try follow(path, from: item)
            let isKept = if let test { try holds(test, value, rest) } else { value.isTrue }
            if isKept == keeps { results.append(item) }
        }
        return try iterator(results)
    }

    private func groups(_ items: [TemplateValue], _ arguments: CallArguments) throws(Fault) -> TemplateValue {
        let bound = try arguments.bind(["attribute", "default", "case_sensitive"], required: 1, "groupby")
        let path = try path(bound[0])
        var keys = [TemplateValue]()
        for item in items {
            keys.append(folded(try follow(path, from: item, standard: bound[1]), bound[2]))
        }
        let order = try sortedOrder(keys, isReversed: false)
        var groups = [TemplateValue]()
        var members = [TemplateValue]()
        for (place, index) in order.enumerated() {
            members.append(items[index])
            let isLast = place == order.count - 1 || !keys[order[place + 1]].equals(keys[index])
            guard isLast else { continue }
            // The name of a group is that of its first member, in its own case.
            let first = try follow(path, from: members[0], standard: bound[1])
            groups.append(try tuple([first, try list(members)]))
            members = []
        }
        return try list(groups)
    }

    /// The value as it is compared where case does not matter.
    func folded(_ value: TemplateValue, _ isCaseSensitive: TemplateValue?) -> TemplateValue {
        guard isCaseSensitive?.isTrue != true, case .string(let text) = value else { return value }
        return .string(text.lowercased)
    }
}
