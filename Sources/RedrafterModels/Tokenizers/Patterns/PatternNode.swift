/// A regular expression as a tree.
indirect enum PatternNode: Sendable {
    case empty
    case set(ScalarSet)
    case sequence([PatternNode])
    case alternatives([PatternNode])
    /// `maximum` nil: without end.
    case repeated(PatternNode, minimum: Int, maximum: Int?, Greed)
    /// `(?=…)`, `(?!…)`, `(?<=…)`, `(?<!…)`
    case look(PatternNode, isBehind: Bool, isNegated: Bool)
    /// `(?>…)`
    case atomic(PatternNode)
    case assertion(Assertion)

    enum Greed: Sendable { case greedy, lazy, possessive }

    enum Assertion: UInt8, Sendable {
        case lineStart, lineEnd, textStart, textEnd, textEndOrLastLine, wordBorder, noWordBorder
    }

    /// Whether it matches without taking a character.
    var isNullable: Bool {
        switch self {
        case .empty, .look, .assertion: true
        case .set: false
        case .sequence(let nodes): nodes.allSatisfy(\.isNullable)
        case .alternatives(let nodes): nodes.contains(where: \.isNullable)
        case .repeated(let node, let minimum, _, _): minimum == 0 || node.isNullable
        case .atomic(let node): node.isNullable
        }
    }

    /// The number of characters it takes, where that is always the same.
    var fixedLength: Int? {
        switch self {
        case .empty, .look, .assertion: return 0
        case .set: return 1
        case .sequence(let nodes):
            var total = 0
            for node in nodes {
                guard let length = node.fixedLength else { return nil }
                total += length
            }
            return total
        case .alternatives(let nodes):
            guard let first = nodes.first?.fixedLength else { return nil }
            return nodes.allSatisfy { $0.fixedLength == first } ? first : nil
        case .repeated(let node, let minimum, let maximum, _):
            guard minimum == maximum, let length = node.fixedLength else { return nil }
            let (product, isTooLarge) = minimum.multipliedReportingOverflow(by: length)
            return isTooLarge || product > 1 << 20 ? nil : product
        case .atomic(let node): return node.fixedLength
        }
    }
}

/// Why a regular expression cannot be used.
struct PatternError: Error, Sendable, Hashable {
    /// What is wrong or not supported, and where.
    var problem: String
}
