extension TemplateValue {
    /// Appends what Python's `str` gives.
    func appendText(to output: inout TemplateString) {
        switch self {
        case .undefined: break
        case .string(let text): output.append(text)
        case .namespace(let namespace): Self.append(namespace, to: &output)
        default: appendRepresentation(to: &output)
        }
    }

    /// Appends what Python's `repr` gives. Depth is bounded by that of values.
    func appendRepresentation(to output: inout TemplateString) {
        switch self {
        case .undefined: output.append("Undefined")
        case .none: output.append("None")
        case .bool(let flag): output.append(flag ? "True" : "False")
        case .integer(let number): output.append(String(number))
        case .double(let number): output.append(PythonNumber.text(number))
        case .string(let text):
            if text.isMarkup { output.append("Markup(") }
            Self.appendQuoted(text, to: &output)
            if text.isMarkup { output.append(")") }
        case .list(let list): Self.append(list.items, "[", "]", to: &output)
        case .tuple(let list): Self.append(list.items, "(", list.items.count == 1 ? ",)" : ")", to: &output)
        case .dictionary(let dictionary): Self.append(dictionary, to: &output)
        // A namespace can hold itself.
        case .namespace: output.append("<Namespace>")
        case .range(let range):
            let step = range.step == 1 ? "" : ", \(range.step)"
            output.append("range(\(range.start), \(range.end)\(step))")
        case .view(let view): Self.append(view.items, "dict_\(view.kind.rawValue)([", "])", to: &output)
        case .iterator: output.append("<generator object>")
        case .callable(let callable):
            if case .macro(let macro, _) = callable.kind {
                output.append("<Macro '\(macro.name)'>")
            } else {
                output.append("<\(callable.typeName)>")
            }
        case .loop(let loop): output.append("<LoopContext \(loop.index + 1)/\(loop.items.count)>")
        }
    }

    private static func append(
        _ items: [TemplateValue], _ open: String, _ close: String, to output: inout TemplateString
    ) {
        output.append(open)
        for (index, item) in items.enumerated() {
            if index > 0 { output.append(", ") }
            item.appendRepresentation(to: &output)
        }
        output.append(close)
    }

    private static func append(_ dictionary: TemplateDictionary, to output: inout TemplateString) {
        output.append("{")
        for index in dictionary.keys.indices {
            if index > 0 { output.append(", ") }
            dictionary.keys[index].appendRepresentation(to: &output)
            output.append(": ")
            dictionary.values[index].appendRepresentation(to: &output)
        }
        output.append("}")
    }

    private static func append(_ namespace: TemplateNamespace, to output: inout TemplateString) {
        output.append("<Namespace {")
        for (index, name) in namespace.order.enumerated() {
            if index > 0 { output.append(", ") }
            appendQuoted(name, to: &output)
            output.append(": ")
            namespace.members[name]?.appendRepresentation(to: &output)
        }
        output.append("}>")
    }

    private static func appendQuoted(_ text: TemplateString, to output: inout TemplateString) {
        let single = UInt8(ascii: "'")
        let double = UInt8(ascii: "\"")
        let quote = text.bytes.contains(single) && !text.bytes.contains(double) ? double : single
        output.append(byte: quote)
        for item in text.scalars {
            switch item.scalar {
            case "\n": output.append("\\n".utf8, isInput: item.isInput)
            case "\r": output.append("\\r".utf8, isInput: item.isInput)
            case "\t": output.append("\\t".utf8, isInput: item.isInput)
            case "\\": output.append("\\\\".utf8, isInput: item.isInput)
            case let scalar where scalar.value == UInt32(quote):
                output.append([UInt8(ascii: "\\"), quote], isInput: item.isInput)
            case let scalar where scalar.isPythonPrintable: output.append(scalar, isInput: item.isInput)
            case let scalar:
                let (letter, width) =
                    scalar.value < 0x100 ? ("x", 2) : scalar.value < 0x10000 ? ("u", 4) : ("U", 8)
                let digits = String(scalar.value, radix: 16)
                let zeros = String(repeating: "0", count: width - digits.count)
                output.append("\\\(letter)\(zeros)\(digits)".utf8, isInput: item.isInput)
            }
        }
        output.append(byte: quote)
    }
}

/// Numbers as Python writes them.
enum PythonNumber {
    /// The shortest text that reads back as the number.
    static func text(_ number: Double) -> String {
        guard number.isFinite else { return number.isNaN ? "nan" : number < 0 ? "-inf" : "inf" }
        let (digits, exponent) = decimal(number)
        let sign = number.sign == .minus ? "-" : ""
        // Digits d₁d₂… mean d₁.d₂… × 10^exponent.
        if exponent < -4 || exponent >= 16 {
            let fraction = digits.count > 1 ? "." + digits.dropFirst() : ""
            let size = abs(exponent) < 10 ? "0\(abs(exponent))" : "\(abs(exponent))"
            return "\(sign)\(digits.prefix(1))\(fraction)e\(exponent < 0 ? "-" : "+")\(size)"
        }
        if exponent < 0 { return sign + "0." + String(repeating: "0", count: -exponent - 1) + digits }
        if digits.count <= exponent + 1 {
            return sign + digits + String(repeating: "0", count: exponent + 1 - digits.count) + ".0"
        }
        return "\(sign)\(digits.prefix(exponent + 1)).\(digits.dropFirst(exponent + 1))"
    }

    /// Significant digits and the exponent of the first.
    private static func decimal(_ number: Double) -> (digits: String, exponent: Int) {
        guard number != 0 else { return ("0", 0) }
        let text = number.magnitude.description.lowercased()
        let parts = text.split(separator: "e")
        let mantissa = parts[0].split(separator: ".", omittingEmptySubsequences: false)
        let whole = String(mantissa[0])
        let fraction = mantissa.count > 1 ? String(mantissa[1]) : ""
        var digits = whole + fraction
        var exponent = whole.count - 1 + (parts.count > 1 ? Int(parts[1]) ?? 0 : 0)
        while digits.hasPrefix("0"), digits.count > 1 {
            digits.removeFirst()
            exponent -= 1
        }
        while digits.hasSuffix("0"), digits.count > 1 { digits.removeLast() }
        return (digits, exponent)
    }
}
