/// Properties of characters by the names that regular expressions give them.
enum CharacterProperty {
    typealias Rule = ScalarSet.Rule

    static let digit = Rule.categories(GeneralCategory.decimal)
    /// `\w` in a class.
    static let wordOfClass = Rule.categories(
        GeneralCategory.alphabetic | GeneralCategory.mark | GeneralCategory.decimal
            | GeneralCategory.connector)
    /// `\w` elsewhere; there Oniguruma counts the six numeric signs of Latin 1 among its characters.
    static let word = Rule.any([wordOfClass, .ranges([0xB2...0xB3, 0xB9...0xB9, 0xBC...0xBE])])
    static let hexadecimal = Rule.ranges([0x30...0x39, 0x41...0x46, 0x61...0x66])
    /// `White_Space`
    static let space = Rule.ranges([
        0x09...0x0D, 0x20...0x20, 0x85...0x85, 0xA0...0xA0, 0x1680...0x1680, 0x2000...0x200A, 0x2028...0x2029,
        0x202F...0x202F, 0x205F...0x205F, 0x3000...0x3000,
    ])

    /// The set of `\p{name}`; nil for names that are not known. Case, blanks, `-` and `_` do not count.
    static func named(_ name: String) -> Rule? {
        let name = String(
            String.UnicodeScalarView(
                name.lowercased().unicodeScalars.filter { !" -_".unicodeScalars.contains($0) }))
        if let index = GeneralCategory.names.firstIndex(of: name) { return .categories(1 << UInt32(index)) }
        if let mask = categories[name] { return .categories(mask) }
        if let posix = posix(name), name != "punct" { return posix }
        if let ranges = UnicodeScripts.ranges(of: name) { return .ranges(ranges) }
        return switch name {
        case "any": .everything
        case "ascii": .ranges([0...0x7F])
        case "assigned": .not(.categories(GeneralCategory.unassigned))
        case "whitespace": space
        default: nil
        }
    }

    /// The set of `[:name:]`; nil for names that are not known.
    static func posix(_ name: String) -> Rule? {
        switch name {
        case "alnum": .categories(GeneralCategory.alphabetic | GeneralCategory.decimal)
        case "alpha", "alphabetic": .categories(GeneralCategory.alphabetic)
        case "ascii": .ranges([0...0x7F])
        case "blank": .any([.one("\t"), .categories(1 << 22)])
        case "cntrl": .categories(1 << 25)
        case "digit": digit
        case "punct": .categories(GeneralCategory.punctuation | GeneralCategory.symbol)
        case "space": space
        case "xdigit": hexadecimal
        case "word": wordOfClass
        default: nil
        }
    }

    private static let categories: [String: UInt32] = [
        "l": GeneralCategory.letter, "letter": GeneralCategory.letter, "lc": GeneralCategory.cased,
        "casedletter": GeneralCategory.cased, "uppercaseletter": 1, "lowercaseletter": 2,
        "titlecaseletter": 4,
        "modifierletter": 8, "otherletter": 16, "m": GeneralCategory.mark, "mark": GeneralCategory.mark,
        "combiningmark": GeneralCategory.mark, "nonspacingmark": 1 << 5, "spacingmark": 1 << 6,
        "enclosingmark": 1 << 7, "n": GeneralCategory.number, "number": GeneralCategory.number,
        "decimalnumber": 1 << 8, "letternumber": 1 << 9, "othernumber": 1 << 10,
        "p": GeneralCategory.punctuation, "punct": GeneralCategory.punctuation,
        "punctuation": GeneralCategory.punctuation, "connectorpunctuation": 1 << 11,
        "dashpunctuation": 1 << 12,
        "openpunctuation": 1 << 13, "closepunctuation": 1 << 14, "initialpunctuation": 1 << 15,
        "finalpunctuation": 1 << 16, "otherpunctuation": 1 << 17, "s": GeneralCategory.symbol,
        "symbol": GeneralCategory.symbol, "mathsymbol": 1 << 18, "currencysymbol": 1 << 19,
        "modifiersymbol": 1 << 20, "othersymbol": 1 << 21, "z": GeneralCategory.separator,
        "separator": GeneralCategory.separator, "spaceseparator": 1 << 22, "lineseparator": 1 << 23,
        "paragraphseparator": 1 << 24, "c": GeneralCategory.other, "other": GeneralCategory.other,
        "control": 1 << 25, "format": 1 << 26, "surrogate": 1 << 27, "privateuse": 1 << 28,
        "unassigned": 1 << 29,
    ]
}
