extension Interpreter {
    /// Python's `%` on a text.
    func percentFormatted(_ text: TemplateString, _ value: TemplateValue) throws(Fault) -> TemplateString {
        var values = [value]
        if case .tuple(let list) = value { values = list.items }
        var next = 0
        var usesNames = false
        var result = TemplateString()
        result.isMarkup = text.isMarkup
        var at = 0
        let scalars = text.scalars
        func take() throws(Fault) -> TemplateValue {
            guard next < values.count else { throw .failed("too few values for the format") }
            next += 1
            return values[next - 1]
        }
        while at < scalars.count {
            guard scalars[at].scalar == "%" else {
                result.append(scalars[at].scalar, isInput: scalars[at].isInput)
                at += 1
                continue
            }
            at += 1
            var named: TemplateValue?
            if at < scalars.count, scalars[at].scalar == "(" {
                guard let close = scalars[at...].firstIndex(where: { $0.scalar == ")" }) else {
                    throw .failed("a format without its ')'")
                }
                let key = text[scalars[at].range.upperBound..<scalars[close].range.lowerBound]
                guard case .dictionary(let dictionary) = value, let member = dictionary.value(key) else {
                    throw .failed("the format has no value '\(key.text)'")
                }
                (named, usesNames, at) = (member, true, close + 1)
            }
            var (flags, format) = ("", FormatSpecification())
            while at < scalars.count, "-+ #0".unicodeScalars.contains(scalars[at].scalar) {
                flags.unicodeScalars.append(scalars[at].scalar)
                at += 1
            }
            func number() throws(Fault) -> Int? {
                if at < scalars.count, scalars[at].scalar == "*" {
                    at += 1
                    return try integer(try take(), "a width")
                }
                var number: Int?
                while at < scalars.count, case let digit = scalars[at].scalar.value, (48...57).contains(digit)
                {
                    number = (number ?? 0) * 10 + Int(digit - 48)
                    guard let number, number < 1 << 24 else {
                        throw .limit("a width in a format", allowed: "\(1 << 24)")
                    }
                    at += 1
                }
                return number
            }
            format.width = min(max(0, try number() ?? 0), 1 << 24)
            if at < scalars.count, scalars[at].scalar == "." {
                at += 1
                format.precision = max(0, try number() ?? 0)
            }
            guard at < scalars.count else { throw .failed("the format ends inside a conversion") }
            let conversion = scalars[at].scalar
            at += 1
            if conversion == "%" {
                result.append("%")
                continue
            }
            let argument: TemplateValue
            if let named { argument = named } else { argument = try take() }
            result.append(try converted(argument, conversion, flags, format))
        }
        if !usesNames, next < values.count {
            // What Python could look names up in may stay unused.
            switch value {
            case .dictionary, .list, .range, .undefined: break
            default: throw .failed("more values than the format has places")
            }
        }
        return result
    }

    private func converted(
        _ value: TemplateValue, _ conversion: Unicode.Scalar, _ flags: String, _ given: FormatSpecification
    ) throws(Fault) -> TemplateString {
        var format = given
        let isLeft = flags.contains("-")
        if flags.contains("+") { format.sign = "+" } else if flags.contains(" ") { format.sign = " " }
        format.isAlternate = flags.contains("#")
        switch conversion {
        case "s", "r", "a":
            var text = try self.text(value)
            if conversion != "s" {
                text = TemplateString()
                try walk(value)
                value.appendRepresentation(to: &text)
            }
            format.sign = nil
            format.alignment = isLeft ? "<" : ">"
            return try formatted(.string(text), format)
        case "d", "i", "u", "x", "X", "o", "e", "E", "f", "F", "g", "G", "c":
            var value = value
            if conversion == "c", case .string(let text) = value { return text }
            if "diu".unicodeScalars.contains(conversion), case .double(let number) = value {
                guard let whole = Int(exactly: number.rounded(.towardZero)) else {
                    throw .failed("the number is too large for '%\(conversion)'")
                }
                value = .integer(whole)
            }
            guard value.number != nil else {
                throw .failed("'%\(conversion)' needs a number, not '\(value.typeName)'")
            }
            if case .bool(let flag) = value { value = .integer(flag ? 1 : 0) }
            format.type = "iu".unicodeScalars.contains(conversion) ? "d" : conversion
            if value.index != nil {
                format.precision = "efgEFG".unicodeScalars.contains(conversion) ? format.precision : nil
            }
            format.alignment = isLeft ? "<" : flags.contains("0") ? "=" : ">"
            if flags.contains("0"), !isLeft { format.fill = TemplateString("0") }
            return try formatted(value, format)
        default: throw .failed("the conversion '%\(conversion)' is not known")
        }
    }

