/// Parses the regular expressions of Hugging Face `tokenizers`: Oniguruma's own syntax.
///
/// Not read, and named in the error: back-references, `\G`, `\K`, `\X`, conditionals, and calls of groups. Nesting is
/// bounded, time is linear.
struct PatternParser: PatternCursor {
    let text: [Unicode.Scalar]
    var at = 0
    private var depth = 0
    private var options = Options()

    struct Options {
        var ignoresCase = false
        var dotMatchesNewline = false
        var isExtended = false
    }

    private static let deepest = 64
    private static let longestPattern = 1 << 14
    private static let mostQuantifiers = 8  // on one thing
    static let mostRepeats = 1000

    static func parse(_ pattern: String) throws(PatternError) -> PatternNode {
        guard pattern.utf8.count <= longestPattern else {
            throw PatternError(problem: "an expression of more than \(longestPattern) bytes")
        }
        var parser = PatternParser(text: Array(pattern.unicodeScalars))
        let node = try parser.alternatives()
        guard parser.at == parser.text.count else {
            throw parser.problem("a closing parenthesis without an opening one")
        }
        return node
    }

    private init(text: [Unicode.Scalar]) { self.text = text }

    private mutating func alternatives() throws(PatternError) -> PatternNode {
        depth += 1
        defer { depth -= 1 }
        guard depth <= Self.deepest else { throw problem("groups nested more than \(Self.deepest) deep") }
        var branches = [try sequence()]
        while take("|") { branches.append(try sequence()) }
        return branches.count == 1 ? branches[0] : .alternatives(branches)
    }

    private mutating func sequence() throws(PatternError) -> PatternNode {
        var nodes = [PatternNode]()
        while let next = peek, next != "|", next != ")" {
            if options.isExtended, skipBlank(next) { continue }
            guard let atom = try atom() else { continue }
            nodes.append(try quantified(atom))
        }
        if options.ignoresCase { try checkCaseFolding(nodes) }
        return nodes.count == 1 ? nodes[0] : nodes.isEmpty ? .empty : .sequence(nodes)
    }

    /// Blanks and comments of `(?x)`.
    private mutating func skipBlank(_ next: Unicode.Scalar) -> Bool {
        if next == "#" {
            while let scalar = peek, scalar != "\n" { at += 1 }
            return true
        }
        guard next == " " || (9...13).contains(next.value) else { return false }
        at += 1
        return true
    }

    /// Letters that case folding joins into one character (ß, ﬁ) match that character in Oniguruma.
    private func checkCaseFolding(_ nodes: [PatternNode]) throws(PatternError) {
        func holds(_ node: PatternNode, _ letter: UInt8) -> Bool {
            if case .set(let set) = node {
                set.containsASCII(letter) && !set.containsASCII(32)
            } else {
                false
            }
        }
        for (first, second) in zip(nodes, nodes.dropFirst()) {
            for pair in ["ss", "ff", "fi", "fl", "st"] {
                let letters = Array(pair.utf8)
                if holds(first, letters[0]), holds(second, letters[1]), !holds(first, 0x71) {
                    throw problem(
                        "\"\(pair)\" without regard to case, which also stands for single characters")
                }
            }
        }
    }

    private mutating func quantified(_ atom: PatternNode) throws(PatternError) -> PatternNode {
        var node = atom
        var count = 0
        while let next = peek {
            count += 1
            guard count <= Self.mostQuantifiers else { throw problem("repetitions of repetitions") }
            let bounds: (minimum: Int, maximum: Int?)
            var isInterval = false
            switch next {
            case "*": bounds = (0, nil)
            case "+": bounds = (1, nil)
            case "?": bounds = (0, 1)
            case "{":
                guard let interval = try interval() else { return node }
                bounds = interval
                isInterval = true
            default: return node
            }
            if !isInterval { at += 1 }
            var greed = PatternNode.Greed.greedy
            if take("?") {
                // `{n}?` is no lazy form in this syntax but an optional `{n}`.
                if isInterval, bounds.minimum == bounds.maximum {
                    let exact = PatternNode.repeated(
                        node, minimum: bounds.minimum, maximum: bounds.maximum, .greedy)
                    node = .repeated(exact, minimum: 0, maximum: 1, .greedy)
                    continue
                }
                greed = .lazy
            } else if !isInterval, take("+") {
                greed = .possessive
            }
            node = .repeated(node, minimum: bounds.minimum, maximum: bounds.maximum, greed)
        }
        return node
    }

    /// `{n}`, `{n,}`, `{,m}`, `{n,m}`; nil where the brace is a character.
    private mutating func interval() throws(PatternError) -> (minimum: Int, maximum: Int?)? {
        let start = at
        at += 1
        let low = number()
        var high = low
        if take(",") { high = number() } else if low == nil { at = start }
        guard at > start, low != nil || high != nil, take("}") else {
            at = start
            return nil
        }
        let minimum = low ?? 0
        guard minimum <= Self.mostRepeats, (high ?? 0) <= Self.mostRepeats else {
            throw problem("more than \(Self.mostRepeats) repetitions")
        }
        guard minimum <= high ?? minimum else {
            throw problem("a repetition with its bounds in the wrong order")
        }
        return (minimum, high)
    }

