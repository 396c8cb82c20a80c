extension Interpreter {
    /// Filters that look at a whole list.
    func applyToItems(
        _ filter: Filter, _ value: TemplateValue, _ arguments: CallArguments
    ) throws(Fault) -> TemplateValue {
        switch filter {
        case .length, .count: return .integer(try length(value))
        case .first:
            switch value {
            case .iterator(let iterator):
                return iterator.takeFirst() ?? .undefined(.hint("the sequence has no first item"))
            case .string(let text) where !text.isEmpty: return .string(text[0..<text.scalar(at: 0).end])
            case .list(let list) where !list.items.isEmpty: return list.items[0]
            default: return try items(value).first ?? .undefined(.hint("the sequence has no first item"))
            }
        case .last:
            switch value {
            case .iterator: throw .failed("'last' needs a list; put '|list' before it")
            case .string(let text) where !text.isEmpty:
                return .string(text[text.scalar(before: text.count).start..<text.count])
            case .list(let list) where !list.items.isEmpty: return list.items[list.items.count - 1]
            default: return try items(value).last ?? .undefined(.hint("the sequence has no last item"))
            }
        case .list: return try list(try items(value))
        case .join: return try join(value, arguments)
        case .reverse:
            guard case .string = value else { return try iterator(try items(value).reversed()) }
            var result = TemplateString()
            for character in try items(value).reversed() {
                if case .string(let text) = character { result.append(text) }
            }
            return try string(result)
        case .items:
            switch value {
            case .undefined: return try iterator([])
            case .dictionary(let dictionary): return try iterator(try pairs(dictionary))
            default: throw .failed("'items' needs a dictionary, not '\(value.typeName)'")
            }
        case .attr:
            let bound = try arguments.bind(["name"], required: 1, "attr")
            let name = try string(bound[0] ?? .none, "attr")
            if case .dictionary = value { return .undefined(.member(name.text, of: "dict")) }
            return try member(name, of: value)
        case .batch: return try batch(value, arguments)
        default: return try slices(value, arguments)
        }
    }

    /// Python's `len`.
    func length(_ value: TemplateValue) throws(Fault) -> Int {
        switch value {
        case .undefined: return 0
        case .string(let text):
            try step(1 + text.count >> 6)
            return text.scalarCount
        case .list(let list), .tuple(let list): return list.items.count
        case .dictionary(let dictionary): return dictionary.count
        case .range(let range): return range.count
        case .view(let view): return view.items.count
        case .loop(let loop): return loop.items.count
        default: throw .failed("'\(value.typeName)' has no length")
        }
    }

    private func join(_ value: TemplateValue, _ arguments: CallArguments) throws(Fault) -> TemplateValue {
        let bound = try arguments.bind(["d", "attribute"], "join")
        let separator = try bound[0].map { (value) throws(Fault) in try text(value) } ?? TemplateString()
        let path = try path(bound[1])
        var result = TemplateString()
        for (index, item) in try items(value).enumerated() {
            try step()
            if index > 0 {
                try allocate(separator.count)
                result.append(separator)
            }
            result.append(try text(try follow(path, from: item)))
        }
        return try string(result)
    }

    private func batch(_ value: TemplateValue, _ arguments: CallArguments) throws(Fault) -> TemplateValue {
        let bound = try arguments.bind(["linecount", "fill_with"], required: 1, "batch")
        let size = try integer(bound[0], "batch") ?? 0
        let items = try items(value)
        guard size > 0 else { return try iterator([try list(items)]) }
        var batches = [TemplateValue]()
        for start in stride(from: 0, to: items.count, by: size) {
            var part = Array(items[start..<min(items.count, start + min(size, items.count))])
            if let filler = bound[1], part.count < size, !isNone(filler) {
                let (bytes, overflow) = (size - part.count).multipliedReportingOverflow(by: 24)
                try allocate(overflow ? Int.max / 2 : bytes)
                part += Array(repeating: filler, count: size - part.count)
            }
            batches.append(try list(part))
        }
        return try iterator(batches)
    }

    private func isNone(_ value: TemplateValue) -> Bool { if case .none = value { true } else { false } }

    private func slices(_ value: TemplateValue, _ arguments: CallArguments) throws(Fault) -> TemplateValue {
        let bound = try arguments.bind(["slices", "fill_with"], required: 1, "slice")
        let count = try integer(bound[0], "slice") ?? 0
        let items = try items(value)
        guard count > 0 else { throw .failed("'slice' into \(count) parts") }
        try allocate(min(count, Int.max / 64) * 64)
        let (size, extra) = items.count.quotientAndRemainder(dividingBy: count)
        var parts = [TemplateValue]()
        var start = 0
        for index in 0..<count {
            let end = start + size + (index < extra ? 1 : 0)
            var part = Array(items[start..<end])
            if let filler = bound[1], !isNone(filler), index >= extra { part.append(filler) }
            parts.append(try list(part))
            start = end
        }
        return try iterator(parts)
    }
}
