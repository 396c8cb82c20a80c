/// Parses classes of characters (`[…]`, with ranges, `&&` and classes inside) and the escapes that stand for sets.
struct PatternClassParser: PatternCursor {
    let text: [Unicode.Scalar]
    var at: Int
    let ignoresCase: Bool
    private var depth = 0

    typealias Rule = ScalarSet.Rule

    enum Item {
        case scalar(Unicode.Scalar)
        case rule(Rule)
    }

    private static let deepest = 32

    init(text: [Unicode.Scalar], at: Int, ignoresCase: Bool) {
        self.text = text
        self.at = at
        self.ignoresCase = ignoresCase
    }

    /// What follows the opening bracket, with the closing one.
    mutating func parse() throws(PatternError) -> Rule {
        depth += 1
        defer { depth -= 1 }
        guard depth <= Self.deepest else { throw problem("classes nested more than \(Self.deepest) deep") }
        let isNegated = take("^")
        var parts = [Rule]()  // of an intersection
        var rules = [Rule]()
        var isFirst = true
        while true {
            guard let scalar = peek else { throw problem("a class without end") }
            at += 1
            if scalar == "]", !isFirst || !hasClosingBracket {
                guard !isFirst else { throw problem("an empty class") }
                break
            }
            isFirst = false
            if scalar == "&", peek == "&" {
                at += 1
                parts.append(.any(rules))
                rules = []
                continue
            }
            switch try item(scalar) {
            case .rule(let rule): rules.append(rule)
            case .scalar(let low): rules.append(try range(from: low))
            }
        }
        parts.append(.any(rules))
        let rule = parts.count == 1 ? parts[0] : .all(parts)
        return isNegated ? .not(rule) : rule
    }

    /// `[]a]` has a bracket as its first character.
    private var hasClosingBracket: Bool { text[at...].contains("]") }

    private mutating func range(from low: Unicode.Scalar) throws(PatternError) -> Rule {
        guard peek == "-", at + 1 < text.count, text[at + 1] != "]" else { return variants(low...low) }
        let dash = at
        at += 2
        guard case .scalar(let high) = try item(text[at - 1]) else {
            guard text[dash + 1] == "[" else { throw problem("a class as the end of a range") }
            at = dash
            return variants(low...low)
        }
        guard low <= high else { throw problem("a range with its ends in the wrong order") }
        guard !ignoresCase || high.value - low.value < 1024 else {
            throw problem("a range of more than 1024 characters without regard to case")
        }
        return variants(low...high)
    }

    private func variants(_ range: ClosedRange<Unicode.Scalar>) -> Rule {
        let values = range.lowerBound.value...range.upperBound.value
        guard ignoresCase else { return .ranges([values]) }
        var all = Set<UInt32>()
        for value in values {
            if let scalar = Unicode.Scalar(value) { all.formUnion(CaseVariants.of(scalar).map(\.value)) }
        }
        return .ranges(all.sorted().map { $0...$0 })
    }

    private mutating func item(_ scalar: Unicode.Scalar) throws(PatternError) -> Item {
        switch scalar {
        case "\\":
            at -= 1
            return try escape(isInClass: true)
        case "[":
            if peek == ":", let rule = try posixClass() { return .rule(rule) }
            return .rule(try parse())
        default: return .scalar(scalar)
        }
    }

    /// `[:alpha:]`, behind its first bracket; nil where it is an ordinary class.
    private mutating func posixClass() throws(PatternError) -> Rule? {
        guard let end = text[at...].firstIndex(of: "]"), end - at >= 3, end - at < 16, text[end - 1] == ":"
        else {
            return nil
        }
        var name = String(String.UnicodeScalarView(text[(at + 1)..<(end - 1)]))
        let isNegated = name.hasPrefix("^")
        if isNegated { name.removeFirst() }
        guard let rule = CharacterProperty.posix(name) else { throw problem("the class [:\(name):]") }
        at = end + 1
        return isNegated ? .not(rule) : rule
    }

    /// A backslash at `at` and what it escapes.
    mutating func escape(isInClass: Bool = false) throws(PatternError) -> Item {
        at += 1
        guard let scalar = peek else { throw problem("a backslash at the end") }
        at += 1
        switch scalar {
        case "d": return .rule(CharacterProperty.digit)
        case "D": return .rule(.not(CharacterProperty.digit))
        case "w", "W":
            let word = isInClass ? CharacterProperty.wordOfClass : CharacterProperty.word
            return .rule(scalar == "w" ? word : .not(word))
        case "s": return .rule(CharacterProperty.space)
        case "S": return .rule(.not(CharacterProperty.space))
        case "h": return .rule(CharacterProperty.hexadecimal)
        case "H": return .rule(.not(CharacterProperty.hexadecimal))
        case "N" where !isInClass: return .rule(.not(.one("\n")))
        case "O" where !isInClass: return .rule(.everything)
        case "p" where peek == "{": return .rule(try property(isNegated: false))
        case "P" where peek == "{": return .rule(try property(isNegated: true))
        case "n": return .scalar("\n")
        case "r": return .scalar("\r")
        case "t": return .scalar("\t")
        case "f": return .scalar("\u{C}")
        case "v": return .scalar("\u{B}")
        case "a": return .scalar("\u{7}")
        case "e": return .scalar("\u{1B}")
        case "b" where isInClass: return .scalar("\u{8}")
        case "x":
            if take("{") {
                let value = try hexadecimal(most: 8)
                guard take("}") else { throw problem("\\x{ without its end") }
                return .scalar(value)
            }
            return .scalar(try hexadecimal(most: 2))
        case "u": return .scalar(try hexadecimal(least: 4, most: 4))
        case "0"..."7":
            at -= 1
            return .scalar(try number(radix: 8, least: 1, most: 3))
        default: return .scalar(scalar)
        }
    }

    private mutating func hexadecimal(least: Int = 1, most: Int) throws(PatternError) -> Unicode.Scalar {
        try number(radix: 16, least: least, most: most)
    }

    private mutating func number(radix: Int, least: Int, most: Int) throws(PatternError) -> Unicode.Scalar {
        var value: UInt32 = 0
        var digits = 0
        while digits < most, let scalar = peek, let digit = Character(scalar).hexDigitValue, digit < radix {
            value = value &* UInt32(radix) &+ UInt32(digit)
            digits += 1
            at += 1
        }
        guard digits >= least, let scalar = Unicode.Scalar(value) else {
            throw problem("a number of no character")
        }
        return scalar
    }

    /// `{L}`, `{^Lu}`, `{Han}`
    private mutating func property(isNegated: Bool) throws(PatternError) -> Rule {
        guard let end = text[at...].firstIndex(of: "}"), end - at < 64 else {
            throw problem("\\p{ without its end")
        }
        var name = String(String.UnicodeScalarView(text[(at + 1)..<end]))
        var isNegated = isNegated
        if name.hasPrefix("^") {
            isNegated.toggle()
            name.removeFirst()
        }
        guard let rule = CharacterProperty.named(name) else { throw problem("\\p{\(name)}") }
        at = end + 1
        return isNegated ? .not(rule) : rule
    }
}
