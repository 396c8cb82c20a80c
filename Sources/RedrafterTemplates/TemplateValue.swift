/// What an expression can be, in the terms of Python, which templates are written for.
enum TemplateValue {
    case undefined(Undefined)
    case none
    case bool(Bool)
    case integer(Int)
    case double(Double)
    case string(TemplateString)
    case list(TemplateList)
    case tuple(TemplateList)
    case dictionary(TemplateDictionary)
    case namespace(TemplateNamespace)
    case range(TemplateRange)
    /// A generator: it can be walked once.
    case iterator(TemplateIterator)
    /// What `keys`, `values` and `items` of a dictionary give.
    case view(TemplateView)
    case callable(TemplateCallable)
    case loop(LoopState)

    /// What a name or member that is not there gives: empty when printed, an error when used.
    enum Undefined: Sendable {
        case name(String)
        case member(String, of: String)
        case hint(String)
        /// A method that would change a value, or a private name: an error when used.
        case unsafe(String, of: String)

        var message: String {
            switch self {
            case .name(let name): "'\(name)' is undefined"
            case .member(let name, let type): "'\(type)' has no member '\(name)'"
            case .hint(let text): text
            case .unsafe(let name, let type):
                "'\(name)' of '\(type)' is not allowed: templates may not change values"
            }
        }
    }

    static func string(_ text: String) -> TemplateValue { .string(TemplateString(text)) }

    /// The name of the type in Python.
    var typeName: String {
        switch self {
        case .undefined: "Undefined"
        case .none: "NoneType"
        case .bool: "bool"
        case .integer: "int"
        case .double: "float"
        case .string(let text): text.isMarkup ? "Markup" : "str"
        case .list: "list"
        case .tuple: "tuple"
        case .dictionary: "dict"
        case .namespace: "Namespace"
        case .range: "range"
        case .iterator: "generator"
        case .view(let view): "dict_\(view.kind.rawValue)"
        case .callable(let callable): callable.typeName
        case .loop: "LoopContext"
        }
    }

    var isTrue: Bool {
        switch self {
        case .undefined, .none: false
        case .bool(let flag): flag
        case .integer(let number): number != 0
        case .double(let number): number != 0
        case .string(let text): !text.isEmpty
        case .list(let list), .tuple(let list): !list.items.isEmpty
        case .dictionary(let dictionary): dictionary.count > 0
        case .range(let range): range.count > 0
        case .view(let view): !view.items.isEmpty
        case .loop(let loop): !loop.items.isEmpty
        case .namespace, .iterator, .callable: true
        }
    }

    /// How deep and how large the value is when it is walked through.
    var extent: Extent {
        switch self {
        case .string(let text): Extent(depth: 0, weight: 1 + text.count / 16)
        case .list(let list), .tuple(let list): list.extent
        case .dictionary(let dictionary): dictionary.extent
        case .view(let view): view.extent
        case .iterator(let iterator): iterator.extent
        case .callable(let callable): callable.extent
        case .loop(let loop): loop.extent
        default: Extent(depth: 0, weight: 1)
        }
    }

    /// Bounded when a container is made, so that neither printing nor comparing nor releasing can exhaust a stack or take
    /// for ever: a value that holds another one twice is twice as large.
    struct Extent {
        /// Containers inside each other.
        var depth = 1
        /// Values in it, long texts counting more.
        var weight = 1

        mutating func include(_ value: TemplateValue) {
            let extent = value.extent
            depth = max(depth, extent.depth + 1)
            weight += extent.weight
        }
    }

    /// The number that arithmetic sees; bools are numbers in Python.
    var number: Number? {
        switch self {
        case .bool(let flag): .integer(flag ? 1 : 0)
        case .integer(let value): .integer(value)
        case .double(let value): .double(value)
        default: nil
        }
    }

    /// An index; bools count, as in Python.
    var index: Int? { if case .integer(let value)? = number { value } else { nil } }

