/// Tests by the name that templates call them by.
enum Test: String, CaseIterable, Sendable {
    case boolean, callable, defined, divisibleby, escaped, even, `false`, filter, float, integer, iterable,
        lower
    case mapping, none, number, odd, sameas, sequence, string, test, `true`, undefined, upper, `in`
    case equal = "==", eq, equalto
    case unequal = "!=", ne
    case greater = ">", gt, greaterthan
    case atLeast = ">=", ge
    case less = "<", lt, lessthan
    case atMost = "<=", le

    static func unknown(_ name: String) -> Fault {
        let nearest = Spelling.nearest(name, among: allCases.map(\.rawValue))
        return .unsupported("the test '\(name)'", nearest: "'\(nearest)'")
    }

    /// The comparison that a test is another name of.
    fileprivate var comparison: Expression.Comparison? {
        switch self {
        case .equal, .eq, .equalto: .equal
        case .unequal, .ne: .unequal
        case .greater, .gt, .greaterthan: .greater
        case .atLeast, .ge: .atLeast
        case .less, .lt, .lessthan: .less
        case .atMost, .le: .atMost
        case .in: .contained
        default: nil
        }
    }
}

extension Interpreter {
    /// Whether a value passes a test.
    func holds(_ test: Test, _ value: TemplateValue, _ arguments: CallArguments) throws(Fault) -> Bool {
        if let comparison = test.comparison {
            let bound = try arguments.bind(["other"], required: 1, "the test '\(test.rawValue)'")
            return try compare(value, comparison, bound[0] ?? .none)
        }
        switch test {
        case .divisibleby:
            let bound = try arguments.bind(["num"], required: 1, "the test 'divisibleby'")
            return try calculate(value, .remainder, bound[0] ?? .none).equals(.integer(0))
        case .sameas:
            let bound = try arguments.bind(["other"], required: 1, "the test 'sameas'")
            return value.isSame(as: bound[0] ?? .none)
        default: break
        }
        _ = try arguments.bind([], "the test '\(test.rawValue)'")
        switch test {
        case .even, .odd:
            return try calculate(value, .remainder, .integer(2)).equals(.integer(test == .odd ? 1 : 0))
        case .lower, .upper:
            let text = try text(value)
            try step(text.count)
            return test == .lower ? text.isLowercase : text.isUppercase
        case .filter: return Filter(rawValue: try text(value).text) != nil
        case .test: return Test(rawValue: try text(value).text) != nil
        default: return isOfKind(test, value)
        }
    }

    private func isOfKind(_ test: Test, _ value: TemplateValue) -> Bool {
        switch (test, value) {
        case (.undefined, .undefined): true
        case (.undefined, _): false
        case (.defined, .undefined): false
        case (.defined, _): true
        case (.none, .none), (.string, .string), (.mapping, .dictionary): true
        case (.boolean, .bool), (.integer, .integer), (.float, .double): true
        case (.number, .bool), (.number, .integer), (.number, .double): true
        case (.true, .bool(let flag)): flag
        case (.false, .bool(let flag)): !flag
        case (.sequence, .string), (.sequence, .list), (.sequence, .tuple), (.sequence, .dictionary),
            (.sequence, .range), (.sequence, .undefined):
            true
        case (.iterable, .string), (.iterable, .list), (.iterable, .tuple), (.iterable, .dictionary),
            (.iterable, .range), (.iterable, .undefined), (.iterable, .view), (.iterable, .iterator),
            (.iterable, .loop):
            true
        case (.callable, .callable), (.callable, .undefined): true
        case (.callable, .loop): true
        case (.escaped, .string(let text)): text.isMarkup
        default: false
        }
    }
}
