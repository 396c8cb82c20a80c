extension Interpreter {
    /// The value of an expression.
    func evaluate(_ expression: Expression) throws(Fault) -> TemplateValue {
        try enter()
        defer { depth -= 1 }
        line = expression.line
        switch expression.kind {
        case .none: return .none
        case .bool(let flag): return .bool(flag)
        case .integer(let number): return .integer(number)
        case .double(let number): return .double(number)
        case .string(let text): return .string(text)
        case .name(let id): return value(named: id)
        case .postfix(let operand, let operations): return try evaluate(operand, operations)
        case .and(let items): return try firstOf(items, isTrue: false)
        case .or(let items): return try firstOf(items, isTrue: true)
        case .not(let operand): return .bool(!(try evaluate(operand).isTrue))
        case .comparison(let first, let operations): return try compare(first, operations)
        case .arithmetic(let first, let operations): return try calculate(first, operations)
        case .concatenation(let items): return try concatenate(items)
        case .conditional(let test, let then, let otherwise): return try choose(test, then, otherwise)
        case .list(let items): return try list(try evaluate(items))
        case .tuple(let items): return try tuple(try evaluate(items))
        case .dictionary(let pairs): return try evaluate(pairs)
        case .negative(let operand): return try signed(operand, isNegative: true)
        case .positive(let operand): return try signed(operand, isNegative: false)
        }
    }

    func value(named id: Int) -> TemplateValue {
        if let value = scope.value(id) { return value }
        if let function = globals[id] { return .callable(TemplateCallable(.function(function))) }
        return .undefined(.name(names[id]))
    }

    private func evaluate(_ operand: Expression, _ operations: [Postfix]) throws(Fault) -> TemplateValue {
        var value = try evaluate(operand)
        for operation in operations { value = try apply(operation, to: value) }
        return value
    }

    private func evaluate(_ items: [Expression]) throws(Fault) -> [TemplateValue] {
        var values = [TemplateValue]()
        values.reserveCapacity(items.count)
        for item in items { values.append(try evaluate(item)) }
        return values
    }

    private func evaluate(_ pairs: [(key: Expression, value: Expression)]) throws(Fault) -> TemplateValue {
        var builder = DictionaryBuilder()
        for (key, value) in pairs { try builder.set(try evaluate(key), try evaluate(value)) }
        return try dictionary(builder)
    }

    private func firstOf(_ items: [Expression], isTrue: Bool) throws(Fault) -> TemplateValue {
        var value = TemplateValue.none
        for item in items {
            value = try evaluate(item)
            if value.isTrue == isTrue { break }
        }
        return value
    }

    private func choose(
        _ test: Expression, _ then: Expression, _ otherwise: Expression?
    ) throws(Fault) -> TemplateValue {
        if try evaluate(test).isTrue { return try evaluate(then) }
        if let otherwise { return try evaluate(otherwise) }
        return .undefined(.hint("the inline 'if' was false, and it has no 'else'"))
    }

    private func concatenate(_ items: [Expression]) throws(Fault) -> TemplateValue {
        var text = TemplateString()
        for item in items { text.append(try self.text(try evaluate(item))) }
        return try string(text)
    }

    // MARK: Comparison

    private func compare(
        _ first: Expression, _ operations: [(operation: Expression.Comparison, operand: Expression)]
    ) throws(Fault) -> TemplateValue {
        var left = try evaluate(first)
        for (operation, operand) in operations {
            let right = try evaluate(operand)
            guard try compare(left, operation, right) else { return .bool(false) }
            left = right
        }
        return .bool(true)
    }

    func compare(
        _ left: TemplateValue, _ operation: Expression.Comparison, _ right: TemplateValue
    ) throws(Fault) -> Bool {
        try step(min(left.extent.weight, right.extent.weight))
        switch operation {
        case .equal: return left.equals(right)
        case .unequal: return !left.equals(right)
        case .less: return try left.isLess(than: right)
        case .greater: return try right.isLess(than: left)
        case .atMost: return try left.isAtMost(right)
        case .atLeast: return try right.isAtMost(left)
        case .contained: return try contains(right, left)
        case .notContained: return !(try contains(right, left))
        }
    }

    /// Python's `in`.
    func contains(_ container: TemplateValue, _ value: TemplateValue) throws(Fault) -> Bool {
        switch container {
        case .dictionary(let dictionary): return try dictionary.value(value) != nil
        case .string(let text):
            guard case .string(let part) = value else {
                throw .failed("'in' of a text needs a text, not '\(value.typeName)'")
            }
            return try find(part, in: text, from: 0) != nil
        case .range(let range):
            guard let index = value.index, range.count > 0 else { return false }
            let (distance, overflow) = index.subtractingReportingOverflow(range.start)
            guard !overflow, distance != .min, distance % range.step == 0 else { return false }
            return (0..<range.count).contains(distance / range.step)
        default:
            let items = try items(container)
            try walk(container)
            for item in items where item.equals(value) { return true }
            return false
        }
    }

    // MARK: Arithmetic

    private func signed(_ operand: Expression, isNegative: Bool) throws(Fault) -> TemplateValue {
        let value = try evaluate(operand)
        switch value.number {
        case .integer(let number):
            if !isNegative { return .integer(number) }
            return try integer(0.subtractingReportingOverflow(number))
        case .double(let number): return .double(isNegative ? -number : number)
        case nil:
            if case .undefined(let undefined) = value { throw .failed(undefined.message) }
            throw .failed("a sign before '\(value.typeName)'")
        }
    }

    private func calculate(
        _ first: Expression, _ operations: [(operation: Expression.Arithmetic, operand: Expression)]
    ) throws(Fault) -> TemplateValue {
        var left = try evaluate(first)
        for (operation, operand) in operations {
            let right = try evaluate(operand)
            if case .add = operation, case .string(var text) = left, case .string(let other) = right,
                !text.isMarkup, !other.isMarkup
            {
                // The sum is the only one that holds the text: it grows in place.
                left = .none
                try allocate(other.cost)
                text.append(other)
                left = .string(text)
            } else {
                left = try calculate(left, operation, right)
            }
        }
        return left
    }

    func integer(_ result: (partialValue: Int, overflow: Bool)) throws(Fault) -> TemplateValue {
        guard !result.overflow else { throw .limit("an integer of more than 64 bits", allowed: "\(Int.max)") }
        return .integer(result.partialValue)
    }
}
