/// An expression and the line it begins on.
final class Expression: Sendable {
    let line: Int
    let kind: Kind

    init(_ kind: Kind, line: Int) {
        self.kind = kind
        self.line = line
    }

    enum Kind: Sendable {
        case none
        case bool(Bool)
        case integer(Int)
        case double(Double)
        case string(TemplateString)
        case name(Int)
        case list([Expression])
        case tuple([Expression])
        case dictionary([(key: Expression, value: Expression)])
        /// An operand and what is done to it, from left to right: no nesting, however long.
        case postfix(Expression, [Postfix])
        /// Operators of one precedence, from left to right.
        case arithmetic(Expression, [(operation: Arithmetic, operand: Expression)])
        case concatenation([Expression])
        case comparison(Expression, [(operation: Comparison, operand: Expression)])
        case and([Expression])
        case or([Expression])
        case not(Expression)
        case negative(Expression)
        case positive(Expression)
        case conditional(test: Expression, then: Expression, otherwise: Expression?)
    }

    enum Arithmetic: String, Sendable {
        case add = "+"
        case subtract = "-"
        case multiply = "*"
        case divide = "/"
        case floorDivide = "//"
        case remainder = "%"
        case power = "**"
    }

    enum Comparison: String, Sendable {
        case equal = "=="
        case unequal = "!="
        case less = "<"
        case atMost = "<="
        case greater = ">"
        case atLeast = ">="
        case contained = "in"
        case notContained = "not in"
    }
}

/// What can stand behind an operand.
struct Postfix: Sendable {
    enum Kind: Sendable {
        case attribute(TemplateString)
        case item(Expression)
        case slice(start: Expression?, end: Expression?, step: Expression?)
        case call(Arguments)
        case filter(Filter?, name: String, Arguments)
        case test(Test?, name: String, Arguments, isNegated: Bool)
    }

    let kind: Kind
    let line: Int
}

/// Arguments of a call as written.
struct Arguments: Sendable {
    var positional: [Expression] = []
    var keywords: [(name: String, value: Expression)] = []
    /// `*list`
    var list: Expression?
    /// `**dictionary`
    var dictionary: Expression?

    var isEmpty: Bool { positional.isEmpty && keywords.isEmpty && list == nil && dictionary == nil }
}

/// What is assigned to.
indirect enum Target: Sendable {
    case name(Int)
    case member(namespace: Int, TemplateString)
    case tuple([Target])
}

/// A statement and the line it begins on.
struct Statement: Sendable {
    enum Kind: Sendable {
        case text(TemplateString)
        case output(Expression)
        case branches([(test: Expression, body: [Statement])], otherwise: [Statement])
        case loop(ForLoop)
        case assign(Target, Expression)
        case assignBlock(Target, filters: [Postfix], body: [Statement])
        case macro(Macro)
        /// `call` with the macro that its body is.
        case call(Expression, body: Macro)
        case filterBlock([Postfix], body: [Statement])
        /// A part with names of its own: `with`, `generation`, `block`.
        case scope([(target: Target, value: Expression)], body: [Statement])
        case leaveLoop
        case nextItem
    }

    let kind: Kind
    let line: Int
}

/// A `for` loop.
final class ForLoop: Sendable {
    let target: Target
    let items: Expression
    let test: Expression?
    let isRecursive: Bool
    let body: [Statement]
    let otherwise: [Statement]

    init(
        target: Target, items: Expression, test: Expression?, isRecursive: Bool, body: [Statement],
        otherwise: [Statement]
    ) {
        self.target = target
        self.items = items
        self.test = test
        self.isRecursive = isRecursive
        self.body = body
        self.otherwise = otherwise
    }
}

/// A macro, or the body of a `call` block.
final class Macro: Sendable {
    struct Parameter: Sendable {
        var name: Int
        var spelling: String
        var standard: Expression?
    }

    let name: String
    let id: Int
    let parameters: [Parameter]
    let body: [Statement]
    /// Names of its body that have a meaning of their own.
    let usesCaller: Bool
    let usesVarargs: Bool
    let usesKwargs: Bool

    init(
        name: String, id: Int, parameters: [Parameter], body: [Statement], usesCaller: Bool,
        usesVarargs: Bool,
        usesKwargs: Bool
    ) {
        self.name = name
        self.id = id
        self.parameters = parameters
        self.body = body
        self.usesCaller = usesCaller
        self.usesVarargs = usesVarargs
        self.usesKwargs = usesKwargs
    }
}