    private mutating func number() -> Int? {
        var value: Int?
        while let digit = peek, ("0"..."9").contains(digit) {
            value = min((value ?? 0) * 10 + Int(digit.value) - 48, 1_000_000)
            at += 1
        }
        return value
    }

    /// nil where there is nothing to match: a comment, or a brace that is written as a character follows.
    private mutating func atom() throws(PatternError) -> PatternNode? {
        guard let scalar = peek else { return nil }
        at += 1
        switch scalar {
        case "(": return try group()
        case "[":
            var classes = PatternClassParser(text: text, at: at, ignoresCase: options.ignoresCase)
            let rule = try classes.parse()
            at = classes.at
            return .set(ScalarSet(rule))
        case ".":
            return .set(ScalarSet(options.dotMatchesNewline ? .everything : .not(.one("\n"))))
        case "^": return .assertion(.lineStart)
        case "$": return .assertion(.lineEnd)
        case "\\": return try escape()
        case "*", "+", "?": throw problem("a repetition of nothing")
        default: return .set(literal(scalar))
        }
    }

    private mutating func escape() throws(PatternError) -> PatternNode {
        guard let scalar = peek else { throw problem("a backslash at the end") }
        switch scalar {
        case "A", "z", "Z", "b", "B", "R":
            at += 1
            return switch scalar {
            case "A": .assertion(.textStart)
            case "z": .assertion(.textEnd)
            case "Z": .assertion(.textEndOrLastLine)
            case "b": .assertion(.wordBorder)
            case "B": .assertion(.noWordBorder)
            default: Self.lineBreak
            }
        case "G", "K", "X", "k", "g", "y", "Y", "1", "2", "3", "4", "5", "6", "7", "8", "9":
            throw problem("\\\(scalar)")
        default:
            var classes = PatternClassParser(text: text, at: at - 1, ignoresCase: options.ignoresCase)
            let rule = try classes.escape()
            at = classes.at
            switch rule {
            case .scalar(let scalar): return .set(literal(scalar))
            case .rule(let rule): return .set(ScalarSet(rule))
            }
        }
    }

    private static let lineBreak: PatternNode = {
        let single = ScalarSet(.ranges([0x0A...0x0D, 0x85...0x85, 0x2028...0x2029]))
        let pair = [ScalarSet(.one("\r")), ScalarSet(.one("\n"))].map { PatternNode.set($0) }
        return .atomic(.alternatives([.sequence(pair), .set(single)]))
    }()

    private func literal(_ scalar: Unicode.Scalar) -> ScalarSet {
        ScalarSet(options.ignoresCase ? CaseVariants.rule(of: scalar) : .one(scalar))
    }

    private mutating func group() throws(PatternError) -> PatternNode? {
        guard take("?") else { return try body() }
        guard let kind = peek else { throw problem("a group without end") }
        at += 1
        switch kind {
        case ":": return try body()
        case ">": return .atomic(try body())
        case "=": return .look(try body(), isBehind: false, isNegated: false)
        case "!": return .look(try body(), isBehind: false, isNegated: true)
        case "#":
            while let scalar = peek, scalar != ")" { at += scalar == ")" ? 0 : 1 }
            guard take(")") else { throw problem("a comment without end") }
            return nil
        case "<":
            if take("=") { return .look(try body(), isBehind: true, isNegated: false) }
            if take("!") { return .look(try body(), isBehind: true, isNegated: true) }
            while let scalar = peek, scalar != ">" { at += scalar == ">" ? 0 : 1 }
            guard take(">") else { throw problem("a name of a group without end") }
            return try body()
        default:
            at -= 1
            return try optionGroup()
        }
    }

    /// `(?imx-imx)` to the end of the group around it, or `(?imx-imx:…)`.
    private mutating func optionGroup() throws(PatternError) -> PatternNode {
        let outer = options
        var isOn = true
        while let option = peek, option != ":", option != ")" {
            switch option {
            case "-": isOn = false
            case "i": options.ignoresCase = isOn
            case "m": options.dotMatchesNewline = isOn
            case "x": options.isExtended = isOn
            default: throw problem("the group (?\(option)")
            }
            at += 1
        }
        guard let end = peek else { throw problem("a group without end") }
        at += 1
        defer { options = outer }
        if end == ":" { return try body() }
        return try alternatives()
    }

    private mutating func body() throws(PatternError) -> PatternNode {
        let outer = options
        let node = try alternatives()
        options = outer
        guard take(")") else { throw problem("a group without end") }
        return node
    }
}
