extension Interpreter {
    /// Filters that make a text of anything.
    func applyToText(
        _ filter: Filter, _ value: TemplateValue, _ arguments: CallArguments
    ) throws(Fault) -> TemplateValue {
        let text = try self.text(value)
        try allocate(text.cost)
        switch filter {
        case .trim:
            let bound = try arguments.bind(["chars"], "trim")
            return .string(text.trimmed(try characters(bound[0])))
        case .upper, .lower, .capitalize, .title:
            _ = try arguments.bind([], filter.rawValue)
            try allocate(text.count * 40)
            switch filter {
            case .upper: return .string(text.uppercased)
            case .lower: return .string(text.lowercased)
            case .capitalize: return .string(text.capitalized)
            default: return .string(text.titledByBlanks)
            }
        case .replace:
            let bound = try arguments.bind(["old", "new", "count"], required: 2, "replace")
            var plain = text
            plain.isMarkup = false
            return try string(
                try replaced(
                    plain, try self.text(bound[0] ?? .none), try self.text(bound[1] ?? .none),
                    limit: try limit(bound[2], "replace")))
        case .indent: return try string(try indented(try string(value, "'indent'"), arguments))
        case .center:
            let bound = try arguments.bind(["width"], "center")
            return try string(try padded(text, to: try integer(bound[0], "center") ?? 80, side: .both))
        case .string: return .string(text)
        case .safe:
            var text = text
            text.isMarkup = true
            return .string(text)
        case .escape, .e, .forceescape:
            guard !text.isMarkup || filter == .forceescape else { return .string(text) }
            try allocate(text.count * 6)
            return .string(text.escapedHTML)
        case .format:
            if arguments.keywords.isEmpty {
                return try string(try percentFormatted(text, try tuple(arguments.positional)))
            }
            guard arguments.positional.isEmpty else {
                throw .failed("format takes named or other arguments, not both")
            }
            var builder = DictionaryBuilder()
            for (name, value) in arguments.keywords { try builder.set(.string(name), value) }
            return try string(try percentFormatted(text, try dictionary(builder)))
        case .wordcount:
            return .integer(text.wordCount)
        default:
            throw .unsupported("the filter '\(filter.rawValue)'", nearest: "'replace'")
        }
    }

    /// The characters that are trimmed; nil for white space.
    func characters(_ value: TemplateValue?) throws(Fault) -> Set<Unicode.Scalar>? {
        switch value {
        case nil, .none?: return nil
        case let value?: return Set(try string(value, "trimming").scalars.map(\.scalar))
        }
    }

    /// How often; nil for always, also for negative numbers.
    func limit(_ value: TemplateValue?, _ what: String) throws(Fault) -> Int? {
        if case .none? = value { return nil }
        guard let count = try integer(value, what) else { return nil }
        return count < 0 ? nil : count
    }

    private func indented(_ text: TemplateString, _ arguments: CallArguments) throws(Fault) -> TemplateString
    {
        let bound = try arguments.bind(["width", "first", "blank"], "indent")
        let indentation: TemplateString
        if case .string(let text)? = bound[0] {
            indentation = text
        } else {
            let width = max(0, try integer(bound[0], "indent") ?? 4)
            try allocate(width)
            indentation = TemplateString(Array(repeating: 0x20, count: width))
        }
        let (first, blank) = (bound[1]?.isTrue == true, bound[2]?.isTrue == true)
        // A last line that is empty counts, too.
        var source = text
        source.append("\n")
        var result = TemplateString()
        result.isMarkup = text.isMarkup
        for (index, range) in source.lines(keepsEnds: false).enumerated() {
            if index > 0 { result.append("\n") }
            if index == 0 ? first : blank || !range.isEmpty {
                try allocate(indentation.count)
                result.append(indentation)
            }
            result.append(source, in: range)
        }
        return result
    }
}
