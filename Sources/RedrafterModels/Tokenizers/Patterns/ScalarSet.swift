/// A set of characters (Unicode scalars): a bit for each of ASCII, a small tree for the others.
struct ScalarSet: Sendable, Hashable {
    /// Bits of the scalars 0–63 and 64–127.
    private let ascii: SIMD2<UInt64>
    private let rule: Rule
    /// Bytes that are no UTF-8 belong to it: they have no property, so they are in what is defined by absence.
    let holdsInvalid: Bool

    /// What belongs to a set.
    indirect enum Rule: Sendable, Hashable {
        case ranges([ClosedRange<UInt32>])  // ascending
        /// Bits of `GeneralCategory`.
        case categories(UInt32)
        case not(Rule)
        case any([Rule])
        case all([Rule])

        static let everything = Rule.all([])
        static func one(_ scalar: Unicode.Scalar) -> Rule { .ranges([scalar.value...scalar.value]) }

        func contains(_ value: UInt32, category: UInt32) -> Bool {
            switch self {
            case .ranges(let ranges):
                if ranges.count < 8 { return ranges.contains { $0.contains(value) } }
                var (low, high) = (0, ranges.count)
                while low < high {
                    let middle = (low + high) / 2
                    if ranges[middle].upperBound < value { low = middle + 1 } else { high = middle }
                }
                return low < ranges.count && ranges[low].contains(value)
            case .categories(let mask): return mask & category != 0
            case .not(let rule): return !rule.contains(value, category: category)
            case .any(let rules): return rules.contains { $0.contains(value, category: category) }
            case .all(let rules): return rules.allSatisfy { $0.contains(value, category: category) }
            }
        }
    }

    init(_ rule: Rule) {
        self.rule = rule
        var bits = SIMD2<UInt64>(0, 0)
        for value in UInt32(0)..<128 {
            let category = GeneralCategory.bit(of: Unicode.Scalar(UInt8(value)))
            if rule.contains(value, category: category) { bits[Int(value >> 6)] |= 1 << UInt64(value & 63) }
        }
        ascii = bits
        holdsInvalid = rule.contains(.max, category: 0)
    }

    func containsASCII(_ byte: UInt8) -> Bool { ascii[Int(byte >> 6 & 1)] >> UInt64(byte & 63) & 1 != 0 }

    /// For scalars outside ASCII.
    func contains(_ value: UInt32, category: UInt32) -> Bool { rule.contains(value, category: category) }

    /// A character of the set that is outside ASCII may begin with such a byte.
    var reachesBeyondASCII: Bool {
        if case .ranges(let ranges) = rule { return ranges.last.map { $0.upperBound >= 128 } ?? false }
        return true
    }
}

/// General categories of Unicode as bits, those of Unicode 16: what is newer is unassigned, as to Hugging Face
/// `tokenizers`.
enum GeneralCategory {
    static let letter: UInt32 = 0x1F
    static let cased: UInt32 = 0x7  // Lu, Ll, Lt
    static let mark: UInt32 = 0xE0
    static let number: UInt32 = 0x700
    static let decimal: UInt32 = 0x100
    static let punctuation: UInt32 = 0x3F800
    static let connector: UInt32 = 0x800
    static let symbol: UInt32 = 0x3C0000
    static let separator: UInt32 = 0x1C0_0000
    static let other: UInt32 = 0x3E00_0000
    /// Letters, and what else has the property `Alphabetic`: a bit beside the one of the category.
    static let alphabetic: UInt32 = 1 << 30

    /// By the short names, in the order of the bits.
    static let names = [
        "lu", "ll", "lt", "lm", "lo", "mn", "mc", "me", "nd", "nl", "no", "pc", "pd", "ps", "pe", "pi", "pf",
        "po", "sm", "sc", "sk", "so", "zs", "zl", "zp", "cc", "cf", "cs", "co", "cn",
    ]
    static let unassigned: UInt32 = 1 << 29

    static func bit(of scalar: Unicode.Scalar) -> UInt32 {
        let properties = scalar.properties
        let category = properties.generalCategory
        // No letter, mark or sign that Unicode 17 added lies below.
        if scalar.value > 0x870, category != .unassigned, (properties.age?.major ?? 0) > 16 {
            return unassigned
        }
        let bit: UInt32 = 1 << index(category)
        if bit & (letter | 1 << 9) != 0 { return bit | alphabetic }
        // Some marks and signs are alphabetic, too.
        return bit & (mark | 1 << 21) != 0 && properties.isAlphabetic ? bit | alphabetic : bit
    }

    private static func index(_ category: Unicode.GeneralCategory) -> UInt32 {
        switch category {
        case .uppercaseLetter: 0
        case .lowercaseLetter: 1
        case .titlecaseLetter: 2
        case .modifierLetter: 3
        case .otherLetter: 4
        case .nonspacingMark: 5
        case .spacingMark: 6
        case .enclosingMark: 7
        case .decimalNumber: 8
        case .letterNumber: 9
        case .otherNumber: 10
        case .connectorPunctuation: 11
        case .dashPunctuation: 12
        case .openPunctuation: 13
        case .closePunctuation: 14
        case .initialPunctuation: 15
        case .finalPunctuation: 16
        case .otherPunctuation: 17
        case .mathSymbol: 18
        case .currencySymbol: 19
        case .modifierSymbol: 20
        case .otherSymbol: 21
        case .spaceSeparator: 22
        case .lineSeparator: 23
        case .paragraphSeparator: 24
        case .control: 25
        case .format: 26
        case .surrogate: 27
        case .privateUse: 28
        case .unassigned: 29
        @unknown default: 29
        }
    }
}
