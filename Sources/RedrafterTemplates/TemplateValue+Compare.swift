extension TemplateValue {
    /// Python's `==`. Depth is bounded by that of values.
    func equals(_ other: TemplateValue) -> Bool {
        if let a = number, let b = other.number {
            if case .integer(let a) = a, case .integer(let b) = b { return a == b }
            return a.asDouble == b.asDouble
        }
        switch (self, other) {
        case (.undefined, .undefined), (.none, .none): return true
        case (.string(let a), .string(let b)): return a == b
        case (.list(let a), .list(let b)), (.tuple(let a), .tuple(let b)):
            return a === b || Self.equal(a.items, b.items)
        case (.dictionary(let a), .dictionary(let b)): return a === b || Self.equal(a, b)
        case (.namespace(let a), .namespace(let b)): return a === b
        case (.range(let a), .range(let b)):
            let count = a.count
            return count == b.count && (count == 0 || a.start == b.start && (count == 1 || a.step == b.step))
        case (.iterator(let a), .iterator(let b)): return a === b
        case (.view(let a), .view(let b)):
            return a === b || (a.kind != .values && Self.equal(a.items, b.items))
        case (.callable(let a), .callable(let b)): return a === b
        case (.loop(let a), .loop(let b)): return a === b
        default: return false
        }
    }

    static func equal(_ a: [TemplateValue], _ b: [TemplateValue]) -> Bool {
        guard a.count == b.count else { return false }
        for index in a.indices where !a[index].equals(b[index]) { return false }
        return true
    }

    private static func equal(_ a: TemplateDictionary, _ b: TemplateDictionary) -> Bool {
        guard a.count == b.count else { return false }
        for index in a.keys.indices {
            // A key that one dictionary has can be hashed.
            guard let value = try? b.value(a.keys[index]), value.equals(a.values[index]) else { return false }
        }
        return true
    }

    /// Python's `is` for what can be told apart.
    func isSame(as other: TemplateValue) -> Bool {
        switch (self, other) {
        case (.bool(let a), .bool(let b)): a == b
        case (.bool, _), (_, .bool): false
        case (.integer, .double), (.double, .integer): false
        case (.list(let a), .list(let b)), (.tuple(let a), .tuple(let b)): a === b
        case (.dictionary(let a), .dictionary(let b)): a === b
        default: equals(other)
        }
    }

    /// Python's `<`. - Throws: where the types have no order.
    func isLess(than other: TemplateValue) throws(Fault) -> Bool {
        if let a = number, let b = other.number {
            if case .integer(let a) = a, case .integer(let b) = b { return a < b }
            return a.asDouble < b.asDouble
        }
        switch (self, other) {
        case (.string(let a), .string(let b)): return a < b
        case (.list(let a), .list(let b)), (.tuple(let a), .tuple(let b)):
            for (left, right) in zip(a.items, b.items) where !left.equals(right) {
                return try left.isLess(than: right)
            }
            return a.items.count < b.items.count
        case (.undefined(let undefined), _), (_, .undefined(let undefined)):
            throw .failed(undefined.message)
        default: throw .failed("'\(typeName)' and '\(other.typeName)' have no order")
        }
    }

    /// `<=` by way of `<` and `==`, so that NaN is neither.
    func isAtMost(_ other: TemplateValue) throws(Fault) -> Bool {
        if let a = number, let b = other.number {
            if case .integer(let a) = a, case .integer(let b) = b { return a <= b }
            return a.asDouble <= b.asDouble
        }
        if case .undefined(let undefined) = self { throw .failed(undefined.message) }
        return try isLess(than: other) || equals(other)
    }
}
