/// How a value is formatted: `[[fill]align][sign][#][0][width][,][.precision][type]`.
struct FormatSpecification {
    var fill = TemplateString(" ")
    var alignment: Unicode.Scalar?
    var sign: Unicode.Scalar?
    var isAlternate = false
    var width = 0
    var grouping: Unicode.Scalar?
    var precision: Int?
    var type: Unicode.Scalar?

    /// - Throws: where there is something behind the type.
    init(_ text: TemplateString) throws(Fault) {
        let scalars = text.scalars.map(\.scalar)
        var at = 0
        func isNext(_ set: String, _ offset: Int = 0) -> Bool {
            at + offset < scalars.count && set.unicodeScalars.contains(scalars[at + offset])
        }
        if isNext("<>^=", 1) {
            fill = TemplateString(String(scalars[0]))
            alignment = scalars[1]
            at = 2
        } else if isNext("<>^=") {
            alignment = scalars[0]
            at = 1
        }
        if isNext("+- ") {
            sign = scalars[at]
            at += 1
        }
        if isNext("#") {
            isAlternate = true
            at += 1
        }
        if isNext("0") {
            if alignment == nil { (fill, alignment) = (TemplateString("0"), "=") }
            at += 1
        }
        func number() throws(Fault) -> Int? {
            var value: Int?
            while isNext("0123456789") {
                value = (value ?? 0) * 10 + Int(scalars[at].value - 48)
                guard let value, value < 1 << 24 else {
                    throw .limit("a width in a format", allowed: "\(1 << 24)")
                }
                at += 1
            }
            return value
        }
        width = try number() ?? 0
        if isNext(",_") {
            grouping = scalars[at]
            at += 1
        }
        if isNext(".") {
            at += 1
            guard let value = try number() else {
                throw .failed("a format without the precision behind its point")
            }
            precision = value
        }
        if at < scalars.count {
            type = scalars[at]
            at += 1
        }
        guard at == scalars.count else { throw .failed("the format '\(text.text)' is not known") }
    }

    init() {}
}

extension Interpreter {
    /// Python's `format` of a value.
    func formatted(_ value: TemplateValue, _ format: FormatSpecification) throws(Fault) -> TemplateString {
        var body: TemplateString
        var sign = ""
        let isPlain = format.type == nil && format.width == 0 && format.alignment == nil && format.sign == nil
        switch value {
        case .string, .undefined, .none:
            guard format.type == nil || format.type == "s", format.sign == nil, format.alignment != "=" else {
                throw .failed("this format of '\(value.typeName)'")
            }
            body = try text(value)
            if let precision = format.precision { body = body[0..<body.offset(ofScalar: precision)] }
        case .bool where isPlain:
            body = try text(value)
        case .bool, .integer, .double:
            let number = try digits(value, format)
            let isNegative = number.utf8.first == UInt8(ascii: "-")
            sign = isNegative ? "-" : format.sign == "+" ? "+" : format.sign == " " ? " " : ""
            body = TemplateString(isNegative ? String(number.dropFirst()) : number)
        default:
            guard format.type == nil, format.width == 0 else {
                throw .failed("this format of '\(value.typeName)'")
            }
            body = try text(value)
        }
        let isNumber = if case .string = value { false } else { value.number != nil }
        let alignment = format.alignment ?? (isNumber ? ">" : "<")
        if alignment == "=" {
            let width = max(0, format.width - sign.utf8.count)
            let padded = try padded(body, to: width, side: .left, fill: format.fill)
            var result = TemplateString(sign)
            result.append(padded)
            return result
        }
        var whole = TemplateString(sign)
        whole.append(body)
        let length = whole.scalarCount
        guard alignment == "^", format.width > length else {
            return try padded(
                whole, to: format.width, side: alignment == "<" ? .right : .left, fill: format.fill)
        }
        let left = (format.width - length) / 2
        whole = try padded(whole, to: length + left, side: .left, fill: format.fill)
        return try padded(whole, to: format.width, side: .right, fill: format.fill)
    }

    private func digits(_ value: TemplateValue, _ format: FormatSpecification) throws(Fault) -> String {
        let type = format.type
        if let integer = value.index {
            let radices: [Unicode.Scalar: (Int, String)] = [
                "x": (16, "0x"), "X": (16, "0X"), "o": (8, "0o"), "b": (2, "0b"),
            ]
            if let type, let (radix, prefix) = radices[type] {
                let digits = String(integer.magnitude, radix: radix, uppercase: type == "X")
                return (integer < 0 ? "-" : "") + (format.isAlternate ? prefix : "") + digits
            }
            if type == nil || type == "d" || type == "n" { return grouped(String(integer), format.grouping) }
            if type == "c" {
                guard let scalar = UInt32(exactly: integer).flatMap(Unicode.Scalar.init) else {
                    throw .failed("\(integer) is no character")
                }
                return String(scalar)
            }
        }
        guard let number = value.number?.asDouble else { throw .failed("a number is expected") }
        switch type {
        case nil:
            guard let precision = format.precision else {
                return grouped(PythonNumber.text(number), format.grouping)
            }
            return grouped(PythonNumber.formatted("g", number, max(precision, 1)), format.grouping)
        case "f"?, "F"?:
            return grouped(PythonNumber.fixed(number, digits: format.precision ?? 6), format.grouping)
        case "e"?, "E"?, "g"?, "G"?:
            return grouped(
                PythonNumber.formatted(String(type ?? "g"), number, format.precision ?? 6), format.grouping)
        case "%"?: return PythonNumber.fixed(number * 100, digits: format.precision ?? 6) + "%"
        default: throw .failed("the format type '\(type.map(String.init) ?? "")' of '\(value.typeName)'")
        }
    }

    /// Digits before the point in groups of three.
    private func grouped(_ number: String, _ separator: Unicode.Scalar?) -> String {
        guard let separator else { return number }
        let isNegative = number.utf8.first == UInt8(ascii: "-")
        let digits = isNegative ? number.dropFirst() : number[...]
        let whole = digits.prefix { $0.isNumber }
        var result = ""
        for (index, digit) in whole.enumerated() {
            if index > 0, (whole.count - index) % 3 == 0 { result.unicodeScalars.append(separator) }
            result.append(digit)
        }
        return (isNegative ? "-" : "") + result + digits.dropFirst(whole.count)
    }
}