    enum Number {
        case integer(Int)
        case double(Double)

        var asDouble: Double {
            switch self {
            case .integer(let value): Double(value)
            case .double(let value): value
            }
        }
    }
}

/// The items of a list or tuple; never changed.
final class TemplateList {
    let items: [TemplateValue]
    let extent: TemplateValue.Extent

    init(_ items: [TemplateValue], extent: TemplateValue.Extent) {
        self.items = items
        self.extent = extent
    }
}

/// Numbers from `start` up to `end`, `step` apart.
struct TemplateRange: Equatable {
    var start: Int
    var end: Int
    var step: Int

    var count: Int {
        let (low, high) = step > 0 ? (start, end) : (end, start)
        guard high > low else { return 0 }
        let (span, overflow) = high.subtractingReportingOverflow(low)
        guard !overflow, step != .min else { return Int.max }
        return (span - 1) / abs(step) + 1
    }

    subscript(index: Int) -> Int { start &+ index &* step }
}

/// A generator, with what it has still to give.
final class TemplateIterator {
    private var items: [TemplateValue]
    private var next = 0
    let extent: TemplateValue.Extent

    init(_ items: [TemplateValue], extent: TemplateValue.Extent) {
        self.items = items
        self.extent = extent
    }

    func takeFirst() -> TemplateValue? {
        guard next < items.count else { return nil }
        next += 1
        return items[next - 1]
    }

    func takeAll() -> [TemplateValue] {
        defer { items = [] }
        return next == 0 ? items : Array(items.dropFirst(next))
    }
}

/// Keys, values or pairs of a dictionary.
final class TemplateView {
    enum Kind: String { case keys, values, items }

    let kind: Kind
    let items: [TemplateValue]
    let extent: TemplateValue.Extent

    init(_ kind: Kind, _ items: [TemplateValue], extent: TemplateValue.Extent) {
        self.kind = kind
        self.items = items
        self.extent = extent
    }
}

/// The one value that templates may change. The interpreter keeps all of them and empties them in the end, because they can
/// hold each other.
final class TemplateNamespace {
    var members: [TemplateString: TemplateValue] = [:]
    var order: [TemplateString] = []

    func set(_ name: TemplateString, _ value: TemplateValue) {
        if members.updateValue(value, forKey: name) == nil { order.append(name) }
    }
}

/// Something that can be called.
final class TemplateCallable {
    enum Kind {
        case macro(Macro, Scope)
        /// The body of a `call` block.
        case caller(Macro, Scope)
        case function(GlobalFunction)
        case method(TemplateString, of: TemplateValue)
    }

    let kind: Kind

    init(_ kind: Kind) { self.kind = kind }

    var typeName: String {
        switch kind {
        case .macro, .caller: "Macro"
        case .function: "function"
        case .method: "builtin_function_or_method"
        }
    }

    var extent: TemplateValue.Extent {
        var extent = TemplateValue.Extent()
        if case .method(_, let value) = kind { extent.include(value) }
        return extent
    }
}

/// What `loop` is inside a loop.
final class LoopState {
    let items: [TemplateValue]
    let extent: TemplateValue.Extent
    var index = 0
    /// Levels of recursion above it.
    let level: Int
    /// The loop and where it stands, for `loop(…)` of recursive loops.
    let recursion: (loop: ForLoop, scope: Scope)?
    var lastChanged: [TemplateValue]?

    init(
        _ items: [TemplateValue], extent: TemplateValue.Extent, level: Int,
        recursion: (loop: ForLoop, scope: Scope)?
    ) {
        self.items = items
        self.extent = extent
        self.level = level
        self.recursion = recursion
    }
}

/// Names that templates can call without defining them.
enum GlobalFunction: String, CaseIterable {
    case namespace, range, dict, joiner, cycler
    case raiseException = "raise_exception"
    case strftimeNow = "strftime_now"
}
