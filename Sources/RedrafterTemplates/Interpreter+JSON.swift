extension Interpreter {
    /// The value as Python's `json.dumps` writes it, with the arguments that transformers gives `tojson`.
    func json(_ value: TemplateValue, _ arguments: [TemplateValue?]) throws(Fault) -> TemplateString {
        try walk(value)
        var indentation: TemplateString?
        switch arguments[1] {
        case nil, .none?: break
        case .string(let text)?: indentation = text
        case let value?:
            let width = max(0, try integer(value, "tojson") ?? 0)
            try allocate(width)
            indentation = TemplateString(Array(repeating: 0x20, count: width))
        }
        var separators = (item: TemplateString(indentation == nil ? ", " : ","), key: TemplateString(": "))
        if let given = arguments[2], given.isTrue {
            let parts = try items(given)
            guard parts.count == 2 else { throw .failed("'separators' of tojson are two texts") }
            separators = (try string(parts[0], "tojson"), try string(parts[1], "tojson"))
        }
        var writer = JSONText(
            isASCII: arguments[0]?.isTrue == true, sortsKeys: arguments[3]?.isTrue == true,
            indentation: indentation,
            separators: separators)
        try writer.write(value, level: 0, self)
        return writer.output
    }
}

private struct JSONText {
    let isASCII: Bool
    let sortsKeys: Bool
    let indentation: TemplateString?
    let separators: (item: TemplateString, key: TemplateString)
    var output = TemplateString()

    /// Nesting is bounded by that of values.
    mutating func write(_ value: TemplateValue, level: Int, _ interpreter: Interpreter) throws(Fault) {
        switch value {
        case .none: output.append("null")
        case .bool(let flag): output.append(flag ? "true" : "false")
        case .integer(let number): output.append(String(number))
        case .double(let number): output.append(Self.text(number))
        case .string(let text): write(text)
        case .list(let list), .tuple(let list):
            output.append("[")
            for (index, item) in list.items.enumerated() {
                try separate(index, level, interpreter)
                try write(item, level: level + 1, interpreter)
            }
            if !list.items.isEmpty { try newLine(level, interpreter) }
            output.append("]")
        case .dictionary(let dictionary): try write(dictionary, level: level, interpreter)
        case .undefined(let undefined): throw .failed("tojson: \(undefined.message)")
        default: throw .failed("tojson of '\(value.typeName)', which JSON does not have")
        }
    }

    private mutating func write(
        _ dictionary: TemplateDictionary, level: Int, _ interpreter: Interpreter
    ) throws(Fault) {
        output.append("{")
        var order = Array(dictionary.keys.indices)
        if sortsKeys { order = try interpreter.sortedOrder(dictionary.keys, isReversed: false) }
        for (place, index) in order.enumerated() {
            try separate(place, level, interpreter)
            switch dictionary.keys[index] {
            case .string(let text): write(text)
            case .none, .bool, .integer, .double:
                output.append("\"")
                try write(dictionary.keys[index], level: level, interpreter)
                output.append("\"")
            default: throw .failed("tojson of a key that is '\(dictionary.keys[index].typeName)'")
            }
            output.append(separators.key)
            try write(dictionary.values[index], level: level + 1, interpreter)
        }
        if dictionary.count > 0 { try newLine(level, interpreter) }
        output.append("}")
    }

    private mutating func separate(_ index: Int, _ level: Int, _ interpreter: Interpreter) throws(Fault) {
        if index > 0 {
            try interpreter.allocate(separators.item.count + separators.key.count)
            output.append(separators.item)
        }
        try newLine(level + 1, interpreter)
    }

    private mutating func newLine(_ level: Int, _ interpreter: Interpreter) throws(Fault) {
        guard let indentation else { return }
        let (bytes, overflow) = indentation.count.multipliedReportingOverflow(by: level)
        try interpreter.allocate(overflow ? Int.max / 2 : bytes)
        output.append("\n")
        for _ in 0..<level { output.append(indentation) }
    }

    private static func text(_ number: Double) -> String {
        number.isNaN
            ? "NaN" : number.isInfinite ? (number < 0 ? "-Infinity" : "Infinity") : PythonNumber.text(number)
    }

    private mutating func write(_ text: TemplateString) {
        output.append("\"")
        for segment in text.segments {
            var start = segment.range.lowerBound
            var at = start
            while at < segment.range.upperBound {
                let (scalar, end) = text.scalar(at: at)
                if let escape = escape(scalar) {
                    output.append(text, in: start..<at)
                    output.append(escape.utf8, isInput: segment.isInput)
                    start = end
                }
                at = end
            }
            output.append(text, in: start..<at)
        }
        output.append("\"")
    }

    private func escape(_ scalar: Unicode.Scalar) -> String? {
        switch scalar {
        case "\"": return "\\\""
        case "\\": return "\\\\"
        case "\n": return "\\n"
        case "\r": return "\\r"
        case "\t": return "\\t"
        case "\u{8}": return "\\b"
        case "\u{C}": return "\\f"
        default:
            guard scalar.value < 0x20 || isASCII && scalar.value > 0x7E else { return nil }
            return UTF16.encode(scalar)?.map { unit in
                let digits = String(unit, radix: 16)
                return "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            }.joined()
        }
    }
}