    /// Python's `str.format`.
    func braceFormatted(_ text: TemplateString, _ arguments: CallArguments) throws(Fault) -> TemplateString {
        var result = TemplateString()
        result.isMarkup = text.isMarkup
        var at = 0
        var next = 0
        let bytes = text.bytes
        while at < bytes.count {
            let byte = bytes[at]
            guard byte == UInt8(ascii: "{") || byte == UInt8(ascii: "}") else {
                result.append(byte: byte, isInput: text.isInput(at: at))
                at += 1
                continue
            }
            if at + 1 < bytes.count, bytes[at + 1] == byte {
                result.append(text, in: at..<at + 1)
                at += 2
                continue
            }
            guard byte == UInt8(ascii: "{"), let end = bytes[at...].firstIndex(of: UInt8(ascii: "}")) else {
                throw .failed("a single brace in a format")
            }
            let field = text[at + 1..<end]
            guard !field.bytes.contains(UInt8(ascii: "{")) else {
                throw .unsupported("a field inside the field of a format", nearest: "a format without")
            }
            result.append(try replacement(field, arguments, &next))
            try step()
            at = end + 1
        }
        return result
    }

    private func replacement(
        _ field: TemplateString, _ arguments: CallArguments, _ next: inout Int
    ) throws(Fault) -> TemplateString {
        let colon = field.bytes.firstIndex(of: UInt8(ascii: ":")) ?? field.count
        var name = field[0..<colon]
        var conversion: UInt8?
        if let mark = name.bytes.firstIndex(of: UInt8(ascii: "!")) {
            guard mark + 2 == name.count else { throw .failed("an unknown conversion in a format") }
            conversion = name.bytes[mark + 1]
            name = name[0..<mark]
        }
        let format = try FormatSpecification(field[min(colon + 1, field.count)..<field.count])
        var value = try fieldValue(name.text, arguments, &next)
        switch conversion {
        case nil: break
        case UInt8(ascii: "s"): value = .string(try text(value))
        case UInt8(ascii: "r"), UInt8(ascii: "a"):
            try walk(value)
            var shown = TemplateString()
            value.appendRepresentation(to: &shown)
            value = .string(shown)
        default: throw .failed("an unknown conversion in a format")
        }
        return try formatted(value, format)
    }

    /// `0`, `name`, `name.member`, `name[key]`.
    private func fieldValue(
        _ field: String, _ arguments: CallArguments, _ next: inout Int
    ) throws(Fault) -> TemplateValue {
        let first = field.prefix { $0 != "." && $0 != "[" }
        var rest = field.dropFirst(first.count)
        var value: TemplateValue
        if first.isEmpty || first.utf8.allSatisfy({ (48...57).contains($0) }) {
            let index = first.isEmpty ? next : Int(first) ?? Int.max
            if first.isEmpty { next += 1 }
            guard arguments.positional.indices.contains(index) else {
                throw .failed("too few values for the format")
            }
            value = arguments.positional[index]
        } else {
            try step(1 + arguments.keywords.count)
            guard let named = arguments.keywords.last(where: { $0.name == first }) else {
                throw .failed("the format has no value '\(first)'")
            }
            value = named.value
        }
        while let mark = rest.first {
            rest = rest.dropFirst()
            if mark == "." {
                let name = rest.prefix { $0 != "." && $0 != "[" }
                rest = rest.dropFirst(name.count)
                value = try member(TemplateString(String(name)), of: value)
            } else {
                guard mark == "[", let end = rest.firstIndex(of: "]") else {
                    throw .failed("a field of a format without ']'")
                }
                let key = rest[..<end]
                rest = rest[rest.index(after: end)...]
                value = try item(Int(key).map { .integer($0) } ?? .string(String(key)), of: value)
            }
        }
        return value
    }
}
