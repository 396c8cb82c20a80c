import RedrafterPlatform

extension Interpreter {
    /// Python's arithmetic on two values.
    func calculate(
        _ left: TemplateValue, _ operation: Expression.Arithmetic, _ right: TemplateValue
    ) throws(Fault) -> TemplateValue {
        if let a = left.number, let b = right.number { return try calculate(a, operation, b) }
        if case .undefined(let undefined) = left { throw .failed(undefined.message) }
        if case .undefined(let undefined) = right {
            // Formatting prints it.
            guard case .remainder = operation, case .string = left else { throw .failed(undefined.message) }
        }
        switch (operation, left, right) {
        case (.add, .string(let a), .string(let b)): return try string(try joined(a, b))
        case (.add, .list(let a), .list(let b)): return try list(a.items + b.items)
        case (.add, .tuple(let a), .tuple(let b)): return try tuple(a.items + b.items)
        case (.remainder, .string(let text), _): return try string(try percentFormatted(text, right))
        case (.multiply, .string, _), (.multiply, .list, _), (.multiply, .tuple, _):
            if let count = right.index { return try repeated(left, count) }
        case (.multiply, _, .string), (.multiply, _, .list), (.multiply, _, .tuple):
            if let count = left.index { return try repeated(right, count) }
        default: break
        }
        throw .failed(
            "'\(operation.rawValue)' between '\(left.typeName)' and '\(right.typeName)', which Python does not know"
        )
    }

    /// Texts marked as safe HTML escape those that are not.
    private func joined(_ a: TemplateString, _ b: TemplateString) throws(Fault) -> TemplateString {
        try allocate(b.cost)
        guard a.isMarkup || b.isMarkup else {
            var result = a
            result.append(b)
            return result
        }
        var result = a.isMarkup ? a : a.escapedHTML
        result.append(b.isMarkup ? b : b.escapedHTML)
        result.isMarkup = true
        return result
    }

    private func repeated(_ value: TemplateValue, _ count: Int) throws(Fault) -> TemplateValue {
        let count = max(count, 0)
        func checked(_ size: Int) throws(Fault) {
            let (bytes, overflow) = size.multipliedReportingOverflow(by: count)
            try allocate(overflow ? Int.max / 2 : bytes)
        }
        switch value {
        case .string(let text):
            try checked(text.cost)
            var result = TemplateString()
            result.isMarkup = text.isMarkup
            for _ in 0..<count { result.append(text) }
            return .string(result)
        case .list(let list), .tuple(let list):
            try checked(list.items.count * 24 + 1)
            var items = [TemplateValue]()
            for _ in 0..<count { items += list.items }
            if case .tuple = value { return try tuple(items) }
            return try self.list(items)
        default: return value
        }
    }

    private func calculate(
        _ a: TemplateValue.Number, _ operation: Expression.Arithmetic, _ b: TemplateValue.Number
    ) throws(Fault) -> TemplateValue {
        if case .integer(let a) = a, case .integer(let b) = b, operation != .divide {
            return try calculate(a, operation, b)
        }
        let (a, b) = (a.asDouble, b.asDouble)
        switch operation {
        case .add: return .double(a + b)
        case .subtract: return .double(a - b)
        case .multiply: return .double(a * b)
        case .divide:
            try requireDivisor(b)
            return .double(a / b)
        case .floorDivide:
            try requireDivisor(b)
            return .double((a / b).rounded(.down))
        case .remainder:
            try requireDivisor(b)
            let remainder = fmod(a, b)
            return .double(remainder != 0 && (remainder < 0) != (b < 0) ? remainder + b : remainder)
        case .power:
            if a == 0, b < 0 { throw .failed("0 to a negative power") }
            if a < 0, b != b.rounded() {
                throw .unsupported("a complex number", nearest: "a power of a positive number")
            }
            return .double(pow(a, b))
        }
    }

    private func requireDivisor(_ divisor: Double) throws(Fault) {
        guard divisor != 0 else { throw .failed("a division by zero") }
    }

    private func calculate(_ a: Int, _ operation: Expression.Arithmetic, _ b: Int) throws(Fault)
        -> TemplateValue
    {
        switch operation {
        case .add: return try integer(a.addingReportingOverflow(b))
        case .subtract: return try integer(a.subtractingReportingOverflow(b))
        case .multiply: return try integer(a.multipliedReportingOverflow(by: b))
        case .divide: return .double(Double(a) / Double(b))
        case .floorDivide, .remainder:
            guard b != 0 else { throw .failed("a division by zero") }
            guard b != -1 else {
                return isQuotient(operation) ? try integer(0.subtractingReportingOverflow(a)) : .integer(0)
            }
            let (quotient, remainder) = a.quotientAndRemainder(dividingBy: b)
            let isBelow = remainder != 0 && (remainder < 0) != (b < 0)
            return .integer(
                isQuotient(operation) ? quotient - (isBelow ? 1 : 0) : remainder + (isBelow ? b : 0))
        case .power:
            guard b >= 0 else {
                guard a != 0 else { throw .failed("0 to a negative power") }
                return .double(pow(Double(a), Double(b)))
            }
            if a == 0 || a == 1 { return .integer(b == 0 ? 1 : a) }
            if a == -1 { return .integer(b % 2 == 0 ? 1 : -1) }
            var result = 1
            for _ in 0..<min(b, 64) {
                let (product, overflow) = result.multipliedReportingOverflow(by: a)
                guard !overflow else { return try integer((0, true)) }
                result = product
            }
            return b > 64 ? try integer((0, true)) : .integer(result)
        }
    }

    private func isQuotient(_ operation: Expression.Arithmetic) -> Bool { operation == .floorDivide }
}
