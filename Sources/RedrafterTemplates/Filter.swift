/// Filters by the name that templates call them by.
enum Filter: String, CaseIterable, Sendable {
    case abs, attr, batch, capitalize, center, count, d, `default`, dictsort, e, escape, first, float,
        forceescape
    case format, groupby, indent, int, items, join, last, length, list, lower, map, max, min, reject,
        rejectattr
    case replace, reverse, round, safe, select, selectattr, slice, sort, string, striptags, sum, title,
        tojson, trim
    case truncate, unique, upper, urlencode, wordcount

    static func unknown(_ name: String) -> Fault {
        let nearest = Spelling.nearest(name, among: allCases.map(\.rawValue))
        return .unsupported("the filter '\(name)'", nearest: "'\(nearest)'")
    }
}

extension Interpreter {
    func apply(
        _ filter: Filter, _ value: TemplateValue, _ arguments: CallArguments
    ) throws(Fault) -> TemplateValue {
        switch filter {
        case .trim, .upper, .lower, .capitalize, .title, .replace, .indent, .center, .string, .safe, .escape,
            .e,
            .forceescape, .format, .striptags, .truncate, .urlencode, .wordcount:
            return try applyToText(filter, value, arguments)
        case .first, .last, .join, .list, .reverse, .length, .count, .items, .batch, .slice, .attr:
            return try applyToItems(filter, value, arguments)
        case .map, .select, .reject, .selectattr, .rejectattr, .groupby:
            return try applyToEach(filter, value, arguments)
        case .sort, .dictsort, .unique, .min, .max, .sum:
            return try applyInOrder(filter, value, arguments)
        case .abs, .int, .float, .round: return try applyToNumber(filter, value, arguments)
        case .default, .d:
            let bound = try arguments.bind(["default_value", "boolean"], "default")
            let isMissing =
                if case .undefined = value { true } else { bound[1]?.isTrue == true && !value.isTrue }
            return isMissing ? bound[0] ?? .string(TemplateString()) : value
        case .tojson:
            let bound = try arguments.bind(["ensure_ascii", "indent", "separators", "sort_keys"], "tojson")
            return try string(try json(value, bound))
        }
    }

    /// An attribute path as `map` and `sort` take it: names and places with dots between.
    func path(_ value: TemplateValue?) throws(Fault) -> [TemplateValue] {
        switch value {
        case nil, .none?: return []
        case .string(let text)?:
            return text.text.split(separator: ".", omittingEmptySubsequences: false).map { part in
                let isPlace = !part.isEmpty && part.utf8.allSatisfy { (48...57).contains($0) }
                return isPlace
                    ? Int(part).map { .integer($0) } ?? .string(String(part)) : .string(String(part))
            }
        case let value?: return [value]
        }
    }

    /// What a path leads to.
    func follow(
        _ path: [TemplateValue], from value: TemplateValue, standard: TemplateValue? = nil
    ) throws(Fault) -> TemplateValue {
        var value = value
        for part in path {
            try step()
            value = try item(part, of: value)
            if let standard, case .undefined = value { value = standard }
        }
        return value
    }
}
