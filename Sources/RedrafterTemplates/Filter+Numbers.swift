import RedrafterPlatform

extension Interpreter {
    /// Filters about numbers.
    func applyToNumber(
        _ filter: Filter, _ value: TemplateValue, _ arguments: CallArguments
    ) throws(Fault) -> TemplateValue {
        if case .undefined(let undefined) = value { throw .failed(undefined.message) }
        switch filter {
        case .int:
            let bound = try arguments.bind(["default", "base"], "int")
            let standard = bound[0] ?? .integer(0)
            return try integer(of: value, base: try integer(bound[1], "int") ?? 10) ?? standard
        case .float:
            let bound = try arguments.bind(["default"], "float")
            return double(of: value).map { .double($0) } ?? bound[0] ?? .double(0)
        case .abs:
            switch value.number {
            case .integer(let number):
                return number < 0 ? try integer(0.subtractingReportingOverflow(number)) : .integer(number)
            case .double(let number): return .double(number.magnitude)
            case nil: throw .failed("'abs' of '\(value.typeName)'")
            }
        default: return try rounded(value, arguments)
        }
    }

    private func integer(of value: TemplateValue, base: Int) throws(Fault) -> TemplateValue? {
        switch value {
        case .string(let text):
            if let number = PythonNumber.integer(text, base: base) { return .integer(number) }
            return double(of: value).flatMap(whole)
        default:
            switch value.number {
            case .integer(let number): return .integer(number)
            case .double(let number): return whole(number)
            case nil: return nil
            }
        }
    }

    private func whole(_ number: Double) -> TemplateValue? {
        Int(exactly: number.rounded(.towardZero)).map { .integer($0) }
    }

    private func double(of value: TemplateValue) -> Double? {
        if case .string(let text) = value { return PythonNumber.double(text) }
        return value.number?.asDouble
    }

    private func rounded(_ value: TemplateValue, _ arguments: CallArguments) throws(Fault) -> TemplateValue {
        let bound = try arguments.bind(["precision", "method"], "round")
        let precision = try integer(bound[0], "round") ?? 0
        let method = try bound[1].map { (value) throws(Fault) in try text(value).text } ?? "common"
        guard let number = value.number else { throw .failed("'round' of '\(value.typeName)'") }
        guard (-300...300).contains(precision) else { throw .failed("'round' to \(precision) digits") }
        switch (method, number) {
        case ("common", .integer(let integer)):
            guard precision < 0 else { return .integer(integer) }
            return whole(PythonNumber.rounded(Double(integer), digits: precision)) ?? .integer(0)
        case ("common", _):
            return .double(PythonNumber.rounded(number.asDouble, digits: precision))
        case ("ceil", _), ("floor", _):
            let scale = pow(10, Double(precision))
            let scaled = number.asDouble * scale
            return .double((method == "ceil" ? scaled.rounded(.up) : scaled.rounded(.down)) / scale)
        default: throw .failed("'round' by the method '\(method)', not common, ceil or floor")
        }
    }
}

extension PythonNumber {
    /// The integer that a text spells, with blanks around, a sign and single underscores between digits.
    static func integer(_ text: TemplateString, base: Int) -> Int? {
        var digits = Array(text.trimmed(nil).bytes)
        guard (2...36).contains(base), !digits.isEmpty else { return nil }
        let isNegative = digits[0] == UInt8(ascii: "-")
        if isNegative || digits[0] == UInt8(ascii: "+") { digits.removeFirst() }
        let prefixes = [16: UInt8(ascii: "x"), 8: UInt8(ascii: "o"), 2: UInt8(ascii: "b")]
        if let letter = prefixes[base], digits.count > 2, digits[0] == UInt8(ascii: "0"),
            digits[1] | 0x20 == letter
        {
            digits.removeFirst(2)
        }
        guard let first = digits.first, let last = digits.last, first != UInt8(ascii: "_"),
            first != UInt8(ascii: "-"), first != UInt8(ascii: "+"), last != UInt8(ascii: "_"),
            !zip(digits, digits.dropFirst()).contains(where: { $0 == UInt8(ascii: "_") && $1 == $0 })
        else { return nil }
        let plain = String(decoding: digits.filter { $0 != UInt8(ascii: "_") }, as: UTF8.self)
        return Int((isNegative ? "-" : "") + plain, radix: base)
    }

    /// The number that a text spells.
    static func double(_ text: TemplateString) -> Double? {
        let plain = text.trimmed(nil).text.lowercased()
        switch plain {
        case "inf", "+inf", "infinity", "+infinity": return .infinity
        case "-inf", "-infinity": return -.infinity
        case "nan", "+nan", "-nan": return .nan
        default:
            guard plain.utf8.count <= 400, plain.utf8.allSatisfy({ "0123456789.e+-".utf8.contains($0) })
            else {
                return nil
            }
            var number = plain
            if number.hasSuffix(".") { number += "0" }
            return Double(number)
        }
    }

    /// Half to even at a decimal place, as Python rounds: by the decimal text of the number.
    static func rounded(_ number: Double, digits: Int) -> Double {
        guard number.isFinite else { return number }
        if digits == 0 { return number.rounded(.toNearestOrEven) }
        if digits < 0 {
            let scale = pow(10, Double(-digits))
            return (number / scale).rounded(.toNearestOrEven) * scale
        }
        return Double(fixed(number, digits: digits)) ?? number
    }

    /// The number with so many digits behind the point, correctly rounded; at most 350 of them.
    static func fixed(_ number: Double, digits: Int) -> String { formatted("f", number, digits) }

    /// The number in one of C's formats.
    static func formatted(_ conversion: String, _ number: Double, _ digits: Int) -> String {
        guard number.isFinite else { return text(number) }
        var buffer = [CChar](repeating: 0, count: 1024)
        let count = withVaList([number]) {
            vsnprintf(&buffer, buffer.count, "%.\(min(max(digits, 0), 350))\(conversion)", $0)
        }
        return String(
            decoding: buffer[..<min(max(0, Int(count)), buffer.count - 1)].map { UInt8(bitPattern: $0) },
            as: UTF8.self)
    }
}
